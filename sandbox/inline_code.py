"""Code that stands in a line of shell: whether it may start programs, and which."""

import ast
import re
import shlex
import warnings
from collections.abc import Iterator

from sandbox.inline_awk import awk_starts
from sandbox.shell_parts import Code, Doubt, Part

_MODULES = frozenset({"subprocess", "pty", "ctypes", "multiprocessing", "runpy", "code", "codeop", "builtins", "posix",
                      "imp", "pickle", "marshal", "pexpect", "plumbum", "paramiko", "fabric", "cffi", "pdb", "cProfile",
                      "profile", "trace", "bdb", "webbrowser", "socket", "sh", "_posixsubprocess", "pip", "ensurepip",
                      "setuptools", "distutils", "pydoc", "pkgutil", "gc", "zipimport", "mailcap", "_frozen_importlib",
                      "_frozen_importlib_external", "_imp", "_pickle", "_ctypes", "_socket", "nt"})  # fmt: skip
_CALLS = re.compile(
    r"system|popen\d?|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?|fork|forkpty|kill|killpg|startfile|__import__"
    r"|import_module|create_subprocess_(exec|shell)|run_path|run_module|rmtree|attrgetter|methodcaller|load_module"
    r"|exec_module|dlopen|CDLL|[fg][ir]?_(globals|builtins|back|frame|locals)|tb_frame|cr_frame|ag_frame|currentframe"
    r"|_getframe|enable_load_extension|resolve_name|ProcessPoolExecutor|script_helper"
)
_BUILTINS = frozenset({"eval", "exec", "compile", "globals", "locals", "vars", "breakpoint", "__builtins__"})
_PLAIN_DUNDERS = frozenset({"__version__", "__name__", "__doc__", "__file__", "__path__", "__all__", "__main__"})
_NODE_WORDS = re.compile(
    r"\b(child_process|exec\w*|spawn\w*|fork|eval|Function|constructor|\w*[bB]inding|dlopen|createRequire|Worker"
    r"|mainModule|getBuiltinModule|Reflect|rm|rmSync|rmdir\w*|kill|repl|inspector)\b"
    r"|['\"`](node:)?(vm|cluster|worker_threads|net|dgram|module)['\"`]|\\[xu0-7]|data:"
    r"|\[[^\]]*['\"`][^\]]*\+|\[[^\]]*\+[^\]]*['\"`]|\b(process|globalThis|require|global|this)\s*(\?\.)?\["
)
_NODE_LOADS = re.compile(r"\b(?:require|import)\s*\(\s*(?!(['\"])[^'\"`]*\1\s*[,)])")
_PERL = re.compile(
    r"\b(system|exec|qx|open|fork|eval|require|use|do|syscall|rmtree|readpipe|kill|CORE|DynaLoader)\b|`|<\S*\||->\s*\$"
    r"|\bs\s*\W.*\W\w*e\w*\s*(;|}|$)|&\s*[{$]"
)
_STRING = re.compile(r"(['\"`])((?:\\.|(?!\1).)*)\1", re.DOTALL)
_SED_ONE_LINE = frozenset("aicrRwWv#")
_SED_LABELLED = frozenset("btT:")


def judged_code(code: Code) -> Iterator[Part]:
    """Doubts about a text that an interpreter runs, and the lines of shell that may stand in it."""
    reason = ""
    match code.language:
        case "python":
            reason = _python(code.text)
        case "node":
            found = _NODE_WORDS.search(code.text) or _NODE_LOADS.search(code.text)
            reason = f"uses `{found[0].strip()}`" if found else ""
        case "perl":
            reason = "may start programs" if _PERL.search(code.text) else ""
        case "awk":
            reason = "may start programs" if awk_starts(code.text) else ""
        case "sed":
            reason = "may start programs" if _sed_starts(code.text) else ""
        case _:
            reason = "is in a language that the rules do not read"
    if reason:
        yield Doubt(f"The code on the command line {reason}.")
        texts = [*_strings(code), *([_sed_text(code.text)] if code.language == "sed" else [])]
        yield from (Code("shell", text, suspect=True) for text in texts if text)


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _python(text: str) -> str:
    """What a program of Python does that starts others; empty when nothing is seen."""
    tree = _tree(text)
    if tree is None:
        return "cannot be parsed"
    return next((f"uses `{name}`" for node in ast.walk(tree) if (name := _starts(node))), "")


