"""Only what is certain before the shell runs counts as plain."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.plain_commands import NotPlain, plain_programs

PLAIN = {
    "pip install flask": (("pip", "install", "flask"),),
    "rm -r 'a b' \"c d\" e\"f\"'g'": (("rm", "-r", "a b", "c d", "efg"),),
    "a && b x || c; d | e  # why\nf": (("a",), ("b", "x"), ("c",), ("d",), ("e",), ("f",)),
    "pip install 'foo[x]>=1'": (("pip", "install", "foo[x]>=1"),),
    "echo '' \"\" 3": (("echo", "", "", "3"),),
    "/usr/bin/curl -sS https://example.test/a": (("/usr/bin/curl", "-sS", "https://example.test/a"),),
    "find . -name x": (("find", ".", "-name", "x"),),
}
COMPUTED = [
    "curl $URL",
    'curl "$URL"',
    "curl ${URL}",
    "curl $(cat url)",
    "curl `cat url`",
    "cat <(curl x)",
    "curl x > out",
    "curl x 2>&1",
    "cat <<E\nx\nE",
    "cat <<<x",
    "A=1 curl x",
    "A=1",
    "export A=1",
    "unset A",
    "(curl x)",
    "{ curl x; }",
    "curl x &",
    "a |& b",
    "! curl x",
    "rm -r *",
    "rm -r build/?",
    "rm -r ~/x",
    "rm -r {a,b}",
    "echo {1..3}",
    "rm -r a\\ b",
    "\\rm -r x",
    "rm -r $'x'",
    'rm -r "a\\"b"',
    "if true; then curl x; fi",
    "for i in 1; do curl x; done",
    "f() { curl x; }; f",
    "[ -f x ]",
    "a;;",
    "",
    "# only a comment",
    "curl\u00a0x",
    "rm \u202ex",
    "rm 'a\nb'",
    "rm a\tb",
    "'' x",
    "if",
]
STARTERS = [
    "sh -c 'curl x'",
    "/bin/bash script",
    "env curl x",
    "sudo curl x",
    "timeout 5 curl x",
    "xargs curl",
    "eval curl x",
    "exec curl x",
    ". ./x",
    "source x",
    "busybox wget x",
    "find . -exec rm -r x ';'",
    "find . -delete",
    "npx x",
    "trap 'rm -r x' EXIT",
    "alias curl=rm",
    "hash -p ./evil curl",
]


@pytest.mark.parametrize("command", PLAIN)
def test_plain(command: str) -> None:
    assert plain_programs(command) == PLAIN[command]


@pytest.mark.parametrize("command", [*COMPUTED, *STARTERS, *(f"ls && {command}" for command in STARTERS)])
def test_not_plain(command: str) -> None:
    with pytest.raises(NotPlain) as refused:
        plain_programs(command)
    assert str(refused.value)


WORD = st.text(st.sampled_from("ab/.-=:@%+,_ []*?$~{}'\"\\#;&|<>()!^"), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORD, min_size=1, max_size=4))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    words = [word.replace("'", "") for word in words]
    line = " ".join(["say", *(f"'{word}'" for word in words)])
    assert plain_programs(line) == (("say", *words),)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORD, min_size=1, max_size=5))
def test_the_shell_reads_a_plain_line_the_same_way(words: list[str]) -> None:
    line = " ".join(["say", *words])
    try:
        programs = plain_programs(line)
    except NotPlain:
        return
    if len(programs) > 1:
        return  # a pipe would swallow what is said
    told = 'say() { printf \'%s\\n\' "$#" "$@"; }\n'
    done = subprocess.run(["sh", "-c", f"{told}{line}"], capture_output=True, text=True, check=False)
    lines = done.stdout.split("\n")
    assert lines[: 1 + len(programs[0]) - 1] == [str(len(programs[0]) - 1), *programs[0][1:]]
