"""The demo: the real engine, sandbox and database with a scripted model behind real HTTP, so that no key is needed."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.config import Config
    from engine.llm.protocol import ModelClient
    from engine.scripted.script import Script
    from engine.task import Task

DEFAULT_DEMO = "roman-numerals"


@dataclass(frozen=True)
class DemoSetup:
    """A demo that is ready to start."""

    model: "ModelClient"
    task: "Task"
    script: "Script"


@dataclass(frozen=True)
class DemoChoice:
    """A demo to choose from."""

    name: str
    title: str
    description: str


@asynccontextmanager
async def demo_setup(
    config: "Config", name: str = DEFAULT_DEMO, *, words_per_second: float = 0
) -> AsyncIterator[DemoSetup]:
    """A scripted model that serves while the context is open, and the task that it knows.

    Args:
        config: the configuration in force.
        name: a packaged script, or the path of one.
        words_per_second: how fast the model's text streams; 0 sends it at once.

    Raises:
        ScriptError: there is no such script, or it is malformed.
    """
    script = await asyncio.to_thread(_load, name)
    from engine.llm.choose import make_model
    from engine.scripted.server import ScriptedServer

    folder = await asyncio.to_thread(_make_workspace, script)
    try:
        async with ScriptedServer(script, words_per_second=words_per_second) as server:
            model = make_model(config, base_url=server.base_url, model="scripted", scripted=script.name)
            try:
                yield DemoSetup(model, _task(config, script, folder, model.label), script)
            finally:
                await model.close()
    finally:
        await asyncio.to_thread(_remove_untouched, script, folder)


async def demo_choices() -> tuple[DemoChoice, ...]:
    """The scripts that are meant to be shown."""

    def read() -> tuple[DemoChoice, ...]:
        from engine.scripted.script import list_scripts

        return tuple(
            DemoChoice(script.name, script.title, script.description) for script in list_scripts() if script.featured
        )

    return await asyncio.to_thread(read)


def _load(name: str) -> "Script":
    import engine.llm.choose
    import engine.scripted.server  # noqa: F401  both are slow to import, and this is the thread for it
    from engine.scripted.script import load_script

    return load_script(name)


def _make_workspace(script: "Script") -> Path:
    """A folder with the script's files, for the person to find the result in."""
    folder = Path(tempfile.mkdtemp(prefix=f"miracle-demo-{Path(script.name).stem}-"))
    for name, text in script.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _remove_untouched(script: "Script", folder: Path) -> None:
    """Remove the folder unless a person took the result into it."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    same = found == set(script.files) and all(
        (folder / name).read_text(encoding="utf-8") == text for name, text in script.files.items()
    )
    if same:
        shutil.rmtree(folder)


def _task(config: "Config", script: "Script", folder: Path, label: str) -> "Task":
    from miracle_tui.new_task import task_from

    return task_from(
        config,
        goal=script.goal,
        workspace=folder,
        project_type="existing" if script.files else script.project_type,
        language=script.language,
        verify=script.verify or "",
        model_label=label,
        scripted=True,
    )
