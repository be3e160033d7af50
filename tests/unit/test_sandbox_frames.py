"""Frames are found wherever they are cut, and nothing that looks like one is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.frames import MAX_FRAME, FrameParser
from sandbox.protocol import Output, TestEvent
from sandbox.report import CaseResult

CASE = {"kind": "case", "case": {"id": "a::b", "outcome": "failed", "duration_s": 0.5, "message": "no"}}


def frame(fields: object, nonce: str = "n0") -> bytes:
    return b"\x1e" + nonce.encode() + b":" + json.dumps(fields).encode() + b"\x1f"


def parse(chunks: list[bytes], nonce: str = "n0") -> tuple[str, list[TestEvent]]:
    parser = FrameParser(nonce)
    found = [event for chunk in chunks for event in parser.feed(chunk)] + parser.flush()
    text = "".join(event.text for event in found if isinstance(event, Output))
    return text, [event for event in found if isinstance(event, TestEvent)]


@given(st.lists(st.integers(1, 12), max_size=80))
def test_a_frame_is_found_however_it_is_cut(sizes: list[int]) -> None:
    raw = "..é.".encode() + frame(CASE) + b"F\x1e\n" + frame({"kind": "finished", "count": 2}) + b"end"
    chunks, rest = [], raw
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    text, events = parse([*chunks, rest])
    assert text == "..é.F\x1e\nend"
    assert events == [
        TestEvent("case", 0, CaseResult(id="a::b", outcome="failed", duration_s=0.5, message="no")),
        TestEvent("finished", 2),
    ]


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b'{"kind": "other"}', b'{"kind": "case", "case": 1}', b'{"kind": "finished", "count": "x"}', b""],
)
def test_broken_frames_are_text(body: bytes) -> None:
    text, events = parse([b"a\x1en0:" + body + b"\x1fb"])
    assert events == []
    assert text == f"a{body.decode()}b"


def test_another_nonce_is_text() -> None:
    assert parse([frame({"kind": "finished"}, "other")])[1] == []
    assert parse([frame({"kind": "finished"}, "")], nonce="")[1] == []


def test_an_endless_frame_is_given_up() -> None:
    text, events = parse([b"\x1en0:" + b"x" * (MAX_FRAME + 10), b"y", frame({"kind": "finished", "count": 1})])
    assert len(text) >= MAX_FRAME
    assert [event.kind for event in events] == ["finished"]
