"""A call is validated before anything happens, and the model learns exactly what was wrong."""

import json
import os
from pathlib import Path

import pytest

from engine.errors import ToolError
from engine.tools.registry import all_tools, call_tool, schema, tools_for
from engine.tools.tool import ToolContext, cut

TOOLS = all_tools()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("", "no valid JSON"),
        ("{", "was the answer cut?"),
        ('{"path": "a", "content": "x', "no valid JSON: Unterminated string"),
        ("{'path': 'a'}", "near \"{'path'"),
        ("[]", "must be a JSON object, not list"),
        ("null", "must be a JSON object"),
        ('{"content": "x"}', "`path`: Field required"),
        ('{"path": 1, "content": "x"}', "`path`: Input should be a valid string"),
        ('{"path": "a", "content": "x", "mode": "w"}', "`mode`: Extra inputs are not permitted"),
        ('{"path": "a", "content": "x", "overwrite": "yes"}', "`overwrite`"),
        ('{"path": "a", "path": "b", "content": "x"}', "a key twice"),
        ('{"path": "a", "content": NaN}', "NaN"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
async def test_a_malformed_call_is_a_strike_and_does_nothing(tmp_path: Path, raw: str, says: str) -> None:
    result = await call_tool(ToolContext(tmp_path, "coder"), "create_file", raw, TOOLS)
    assert (result.ok, result.strike) == (False, True)
    assert says in result.output
    assert os.listdir(tmp_path) == []


async def test_an_unknown_tool_is_a_strike_that_names_the_known(tmp_path: Path) -> None:
    tools = tools_for(["read_file", "search"])
    result = await call_tool(ToolContext(tmp_path, "coder"), "create_file", "{}", tools)
    assert (result.ok, result.strike) == (False, True)
    assert "read_file, search" in result.output


def test_every_tool_has_a_closed_schema() -> None:
    for tool in TOOLS.values():
        made = schema(tool)
        assert made.parameters["additionalProperties"] is False
        assert made.description
        assert all(entry.get("description") for entry in made.parameters["properties"].values())
        json.dumps(made.parameters)


def test_an_unknown_name_in_an_agent_is_an_error() -> None:
    with pytest.raises(ToolError, match="no tool fly"):
        tools_for(["fly"])


def test_cut_texts_say_so() -> None:
    text = "".join(f"line {number}\n" for number in range(1000))
    short = cut(text, 500, "Read on.")
    assert short.startswith("line 0\n")
    assert len(short) < 600
    assert f"of {len(text):,} characters are shown. Read on.]" in short
    assert cut("x", 1) == "x"
