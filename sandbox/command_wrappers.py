"""Programs that start other programs: what each of them starts, by its own options."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sandbox.command_options import Options, Parsed, parse_options
from sandbox.shell_parts import Code, Doubt, Globbed, Part, Program, Stdin, Word, joined
from sandbox.shell_variables import assigned, assignment

ALL = 99
"""More words than a line has: none of them is a program."""


@dataclass(frozen=True)
class Wrapper:
    """How a program names the one that it starts."""

    options: Options = field(default_factory=Options)
    operands: int = 0
    """Its own words before the program's."""
    assigns: bool = False
    """Whether `NAME=value` may come before the program."""
    joins: bool = False
    """Whether a shell reads the words, joined."""
    scripts: tuple[str, ...] = ()
    """Options whose value a shell reads."""
    verb: str = ""
    """The subcommand that starts a program; the others do not."""


_SUDO = Options("AbBEeHhiKklnPSsvVN", "aCcDghpRrtTUu", long=("--preserve-env", "--login", "--set-home", "--stdin"))
WRAPPERS: dict[str, Wrapper] = {
    "env": Wrapper(Options("i0v", "uCS", ("--ignore-environment",), ("--unset", "--chdir", "--split-string")),
                   assigns=True, scripts=("-S", "--split-string")),
    "sudo": Wrapper(_SUDO, assigns=True),
    "doas": Wrapper(Options("LnS", "aCu")),
    "su": Wrapper(Options("lmpP", "cgGsw", long_valued=("--command",)), ALL, scripts=("-c", "--command")),
    "runuser": Wrapper(Options("lmpP", "cgGsuw", long_valued=("--command",)), scripts=("-c", "--command")),
    "nice": Wrapper(Options("0123456789", "n", long_valued=("--adjustment",))),
    "nohup": Wrapper(),
    "timeout": Wrapper(Options("vfp", "ks", ("--foreground", "--preserve-status", "--verbose"),
                               ("--kill-after", "--signal")), 1),
    "time": Wrapper(Options("apvqV", "fo", ("--portability", "--verbose"), ("--format", "--output"))),
    "exec": Wrapper(Options("cl", "a")),
    "command": Wrapper(Options("pvV")),
    "builtin": Wrapper(),
    "coproc": Wrapper(),
    "stdbuf": Wrapper(Options("", "ioe", (), ("--input", "--output", "--error"))),
    "setsid": Wrapper(Options("cfw", "", ("--ctty", "--fork", "--wait"))),
    "ionice": Wrapper(Options("t", "cnpPu")),
    "taskset": Wrapper(Options("ac", ""), 1),
    "chrt": Wrapper(Options("abdfiomRrv", "DPpT"), 1),
    "prlimit": Wrapper(Options("c", "po")),
    "chroot": Wrapper(Options(), 1),
    "unshare": Wrapper(Options("fimnpruUCTc", "RSGlw", ("--fork", "--map-root-user", "--net", "--pid", "--user"))),
    "nsenter": Wrapper(Options("aFZ", "tSGrw", ("--all", "--no-fork"), ("--target",))),
    "setpriv": Wrapper(Options("d", "", ("--no-new-privs", "--clear-groups", "--init-groups"))),
    "watch": Wrapper(Options("bcCdegtwxpr", "nqs", ("--color", "--differences", "--exec", "--no-title"),
                             ("--interval",)), joins=True),
    "busybox": Wrapper(),
    "toybox": Wrapper(),
    "flock": Wrapper(Options("esxnuoFv", "wEc", ("--shared", "--exclusive", "--nonblock"), ("--command", "--timeout")),
                     1, scripts=("-c", "--command")),
    "script": Wrapper(Options("aefq", "cEIOBTtmo", ("--append", "--return", "--flush", "--quiet"), ("--command",)),
                      ALL, scripts=("-c", "--command")),
    "strace": Wrapper(Options("CcDdfFhikqrtTvVwxyYzZ", "aAbeEIoOpPsSuUX")),
    "ltrace": Wrapper(Options("bcCfhiLrStTV", "aADeFlnopsuwx")),
    "xvfb-run": Wrapper(Options("al", "efnpsw")),
    "unbuffer": Wrapper(Options("p")),
    "fakeroot": Wrapper(Options("u", "lfsib")),
    "pkexec": Wrapper(Options("", "", (), ("--user",))),
    "systemd-run": Wrapper(Options("dGPqrSt", "HMpu")),
    "caffeinate": Wrapper(Options("dimsu", "tw")),
    "hyperfine": Wrapper(Options("iN", "wrMmpcS", (), ("--warmup", "--runs", "--prepare")), joins=True,
                         scripts=("-p", "--prepare", "-c", "-S")),
    "entr": Wrapper(Options("acdnprsxz")),
    "cross-env": Wrapper(assigns=True),
    "npx": Wrapper(Options("yq", "pc", ("--yes", "--no", "--no-install", "--offline", "--quiet"),
                           ("--package", "--call")), scripts=("-c", "--call")),
    "bunx": Wrapper(),
    "uvx": Wrapper(Options("q", "p", ("--offline",), ("--from", "--with", "--python"))),
    "uv": Wrapper(Options("qvn", "pm", ("--no-sync", "--offline", "--frozen", "--locked", "--isolated", "--no-project",
                                        "--active", "--all-extras"),
                          ("--with", "--python", "--extra", "--group", "--env-file", "--directory", "--project")),
                  verb="run"),
    "poetry": Wrapper(Options("nq"), verb="run"),
    "pdm": Wrapper(Options("s"), verb="run"),
    "pipenv": Wrapper(verb="run"),
    "hatch": Wrapper(verb="run"),
    "rye": Wrapper(verb="run"),
    "pipx": Wrapper(Options("", "", (), ("--spec", "--python")), verb="run"),
    "bundle": Wrapper(Options("", "", ("--keep-file-descriptors",)), verb="exec"),
    "corepack": Wrapper(),
    "coverage": Wrapper(Options("apmL", "", ("--append", "--branch", "--pylib", "--timid", "--parallel-mode"),
                                ("--source", "--rcfile", "--include", "--omit", "--concurrency", "--data-file",
                                 "--context")), verb="run"),
}  # fmt: skip
LOADERS = ("ld-linux", "ld-musl", "ld.so", "qemu-")
"""First letters of programs that start the program after them."""
OTHERS = frozenset({"eval", "xargs", "parallel", "find", "fd", "fdfind", "trap", "source", ".", "alias", "hash",
                    "enable", "bind", "complete", "compgen", "npm", "pnpm", "yarn", "bun", "mapfile",
                    "readarray"})  # fmt: skip