def _starts(node: ast.AST) -> str:
    match node:
        case ast.Import():
            return next((alias.name for alias in node.names if _is_module(alias.name)), "")
        case ast.ImportFrom():
            names = [alias.name for alias in node.names]
            if _is_module(node.module or "") or (node.module in ("os", "shutil") and "*" in names):
                return node.module or ""
            return next((name for name in names if _CALLS.fullmatch(name) or name in _MODULES), "")
        case ast.Attribute():
            dunder = node.attr.startswith("__") and node.attr not in _PLAIN_DUNDERS
            return node.attr if dunder or _CALLS.fullmatch(node.attr) or node.attr == "modules" else ""
        case ast.Name():
            return node.id if node.id in _BUILTINS or _CALLS.fullmatch(node.id) else ""
        case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]):
            return name if _CALLS.fullmatch(name) or name in _BUILTINS or name.startswith("__") else ""
        case ast.Call(func=ast.Name(id="getattr")):
            return "getattr"
        case ast.Call(func=ast.Attribute(attr="timeit" | "repeat")):
            return "timeit"
        case _:
            return ""


def _is_module(name: str) -> bool:
    return name.split(".")[0] in _MODULES or name in ("asyncio.subprocess", "importlib", "concurrent.futures.process")


def _strings(code: Code) -> Iterator[str]:
    """The strings of a text, and its lists of strings as lines."""
    tree = _tree(code.text) if code.language == "python" else None
    if tree is None:
        for found in _STRING.finditer(code.text):
            yield found[2]
        yield " ".join(found[2] for found in _STRING.finditer(code.text))
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.List | ast.Tuple | ast.Call):
            parts = node.args if isinstance(node, ast.Call) else node.elts
            words = [one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if len(words) > 1:
                yield shlex.join(words)


def _sed_text(text: str) -> str:
    return re.sub(r"^[\d,$\s]*e\s*", "", text)


def _sed_starts(text: str) -> bool:
    """Whether a sed script has a command or a flag that runs what sed holds; what cannot be read counts as one."""
    place = 0
    while place < len(text):
        place = _past_address(text, place)
        if place >= len(text):
            break
        command = text[place]
        place += 1
        if command in "sy":
            end = _past_parts(text, place)
            flags = re.compile(r"[a-zA-Z0-9]*").match(text, end)
            if (
                end < 0
                or flags is None
                or "\n" in text[place:end].replace("\\\n", "")
                or (command == "s" and "e" in flags[0].split("w")[0])
            ):
                return True
            place = flags.end() if "w" not in flags[0] else _line_end(text, end)
        elif command == "e":
            return True
        elif command in _SED_LABELLED:
            place = re.compile(r"[ \t]*[^;\s}]*").match(text, place).end()  # type: ignore[union-attr]
        elif command in _SED_ONE_LINE:
            place = _line_end(text, place)
        elif command not in "dDgGhHlnNpPqQxzF={}":
            return True
        else:
            place = re.compile(r"\s*\d*").match(text, place).end()  # type: ignore[union-attr]
    return False


def _line_end(text: str, place: int) -> int:
    """The end of a command's text; a line that ends with a backslash goes on."""
    found = re.compile(r"(?:\\.|[^\n\\])*", re.DOTALL).match(text, place)
    return found.end() if found else len(text)


def _past_address(text: str, place: int) -> int:
    while place < len(text):
        if text[place] in " \t\n;,!+~$0123456789I" or (text[place] == "M" and place and text[place - 1] == "/"):
            place += 1
        elif text[place] in "/\\":
            mark = text[place] if text[place] == "/" else text[place + 1 : place + 2]
            end = _delimited(text, place + (1 if text[place] == "/" else 2), mark)
            if end < 0:
                return place
            place = end
        else:
            break
    return place


def _past_parts(text: str, place: int) -> int:
    mark = text[place : place + 1]
    middle = _delimited(text, place + 1, mark)
    return _delimited(text, middle, mark) if middle >= 0 else -1


def _delimited(text: str, place: int, mark: str) -> int:
    """Where a text ends that is closed by a mark; -1 when it is not."""
    while mark and place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        if text[place] == mark:
            return place + 1
        place += 1
    return -1
