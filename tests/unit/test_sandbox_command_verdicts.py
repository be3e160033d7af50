"""The packaged rules give each command line of the table its verdict, and no wrapping takes a verdict away."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from shlex import quote

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import config
from config.rules import CommandRules
from sandbox.commands import judge_command
from sandbox.plain_commands import NotPlain, plain_programs
from tests.unit.command_verdicts import ALLOWED, SEVERAL_LINES, lines_of
from tests.unit.command_verdicts_forbidden import APPROVAL, BLOCKED

TABLE = [
    *((line, "blocked") for line in lines_of(BLOCKED)),
    *((line, "approval_required") for line in lines_of(APPROVAL)),
    *((line, None) for line in lines_of(ALLOWED)),
    *SEVERAL_LINES.items(),
]


@cache
def packaged() -> CommandRules:
    folder = Path(next(iter(config.__path__)))
    return CommandRules.model_validate(yaml.safe_load((folder / "safety_rules.yaml").read_text("utf-8"))["commands"])


@pytest.mark.parametrize(("line", "verdict"), TABLE, ids=[f"{verdict}: {line!a}" for line, verdict in TABLE])
def test_verdict(line: str, verdict: str | None) -> None:
    judgement = judge_command(line, packaged())
    assert judgement.verdict == verdict, judgement.reason
    assert bool(judgement.reason) == (verdict is not None)


def in_backticks(line: str) -> str:
    return "echo `" + line.replace("\\", "\\\\").replace("`", "\\`") + "`"


AROUND = [
    lambda line: f"ls; {line}",
    lambda line: f"true && {line} || false",
    lambda line: f"({line})",
    lambda line: f"{{ {line}; }}",
    lambda line: f"if {line}; then ls; fi",
    lambda line: f"f() {{ {line}; }}; f",
    lambda line: f"echo $({line})",
    lambda line: f'echo "$({line})"',
    lambda line: f"cat <({line}) > out",
    lambda line: f"X=$({line})",
    lambda line: f"cat x | {line} | cat",
    lambda line: f"for i in 1 2; do {line}; done",
    lambda line: f"cat <<END\n$({line})\nEND",
    lambda line: f"! {line} &",
    lambda line: f"sh -c {quote(line)}",
    lambda line: f"bash -lc {quote(line)}",
    lambda line: f"eval {quote(line)}",
    lambda line: f"env -S {quote(f'sh -c {quote(line)}')}",
    lambda line: f"timeout -k 1 5 sh -c {quote(line)}",
    lambda line: f"nice -n 3 env A=1 stdbuf -oL bash -c {quote(line)}",
    lambda line: f"find . -exec sh -c {quote(line)} ';'",
    lambda line: f"xargs -n 1 sh -c {quote(line)}",
    lambda line: f"watch -n 1 {quote(line)}",
    lambda line: f"flock lock -c {quote(line)}",
    lambda line: f"sh <<'END'\n{line}\nEND",
    lambda line: f"sh <<< {quote(line)}",
    lambda line: f"python -c {quote(f'import os; os.system({line!r})')}",
    lambda line: f"busybox nohup setsid sh -c {quote(line)}",
    lambda line: f"trap {quote(line)} EXIT",
    in_backticks,
]
FORBIDDEN = ["sudo ls", "rm -rf x", "git push", "r'm' -fr x", "/bin/dd if=x", "mkfs.ext4 x", "env rm --recursive -f x"]


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(FORBIDDEN), st.lists(st.sampled_from(AROUND), min_size=1, max_size=4))
def test_wrapping_never_allows(line: str, around: list[Callable[[str], str]]) -> None:
    for wrap in around:
        line = wrap(line)
    assert judge_command(line, packaged()).verdict is not None, line


NAMES = ["rm", "sudo"]
QUOTED = [lambda c: c, lambda c: f"\\{c}", lambda c: f"'{c}'", lambda c: f'"{c}"', lambda c: f"$'\\x{ord(c):02x}'",
          lambda c: f"$'\\{ord(c):03o}'", lambda c: f"''{c}", lambda c: f'""{c}', lambda c: f"\\\n{c}"]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_quoting_never_hides_a_name(name: str, data: st.DataObject) -> None:
    quoted = "".join(data.draw(st.sampled_from(QUOTED))(letter) for letter in name)
    line = f"ls; {quoted} -rf x"
    assert judge_command(line, packaged()).verdict == "blocked", line


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("rm -fx sudo$(){}[]<>|&;`'\"\\\n#=*?!~/-c"), max_size=30))
def test_any_text_has_a_verdict(line: str) -> None:
    judged = judge_command(line, packaged())
    assert judged.verdict in (None, "approval_required", "blocked")
    assert bool(judged.reason) == (judged.verdict is not None)


@pytest.mark.parametrize("line", [line for line, verdict in TABLE if verdict is None])
def test_a_plain_line_has_the_programs_that_a_shell_starts(line: str) -> None:
    """What rules may be made of is what is judged: the words of a plain line are those that the judgement sees."""
    try:
        plain = plain_programs(line)
    except NotPlain:
        return
    for words in plain:
        blocking = CommandRules(blocked=(words[0].rpartition("/")[2],))
        assert judge_command(line, blocking).verdict == "blocked", words


def test_a_list_of_allowed_programs_is_what_is_allowed() -> None:
    none, some = CommandRules(allowed=()), CommandRules(allowed=("python", "./*"))
    assert judge_command("ls", none).verdict == "approval_required"
    assert judge_command("cd x && echo y", none).verdict is None
    assert judge_command("/usr/bin/python3.11 x.py && ./run && .venv/bin/y", some).verdict is None
    assert judge_command("/tmp/python x.py", some).verdict == "approval_required"
    assert judge_command("anything at all", CommandRules()).verdict is None


def test_a_line_that_nests_too_deeply_is_refused() -> None:
    line = "rm x"
    for _ in range(10):
        line = f"eval {quote(line)}"
    assert judge_command(line, packaged()).verdict == "blocked"
    assert judge_command("sudo " * 2000, packaged()).verdict == "blocked"
    # Each of its programs has the words of all that follow; it took minutes.
    assert judge_command("find -exec " * 700, packaged()).verdict == "blocked"
    assert judge_command("(" * 1500 + "ls" + ")" * 1500, packaged()).verdict in (None, "blocked")