"""Programs that start others in ways of their own."""
PACKAGERS = ("npm", "pnpm", "yarn", "bun")
FIND_STARTS = ("-exec", "-execdir", "-ok", "-okdir")
FIND_WRITES = ("-fprint", "-fprint0", "-fprintf", "-fls")


def is_wrapper(name: str) -> bool:
    """Whether a program may start others that stand in its words."""
    return name in WRAPPERS or name in OTHERS or name.startswith(LOADERS)


def unwrapped(program: Program) -> Iterator[Part]:
    """What a program starts that stands in its words."""
    name, rest = program.name, list(program.words[1:])
    if name is None:
        return
    if name in WRAPPERS:
        yield from _wrapped(name, rest, program)
    elif name.startswith(LOADERS):
        yield from _wrapped("exec", rest, program)
    elif name == "eval":
        yield from _shell(joined(rest), program)
    elif name == "xargs":
        yield from _xargs(rest)
    elif name == "parallel":
        yield from _parallel(rest)
    elif name in ("find", "fd", "fdfind"):
        yield from _find(rest)
    elif name in PACKAGERS:
        yield from _packager(name, rest, program)
    elif name in ("mapfile", "readarray"):
        given = parse_options(rest, Options("t", "dnOsuCc")).given
        yield from (part for option, value in given if option == "-C" for part in _shell(value, program))
    elif name in OTHERS:
        yield from _meaning(name, rest, program)


def _wrapped(name: str, words: list[Word], program: Program) -> Iterator[Part]:
    wrapper = WRAPPERS[name]
    if wrapper.verb:
        if wrapper.verb not in words[:3]:
            if None in words[:3]:
                yield Doubt(f"The command computes what `{name}` starts.")
            return
        words = words[words.index(wrapper.verb) + 1 :]
    parsed = parse_options(words, wrapper.options)
    while wrapper.operands == ALL and parsed.rest:
        after = parse_options(parsed.rest[1:], wrapper.options)
        parsed = Parsed([*parsed.given, *after.given], after.rest, parsed.unknown or after.unknown)
    if name == "command" and any(option in ("-v", "-V") for option, _ in parsed.given):
        return
    yield from _inside(name, wrapper, parsed, program)


def _inside(name: str, wrapper: Wrapper, parsed: Parsed, program: Program) -> Iterator[Part]:
    for option, value in parsed.given:
        if option in wrapper.scripts:
            yield from _shell(joined([value, *parsed.rest]) if name == "env" else value, program)
    rest = parsed.rest
    if parsed.unknown:
        yield Doubt(f"`{name}` has an option that the rules do not know: {parsed.unknown}")
        yield from (Program(tuple(rest[place:]), suspect=True) for place in range(len(rest)))
    while wrapper.assigns and rest and rest[0] is not None and (found := assignment(rest[0])):
        yield from assigned(*found)
        rest = rest[1:]
    if any(word is None for word in rest[: wrapper.operands]):
        yield Doubt(f"The command computes what `{name}` starts.")
    scripted = [value for option, value in parsed.given if option in ("-c", "--command")]
    rest = rest[wrapper.operands :]
    if name == "flock" and rest[:1] == ["-c"]:
        yield from _shell(rest[1] if len(rest) > 1 else "", program)
    elif name == "coverage":
        module = any(option == "-m" for option, _ in parsed.given)
        yield Program(("python", *(("-m",) if module else ()), *rest), program.stdin)
    elif wrapper.joins:
        yield from _shell(joined(rest), program)
    elif rest and not (name == "flock" and scripted):
        yield replace(program, words=tuple(rest), module=name == "uv" and ("-m", rest[0]) in parsed.given)


