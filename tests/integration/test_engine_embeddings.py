"""Failures are embedded by the configured endpoint, over real HTTP, and found again by it."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from engine import events as e
from engine.engine import Engine
from engine.evolve import fold
from engine.llm.choose import make_model
from engine.scripted.server import ScriptedServer
from tests.engine_fixtures import engine_config, task_of
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap
ASKING = (e.Recalled, e.SessionOpened)
ANSWER = e.AnswerReceived


async def test_the_configured_embedding_model_recalls_an_earlier_failure(
    database_url: str, sandbox_workspace: Path
) -> None:
    script = tiny_script(wrong_first=True)
    async with ScriptedServer(script) as server:
        config = engine_config(
            database_url,
            sandbox_workspace / "home",
            **{
                "settings.sandbox.backend": "bubblewrap",
                "settings.memory.similarity_threshold": 0.3,
                "openai.api.base_url": server.base_url,
                "openai.api.key": "sk-test",
            },
        )
        engine = await Engine.open(config, model=make_model(config))
        try:
            logs = []
            for name in ("first", "second"):
                folder = sandbox_workspace / name
                folder.mkdir()
                run_id = await engine.start(task_of(script, folder))
                async with asyncio.timeout(60):
                    assert (await engine.settled(run_id)).outcome == "success"
                logs.append(await engine.log(run_id))
            found = await engine.memory.database.run(lambda c: c.execute(text("select name from embed_model")))
            names = found.scalars().all()
        finally:
            await engine.close()
        asked = [request for request in server.requests if request.path.endswith("/embeddings")]
    assert asked
    assert asked[0].json()["model"] == "text-embedding-3-large"
    assert asked[0].json()["dimensions"] == 1536
    assert any("text-embedding-3-large" in name for name in names)
    paid = [sum(one.event.asked_usd for one in log if isinstance(one.event, ASKING)) for log in logs]
    answered = [sum(one.event.answer.cost_usd or 0.0 for one in log if isinstance(one.event, ANSWER)) for log in logs]
    assert paid[0] > paid[1] == 0, "a run pays for what it asks memory, and the same question costs nothing again"
    assert [fold(log).spend.usd for log in logs] == pytest.approx([answered[0] + paid[0], answered[1]])
    first, second = ([one.event.items for one in log if isinstance(one.event, e.Recalled)] for log in logs)
    assert first == [()]
    assert second[0][0].cause == "adds instead of doubling"
    assert not second[0][0].own_project
