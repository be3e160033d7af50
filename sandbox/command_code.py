"""Interpreters on a command line: the code that they are given, by an option, a file, or what they read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.command_options import Options, parse_options
from sandbox.shell_parts import Code, Doubt, Globbed, Language, Part, Program, ScriptFile, Word

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "rbash", "fish"})
OTHERS = {"ruby": "eE", "php": "rBRE", "lua": "e", "luajit": "e", "deno": "", "bun": "e", "Rscript": "e", "julia": "eE",
          "groovy": "e", "elixir": "e", "scala": "e", "osascript": "e", "pwsh": "cC", "tclsh": "", "expect": "c",
          "guile": "c", "racket": "e", "emacs": "", "vim": "c", "vi": "c", "nvim": "c", "ex": "c", "ed": "", "gdb": "e",
          "R": "e", "jshell": "", "irb": "e", "octave": ""}  # fmt: skip
"""Interpreters whose code is not looked into, with the letters of the options that take code."""
VERSIONED = re.compile(r"(python|pypy|pip|node|ruby|perl|php|lua|pytest|coverage|gcc|g\+\+|clang|clang\+\+)-?\d[\d.]*")
SCANNED: dict[Language, tuple[str, ...]] = {
    "python": (".py", ".pyw"),
    "node": (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"),
    "shell": (".sh", ".bash"),
}
"""Endings of files that the scan reads, by their language."""
EXECUTED = (*(ending for endings in SCANNED.values() for ending in endings), ".out", ".exe")
_STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


@dataclass(frozen=True)
class _Interpreter:
    """How an interpreter is told what to run."""

    language: Language
    options: Options
    code: tuple[str, ...]
    quiet: tuple[str, ...] = ("-V", "-h", "--version", "--help")
    """Options after which it reads nothing."""


_PYTHON = _Interpreter("python", Options("bBdEhiIOPqsSuvVx?", "cmWX", ("--version", "--help"), last="cm"), ("-c",))
_NODE = _Interpreter(
    "node",
    Options("chiv", "epr",
            ("--check", "--interactive", "--test", "--watch", "--no-warnings", "--enable-source-maps", "--version",
             "--experimental-test-coverage", "--experimental-vm-modules", "--experimental-strip-types",
             "--test-only", "--trace-warnings", "--test-force-exit", "--experimental-default-type"),
            ("--eval", "--print", "--require", "--import", "--loader", "--test-reporter", "--test-name-pattern",
             "--test-reporter-destination", "--test-concurrency", "--env-file", "--conditions", "--input-type",
             "--test-timeout")),
    ("-e", "-p", "--eval", "--print"),
    ("-v", "-h", "--version", "--help", "--test"),
)  # fmt: skip


def base_name(name: str) -> str:
    """A program's name without the version that some interpreters carry."""
    found = VERSIONED.fullmatch(name)
    return found[1] if found else name


def interpreted(program: Program) -> Iterator[Part]:
    """What an interpreter is given to run."""
    name = base_name(program.name or "")
    words = list(program.words[1:])
    if name in SHELLS:
        yield from _shell(words, program)
    elif name in ("python", "pypy"):
        yield from _general(_PYTHON, words, program)
    elif name in ("node", "nodejs"):
        yield from _general(_NODE, _joined_letters(words), program)
    elif name == "perl":
        yield from _perl(words, program)
    elif name in ("awk", "gawk", "mawk", "nawk", "original-awk"):
        yield from _awk(words, program)
    elif name in ("sed", "gsed"):
        yield from _sed(words, program)
    elif name in OTHERS:
        yield from _other(name, words, program)


def _read(program: Program, language: Language) -> Iterator[Part]:
    """The code that an interpreter reads."""
    stdin = program.stdin
    if stdin.kind == "text":
        yield Code(language, stdin.text)
    elif stdin.kind == "file":
        yield from _file(stdin.text, program, language)
    elif stdin.kind == "computed":
        yield Doubt(f"`{program.name}` runs what it reads from another program.")


def _operand(word: Word, program: Program, language: Language) -> Iterator[Part]:
    """The file that an interpreter runs."""
    if word is None or isinstance(word, Globbed):
        yield Doubt(f"The command computes what `{program.name}` runs.")
    elif word in _STDIN or word.startswith(("/dev/fd", "/proc/")):
        yield from _read(program, language)
    else:
        yield from _file(word, program, language)


def _file(path: str, program: Program, language: Language) -> Iterator[Part]:
    """A file that is run; the scan knows by their endings which files are."""
    yield ScriptFile(path)
    folder = path == "." or path.endswith("/")
    if not folder and not path.casefold().endswith(SCANNED.get(language, ())):
        yield Doubt(f"The scan does not read {path}, which `{program.name}` runs.")


def _code(language: Language, text: Word, program: Program) -> Iterator[Part]:
    if text is None:
        yield Doubt(f"The command computes the code that `{program.name}` runs.")
    else:
        yield Code(language, text, program.stdin)


def _shell(words: list[Word], program: Program) -> Iterator[Part]:
    """A shell's line is its first operand when any of its options holds a `c`."""
    place, given, reads = 0, False, False
    while place < len(words):
        word = words[place]
        if word is None or len(word) < 2 or word[0] not in "-+":
            break
        place += 1
        if word == "--":
            break
        if word.startswith("--"):
            if word.startswith(("--rc", "--init")):
                yield Doubt(f"`{program.name}` reads a file as if it stood in the line.")
                place += "=" not in word
            continue
        if not word[1:].isalpha():
            yield Doubt(f"`{program.name}` has an option that the rules do not know: {word}")
        given, reads = given or "c" in word, reads or "s" in word
        place += word[-1] in "oO"
    rest = words[place:]
    if given:
        yield from _code("shell", rest[0] if rest else "", program)
    elif reads or not rest:
        yield from _read(program, "shell")
    else:
        yield from _operand(rest[0], program, "shell")


