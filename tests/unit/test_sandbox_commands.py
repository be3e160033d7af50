"""Lines of shell are judged by every program in them."""

import pytest

from config.rules import CommandRules
from sandbox.commands import judge_command

RULES = CommandRules(
    blocked=("sudo", "rm -rf", "git push", "dd", "mkfs"),
    approval=("curl", "pip install", "rm -r"),
)


@pytest.mark.parametrize(
    "command",
    [
        "sudo ls",
        "/usr/bin/sudo ls",
        "ls; rm -rf x",
        "ls && rm -r -f x",
        "rm --recursive --force x",
        "rm -fr x || true",
        "rm -Rf x",
        "echo $(rm -rf x)",
        "echo `rm -rf x`",
        "(cd x; rm -rf y)",
        "cat <(rm -rf y)",
        "ls | xargs rm -rf",
        "ls | xargs -n 1 rm -rf",
        "env A=1 rm -rf x",
        "FOO=1 rm -rf x",
        "timeout 5 rm -rf x",
        "bash -c 'rm -rf x'",
        "bash -lc 'sh -c \"rm -rf x\"'",
        "eval rm -rf x",
        "eval 'rm -rf x'",
        '"rm" -rf x',
        r"\rm -rf x",
        "r'm' -rf x",
        "find . -exec rm -rf {} +",
        "if true; then git push; fi",
        "for i in 1; do git -q push origin; done",
        "f() { rm -rf x; }; f",
        "mkfs.ext4 /dev/sda",
        "nohup nice -n 5 dd if=/dev/zero of=x &",
        "ls > out; sudo x",
        "bash -c 'unclosed",
        "if",
    ],
)
def test_blocked(command: str) -> None:
    judgement = judge_command(command, RULES)
    assert judgement.verdict == "blocked", command
    assert judgement.reason


@pytest.mark.parametrize(
    "command", ["curl x", "ls | curl -d @- x", "pip install flask", "rm -r x", "$X y", 'sh -c "$X"', "find . -delete"]
)
def test_needs_an_approval(command: str) -> None:
    assert judge_command(command, RULES).verdict == "approval_required", command


@pytest.mark.parametrize(
    "command",
    [
        "python -m pytest -q",
        "rm x",
        "git status && git diff",
        "echo 'rm -rf x'",
        "grep -rf patterns .",
        "pip list",
        "cat <<E\nrm -rf x\nE",
        "echo $HOME",
        "",
        "timeout 5 python app.py --rm",
    ],
)
def test_free(command: str) -> None:
    assert judge_command(command, RULES).verdict is None, command
