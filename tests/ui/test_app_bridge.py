"""The bridge: what the engine's feed becomes on its way to the screen."""

import asyncio
import time
from collections.abc import Callable

from textual.message import Message

from engine import events as e
from engine.bus import Delta, Live, OutputText, TestsBegan
from engine.evolve import fold
from miracle_tui.bridge import RunBridge, joined
from miracle_tui.messages import LiveItems, StateChanged
from tests.ui import recorded_run
from tests.ui.recorded_run import RUN
from tests.ui.scripted_engine import ScriptedEngine


async def follow(engine: ScriptedEngine, done: Callable[[list[Message]], bool]) -> list[Message]:
    """The messages that the bridge posts until something holds of them."""
    posted: list[Message] = []
    task = asyncio.create_task(RunBridge(engine, posted.append).follow(RUN))
    try:
        async with asyncio.timeout(30):
            while not done(posted):  # noqa: ASYNC110  what is waited for has no event of its own
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return posted


def last_state(posted: list[Message]) -> int:
    states = [message.state.seq for message in posted if isinstance(message, StateChanged)]
    return states[-1] if states else 0


async def test_what_is_posted_is_what_the_log_folds_to() -> None:
    engine = ScriptedEngine()
    engine.tell(RUN, *recorded_run.until_success())
    log = engine.log_of(RUN)
    posted = await follow(engine, lambda posted: last_state(posted) == len(log))
    states = [message for message in posted if isinstance(message, StateChanged)]
    assert states[-1].state == fold(log)
    assert [item for message in states for item in message.recorded] == log


async def test_a_long_log_comes_in_few_batches_and_never_holds_the_loop() -> None:
    engine = ScriptedEngine()
    engine.tell(RUN, *recorded_run.until_failure(), *(e.Steered(text=f"message {n}") for n in range(5000)))
    longest, stop = 0.0, asyncio.Event()

    async def watch_the_loop() -> None:
        nonlocal longest
        while not stop.is_set():
            begun = time.thread_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - begun)

    watcher = asyncio.create_task(watch_the_loop())
    begun = time.monotonic()
    posted = await follow(engine, lambda posted: last_state(posted) == len(engine.log_of(RUN)))
    frames = (time.monotonic() - begun) * 30
    stop.set()
    await watcher
    assert len(posted) <= frames + 2
    assert longest < 0.05


async def test_output_keeps_its_place_between_events() -> None:
    engine = ScriptedEngine()
    engine.tell(RUN, *recorded_run.until_plan())
    known = len(engine.log_of(RUN))

    def feed(posted: list[Message]) -> bool:
        if last_state(posted) == known and not engine.calls:
            engine.calls.append(("fed",))
            engine.bus.publish(TestsBegan(RUN, "bubblewrap", "pytest"))
            for piece in ("one ", "two ", "three\n"):
                engine.bus.publish(OutputText(RUN, piece))
        return any(isinstance(message, LiveItems) for message in posted)

    posted = await follow(engine, feed)
    live = next(message for message in posted if isinstance(message, LiveItems))
    assert live.items == (TestsBegan(RUN, "bubblewrap", "pytest"), OutputText(RUN, "one two three\n"))


def test_pieces_of_one_text_are_joined_and_others_are_not() -> None:
    began = TestsBegan(RUN, "docker", "pytest")
    items: list[Live] = [
        Delta(RUN, "s1", "coder", "a"),
        Delta(RUN, "s1", "coder", "b"),
        Delta(RUN, "s2", "tester", "c"),
        OutputText(RUN, "1"),
        began,
        OutputText(RUN, "2"),
        OutputText(RUN, "3"),
    ]
    assert list(joined(items)) == [
        Delta(RUN, "s1", "coder", "ab"),
        Delta(RUN, "s2", "tester", "c"),
        OutputText(RUN, "1"),
        began,
        OutputText(RUN, "23"),
    ]