def _joined_letters(words: list[Word]) -> list[Word]:
    """Node reads `-pe` as one option."""
    return ["-e" if word in ("-pe", "-ep") else word for word in words]


def _general(interpreter: _Interpreter, words: list[Word], program: Program) -> Iterator[Part]:
    parsed = parse_options(words, interpreter.options)
    if parsed.unknown and interpreter.language == "python":
        yield Doubt(f"`{program.name}` has an option that the rules do not know: {parsed.unknown}")
    texts = [value for option, value in parsed.given if option in interpreter.code]
    if interpreter.language == "python" and (cut := _module(parsed.given)) is not None:
        module = parsed.given[cut][1]
        yield Program((module, *parsed.rest), program.stdin, module=True)
        yield from _of_module(module, parsed.rest, program)
        return
    for option, value in parsed.given:
        if value is None or (value.startswith("data:") and option not in interpreter.code):
            yield Doubt(f"The command computes what `{program.name}` runs.")
    for text in texts:
        yield from _code(interpreter.language, text, program)
    if texts or any(option in interpreter.quiet for option, _ in parsed.given):
        return
    if parsed.rest:
        yield from _operand(parsed.rest[0], program, interpreter.language)
    else:
        yield from _read(program, interpreter.language)


def _of_module(module: Word, words: list[Word], program: Program) -> Iterator[Part]:
    """Code that a module of Python takes in its words, or reads."""
    if module == "timeit":
        for word in words:
            text = word if word is None else re.sub(r"^-[a-z]*s|^--[a-z]+=", "", word)
            yield from _code("python", text, program) if text is None or not text.startswith("-") else ()
    elif module in ("pdb", "bdb", "trace", "idlelib", "IPython") and words:
        yield Doubt(f"`python -m {module}` takes commands.")
    elif module in ("code", "asyncio", "idlelib", "sqlite3"):
        yield from _read(program, "python")


def _module(given: list[tuple[str, Word]]) -> int | None:
    """Where `-m` stands, unless code comes before it."""
    for place, (option, _) in enumerate(given):
        if option in ("-c", "-m"):
            return place if option == "-m" else None
    return None


def _perl(words: list[Word], program: Program) -> Iterator[Part]:
    place, found = 0, False
    while place < len(words):
        word = words[place]
        if word is None or not word.startswith("-") or word == "-":
            break
        place += 1
        if re.fullmatch(r"-[a-zA-Z0-9]*[eE]", word):
            yield from _code("perl", words[place] if place < len(words) else "", program)
            found = True
            place += 1
        elif word.startswith("-i") or re.fullmatch(r"-[0-9aclnpstuUvwW]+|-[lFI0].*|-M[\w:]+|--", word):
            continue
        else:
            yield Doubt(f"`perl` has an option that the rules do not know: {word}")
    rest = words[place:]
    if any(word is None or set("|<>") & set(word) for word in rest):
        yield Doubt("`perl` may start what its words name.")
    if not found:
        yield from _operand(rest[0], program, "perl") if rest else _read(program, "perl")


def _awk(words: list[Word], program: Program) -> Iterator[Part]:
    place, found = 0, False
    while place < len(words):
        word = words[place]
        if word is None or not word.startswith("-") or word == "-":
            break
        place += 1
        if word == "--":
            break
        if word in ("-F", "-v", "--field-separator", "--assign"):
            place += 1
        elif word in ("-f", "--file"):
            found = True
            yield from _operand(words[place] if place < len(words) else "", program, "awk")
            place += 1
        elif not word.startswith(("-F", "-v", "--field-separator=", "--assign=", "--csv", "--posix")):
            yield Doubt(f"`awk` has an option that the rules do not know: {word}")
    if not found and place < len(words):
        text = words[place]
        yield Doubt("The command computes the code that `awk` runs.") if text is None else Code("awk", text)


def _sed(words: list[Word], program: Program) -> Iterator[Part]:
    known = Options(
        "nErsuzi",
        "efl",
        (
            "--quiet",
            "--silent",
            "--regexp-extended",
            "--in-place",
            "--posix",
            "--debug",
            "--null-data",
            "--separate",
            "--sandbox",
        ),
        ("--expression", "--file"),
    )
    given, rest = [], words
    while rest:
        attached = rest[0] is not None and rest[0].startswith("-i")
        parsed = parse_options(["-i", *rest[1:]] if attached else rest, known)
        given += parsed.given
        rest = parsed.rest
        if any(option in ("-e", "--expression", "-f", "--file") for option, _ in given):
            rest = rest[1:] if rest and not (rest[0] or "").startswith("-") else rest
        elif rest:
            given.append(("-e", rest[0]))
            rest = rest[1:]
        if parsed.unknown:
            yield Doubt(f"`sed` has an option that the rules do not know: {parsed.unknown}")
    for option, value in given:
        if option in ("-e", "--expression"):
            yield Doubt("The command computes the code that `sed` runs.") if value is None else Code("sed", value)
        elif option in ("-f", "--file"):
            yield from _operand(value, program, "sed")


def _other(name: str, words: list[Word], program: Program) -> Iterator[Part]:
    letters = OTHERS[name]
    for place, word in enumerate(words):
        if word is None:
            yield Doubt(f"The command computes what `{name}` runs.")
        elif re.fullmatch(rf"-[a-zA-Z]*[{letters or '-'}]|--eval|--command|eval", word):
            following = words[place + 1] if place + 1 < len(words) else ""
            yield from _code("other", following, program)
        elif letters and re.match(rf"-[{letters}].", word):
            yield Code("other", word)
    if not words or words[0] == "-":
        yield from _read(program, "other")
