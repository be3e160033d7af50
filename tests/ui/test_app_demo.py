"""The demo: a scripted model behind real HTTP and a workspace of its own."""

from pathlib import Path

import pytest

from config.config import Config
from config.paths import find_paths
from engine.llm.errors import ModelError
from engine.llm.protocol import Message, ModelRequest
from miracle_tui.demo import DEFAULT_DEMO, demo_choices, demo_setup


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(paths=find_paths({"MIRACLE_HOME": str(tmp_path)}))


async def test_the_model_answers_over_http_and_says_that_it_is_scripted(config: Config) -> None:
    async with demo_setup(config) as setup:
        assert setup.model.scripted
        assert setup.task.scripted
        assert setup.task.goal == setup.script.goal.strip()
        request = ModelRequest(model="scripted", messages=(Message(role="user", content="begin"),), role="planner")
        answer = await setup.model.complete(request)
        assert answer.tool_calls or answer.text


async def test_the_workspace_goes_unless_the_result_was_taken_into_it(config: Config) -> None:
    async with demo_setup(config) as setup:
        untouched = Path(setup.task.workspace)
        assert {str(path.relative_to(untouched)) for path in untouched.rglob("*") if path.is_file()} == set(
            setup.script.files
        )
    assert not untouched.exists()
    async with demo_setup(config) as setup:
        taken = Path(setup.task.workspace)
        (taken / "result.py").write_text("pass\n")
    assert (taken / "result.py").exists()


async def test_there_are_demos_to_choose_from() -> None:
    names = [choice.name for choice in await demo_choices()]
    assert DEFAULT_DEMO in names
    assert len(names) >= 2


async def test_an_unknown_demo_names_those_that_exist(config: Config) -> None:
    with pytest.raises(ModelError, match="no-such-demo") as caught:
        async with demo_setup(config, "no-such-demo"):
            pass
    assert DEFAULT_DEMO in caught.value.hint
