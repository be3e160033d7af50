"""Programs that do their own work and start others only by some of their options, or by a subcommand."""

from collections.abc import Iterator, Sequence

from sandbox.command_options import Options, parse_options
from sandbox.shell_parts import Code, Doubt, Part, Program, Word
from sandbox.shell_variables import assignment

_TAR = ("--to-command", "--checkpoint-action", "--use-compress-program", "--info-script", "--new-volume-script",
        "--rsh-command", "--rmt-command", "-F", "-I")  # fmt: skip
_COMPILER = ("-wrapper", "-fplugin", "-specs", "--specs", "-load")
STARTERS: dict[str, tuple[str, ...]] = {
    "git": ("--exec", "--upload-pack", "--receive-pack", "--exec-path", "--config-env", "--open-files-in-pager",
            "--extcmd", "--template", "-O", "-x"),
    "tar": _TAR,
    "gtar": _TAR,
    "bsdtar": _TAR,
    "rg": ("--pre", "--hostname-bin"),
    "ag": ("--pager",),
    "ack": ("--pager", "--ackrc"),
    "less": ("--lesskey-file", "--lesskey-src", "--lesskey-content", "-k"),
    "sort": ("--compress-program",),
    "split": ("--filter",),
    "rsync": ("--rsh", "--rsync-path", "-e"),
    "npm": ("--script-shell", "--node-options", "--shell", "--git", "--editor", "--viewer"),
    "pnpm": ("--script-shell", "--node-options", "--config"),
    "yarn": ("--script-shell", "--use-yarnrc"),
    "go": ("-exec", "-toolexec", "-vettool", "--exec", "--toolexec", "--vettool"),
    "cargo": ("--config",),
    "gcc": _COMPILER,
    "g++": _COMPILER,
    "cc": _COMPILER,
    "c++": _COMPILER,
    "clang": _COMPILER,
    "pytest": ("--pdbcls",),
    "py.test": ("--pdbcls",),
    "prettier": ("--plugin",),
    "jq": ("--run-tests",),
}  # fmt: skip
"""Options that name a program or load one: a long one counts also when it is cut short, a letter also among others."""
_SHORT_NAMED = ("-wrapper", "-fplugin", "-specs", "-load", "-exec", "-toolexec", "-vettool")
"""Options of one dash that are words."""
_GIT = Options("pP", "cC", ("--paginate", "--no-pager", "--bare", "--no-replace-objects", "--literal-pathspecs",
                            "--no-optional-locks", "--html-path", "--man-path", "--info-path"),
               ("--git-dir", "--work-tree", "--namespace", "--config-env"))  # fmt: skip
_GIT_COMMANDS = frozenset({
    "add", "am", "apply", "archive", "bisect", "blame", "branch", "bundle", "cat-file", "check-attr", "check-ignore",
    "checkout", "cherry", "cherry-pick", "clean", "clone", "column", "commit", "commit-tree", "config",
    "count-objects", "describe", "diff", "diff-files", "diff-index", "diff-tree", "difftool", "fetch", "filter-branch",
    "for-each-ref", "format-patch", "fsck", "gc", "grep", "hash-object", "help", "init", "log", "ls-files", "ls-tree",
    "merge", "merge-base", "mergetool", "mv", "name-rev", "notes", "prune", "pull", "push", "range-diff", "read-tree",
    "rebase", "reflog", "remote", "reset", "restore", "rev-list", "rev-parse", "revert", "rm", "shortlog", "show",
    "show-branch", "show-ref", "sparse-checkout", "stash", "status", "stripspace", "submodule", "switch",
    "symbolic-ref", "tag", "update-index", "update-ref", "version", "whatchanged", "worktree", "write-tree",
})  # fmt: skip
"""Subcommands of git that are its own: any other is a program beside it, an alias, or talks to the network."""


def started(program: Program, name: str) -> Iterator[Part]:
    """What a program starts by its options, its subcommand or its settings.

    Args:
        program: the program.
        name: its name without folder and version.
    """
    words = program.words[1:]
    if name in ("tar", "gtar", "bsdtar") and words and words[0] and not words[0].startswith("-"):
        # The oldest way to give options.
        words = (f"-{words[0]}", *words[1:])
    for option in STARTERS.get(name, ()):
        yield from _by_option(name, option, words)
    if name == "git":
        yield from _of_git(words)
    elif name in ("make", "gmake"):
        yield from _of_make(words)
    elif name == "cmake" and "-E" in words:
        inner = words[words.index("-E") + 1 :]
        if inner[:1] in (("env",), ("time",), ("rm",), (None,)):
            yield Program(inner, program.stdin)
        elif inner[:1] == ("remove_directory",):
            yield Program(("rm", "-r"))
    elif name in ("less", "more") and any((word or "").startswith("+") for word in words):
        yield Doubt(f"`{name}` may start what its words name.")
    elif name in ("deno", "bun", "uv") and any("://" in (word or "") for word in words):
        yield Doubt(f"`{name}` runs what it loads from an address.")
    elif name == "go" and words[:1] == ("run",) and any("@" in (word or "") for word in words):
        yield Doubt("`go run` runs what it loads from an address.")


def _by_option(name: str, option: str, words: Sequence[Word]) -> Iterator[Part]:
    for place, word in enumerate(words):
        if word == "--":
            return
        value = _value(word, option, words[place + 1 : place + 2])
        if value is not None and not (name == "git" and option in ("-O", "-x") and not _is_pager(option, words)):
            yield Doubt(f"`{name} {option}` starts a program.")
            yield Code("shell", value.removeprefix("exec="), suspect=True)


def _is_pager(option: str, words: Sequence[Word]) -> bool:
    """Letters of git that mean something else for most of its subcommands."""
    return ("grep" if option == "-O" else "rebase") in words


def _value(word: Word, option: str, after: Sequence[Word]) -> str | None:
    """What an option is given; None where the word is another."""
    if word is None or not word.startswith("-"):
        return None
    following = (after[0] or "") if after else ""
    head, found, value = word.partition("=")
    if option.startswith("--") or option in _SHORT_NAMED:
        cut = option.startswith("--") and len(head) > len("--xx") and option.startswith(head)
        return (value if found else following) if head == option or cut else None
    if word.startswith("--") or option[1] not in word:
        return None
    return word.partition(option[1])[2] or following


def _of_git(words: Sequence[Word]) -> Iterator[Part]:
    parsed = parse_options(words, _GIT)
    if any(option == "-c" and not (value or "").startswith(("color.", "user.", "core.quote"))
           for option, value in parsed.given):  # fmt: skip
        yield Doubt("`git -c` can start any program.")
    if parsed.rest and parsed.rest[0] not in _GIT_COMMANDS:
        yield Doubt(f"`git {parsed.rest[0] or '…'}` is not among the commands of git that the rules know.")
    for word in parsed.rest:
        if word is not None and "::" in word.partition("/")[0]:
            yield Doubt("An address of git may start a program.")
            yield Code("shell", word.partition("::")[2], suspect=True)


def _of_make(words: Sequence[Word]) -> Iterator[Part]:
    """What make is told beside the targets of its file."""
    for word in words:
        read = word is None or word in ("-", "-f-") or word.endswith("=-") or "/dev/" in word or "/proc/" in word
        if word is None or read or word.startswith(("SHELL=", ".SHELLFLAGS=", "--ev", "-E")):
            yield Doubt("`make` is told what to run on the command line.")
        elif found := assignment(word):
            yield Code("shell", found[1], suspect=True)
