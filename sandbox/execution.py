"""The middle of every execution, the same on all backends: output, reports, limits."""

import asyncio
from collections.abc import AsyncGenerator

from sandbox.ending import Ending, Finished, ReadChunk
from sandbox.frames import FrameParser
from sandbox.protocol import ExecEvent, ExecSpec, LimitHit, Output, TestEvent

TAIL = 2000


async def events_until_end(
    read: ReadChunk, finished: Finished, spec: ExecSpec, ending: Ending
) -> AsyncGenerator[ExecEvent, None]:
    """Read until the command has ended, or its timeout or output limit is reached.

    Args:
        read: gives the next piece of output, empty at the end.
        finished: waits for the command: one that closed its output may go on.
        spec: what runs.
        ending: is stopped with `timeout` or `output_limit`; whatever stops it ends this too.
    """
    timer = asyncio.get_running_loop().call_later(spec.limits.timeout_s, ending.stop, "timeout")
    parser, budget = FrameParser(spec.nonce), spec.limits.output_bytes
    try:
        while chunk := await ending.read(read):
            budget -= len(chunk)
            if budget < 0:
                ending.stop("output_limit")
                break
            for event in parser.feed(chunk):
                _remember(ending, event)
                yield event
        for event in parser.flush():
            _remember(ending, event)
            yield event
        await ending.wait(finished)
        if ending.reason and ending.reason != "cancelled":
            yield LimitHit(ending.reason)
    finally:
        timer.cancel()


def _remember(ending: Ending, event: Output | TestEvent) -> None:
    if isinstance(event, Output):
        ending.last_words = (ending.last_words + event.text)[-TAIL:]