def _shell(text: str | None, program: Program) -> Iterator[Part]:
    if text is None:
        yield Doubt("The command computes a line of shell.")
    elif text:
        yield Code("shell", text, program.stdin)


def _xargs(words: list[Word]) -> Iterator[Part]:
    options = Options(
        "0rtpxo",
        "adEILnPs",
        ("--null", "--no-run-if-empty", "--verbose", "--interactive", "--exit"),
        ("--arg-file", "--delimiter", "--max-args", "--max-procs", "--max-lines", "--max-chars"),
    )
    parsed = parse_options([word for word in words if word not in ("-i", "-e", "-l")], options)
    marks = [value for option, value in parsed.given if option in ("-I", "--replace") and value]
    marks += ["{}"] if "-i" in words or ("--replace", "") in parsed.given else []
    if parsed.unknown and not parsed.unknown.startswith(("-i", "-e", "-l", "--replace")):
        yield Doubt(f"`xargs` has an option that the rules do not know: {parsed.unknown}")
        yield from (Program(tuple(parsed.rest[place:]), suspect=True) for place in range(len(parsed.rest)))
    yield from _filled(parsed.rest, marks, appended=not marks)


def _filled(words: Sequence[Word], marks: Sequence[str], *, appended: bool) -> Iterator[Part]:
    """A program whose words are filled in from what is read."""
    filled = [None if word is None or any(mark in word for mark in marks) else word for word in words]
    if filled and filled[0] is None:
        yield Doubt("The command computes the name of a program.")
        yield from (Code("shell", word, suspect=True) for word in words if word)
    elif filled:
        texts = [word for word, kept in zip(words, filled, strict=True) if word and kept is None]
        yield Program((*filled, None) if appended else tuple(filled), Stdin("computed"))
        yield from (Code("shell", text, suspect=True) for text in texts)


def _parallel(words: list[Word]) -> Iterator[Part]:
    yield Doubt("`parallel` makes lines of shell of what it reads.")
    known = [word for word in words if word is not None]
    cut = next((place for place, word in enumerate(known) if word.startswith(":::")), len(known))
    yield from (Program(tuple(known[place:cut]), suspect=True) for place in range(cut))
    yield from (Code("shell", word, suspect=True) for word in known)


def _find(words: list[Word]) -> Iterator[Part]:
    for index, word in enumerate(words):
        if word in FIND_STARTS or word in ("-x", "-X", "--exec", "--exec-batch"):
            started = words[index + 1 :]
            ends = next((place for place, one in enumerate(started) if one in (";", "+")), len(started))
            started = started[:ends]
            if not started or started[0] is None or "{}" in started[0]:
                yield Doubt("The command computes the name of a program.")
            else:
                yield Program(tuple(started))
                texts = [one for one in started[1:] if one is not None and "{}" in one and one != "{}"]
                yield from (Code("shell", text, suspect=True) for text in texts)
        elif word in FIND_WRITES:
            yield Doubt("`find` writes files.")
        elif word == "-delete":
            yield Program(("rm", "-r"))
        elif word is None or (isinstance(word, Globbed) and word.startswith("-")):
            yield Program(("rm", None), suspect=True)


def _packager(name: str, words: list[Word], program: Program) -> Iterator[Part]:
    verb = next((place for place, word in enumerate(words) if word in ("exec", "x", "dlx")), None)
    if verb is not None:
        yield replace(program, words=("npx", *words[verb + 1 :]))
    elif name == "yarn" and all(word is not None and word.startswith("-") for word in words):
        yield replace(program, words=("yarn", "install"))


def _meaning(name: str, words: list[Word], program: Program) -> Iterator[Part]:
    """Builtins that change what later words mean, or run a text later."""
    first = words[0] if words else ""
    if name == "trap":
        yield from _shell(None if first is None else first.removeprefix("-"), program)
    elif name in ("source", "."):
        if first is None or first.rsplit("/", 1)[-1] not in ("activate", "activate.fish", "nvm.sh"):
            yield Doubt("The command reads a file as if it stood in the line.")
    elif name == "hash" and not any(word is None or word.startswith("-") for word in words):
        return
    else:
        yield Doubt(f"`{name}` changes what later words mean.")
        for word in words:
            if word and (found := assignment(word)):
                yield Code("shell", found[1], program.stdin)
