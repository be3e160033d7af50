"""Variables that change what the words of a line start: their values are judged as what they are."""

from collections.abc import Iterator

from sandbox.shell_parts import Code, Doubt, Part, Program, Word

STEERING = frozenset({"PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "CDPATH",
                      "PERL5OPT", "PERL5DB", "RUBYOPT", "GIT_EXEC_PATH", "GCONV_PATH", "PYTHONHOME", "PYTHONBREAKPOINT",
                      "MAKEFLAGS", "GNUMAKEFLAGS", "MAKEOVERRIDES", "MAKEFILES", "TAR_OPTIONS", "JAVA_TOOL_OPTIONS",
                      "GCC_EXEC_PREFIX", "COMPILER_PATH", "RIPGREP_CONFIG_PATH", "ACKRC"})  # fmt: skip
"""Variables that say which program a name stands for, or how a line is read."""
COMMANDS = frozenset({"PAGER", "EDITOR", "VISUAL", "BROWSER", "SHELL", "LESSOPEN", "LESSCLOSE", "MANPAGER",
                      "GIT_PAGER", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS",
                      "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND", "SSH_ASKPASS", "FCEDIT", "CC", "CXX", "CPP",
                      "AR", "AS", "LD", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"})  # fmt: skip
"""Variables whose value is a command."""
WORDS_OF = {"NODE_OPTIONS": "node", "PYTEST_ADDOPTS": "pytest", "GOFLAGS": "go"}
"""Variables whose value is words of a program."""


def is_steering(name: str) -> bool:
    """Whether a variable changes what other words mean."""
    begins = ("LD_", "DYLD_", "BASH_FUNC_", "GIT_CONFIG")
    return name in STEERING or name.startswith(begins) or name.lower().startswith("npm_config_")


def assigned(name: str, value: Word) -> Iterator[Part]:
    """What speaks against giving a variable this value."""
    if is_steering(name):
        yield Doubt(f"The command sets {name}, which changes what its words mean.")
    elif name in COMMANDS:
        if value is None:
            yield Doubt(f"The command computes {name}, which other programs run.")
        elif value:
            yield Code("shell", value)
    elif name in WORDS_OF:
        yield Program((WORDS_OF[name], *([None] if value is None else value.split())))
    elif value is not None and ("$(" in value or "`" in value):
        yield Doubt("The command keeps a substitution in a variable.")


def assignment(word: str) -> tuple[str, str] | None:
    """Name and value of a word like `NAME=value`."""
    name, found, value = word.partition("=")
    return (name.removesuffix("+"), value) if found and name.removesuffix("+").isidentifier() else None
