"""A project's own files as data: what is missing, unsafe, too large or malformed reads as empty."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.safe_files import read_text

_TEXT = r'"(?:[^"\\]|\\.)*"'
_COMMENT = re.compile(rf"({_TEXT})|//[^\n]*|/\*[\s\S]*?\*/")
_TRAILING = re.compile(rf"({_TEXT})|,(?=\s*([\]}}]))")


def file_text(root: Path, name: str, limit: int) -> str:
    """The text of a file; empty where it cannot be read.

    Args:
        root: the worktree; links inside it are not followed.
        name: the path inside it.
        limit: bytes above which the file is left alone.
    """
    try:
        return read_text(root, name, limit)
    except SandboxError:
        return ""


def toml_table(root: Path, name: str, limit: int) -> dict[str, Any]:
    """The table of a TOML file; empty where there is none."""
    try:
        return tomllib.loads(file_text(root, name, limit))
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def relaxed_json_object(root: Path, name: str, limit: int) -> dict[str, Any]:
    """The object of a JSON file that may hold comments and trailing commas, as tsconfig.json does; empty else."""
    bare = _COMMENT.sub(lambda match: match[1] or "", file_text(root, name, limit))
    try:
        read = json.loads(_TRAILING.sub(lambda match: match[1] or "", bare) or "{}")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def json_object(root: Path, name: str, limit: int) -> dict[str, Any]:
    """The object of a JSON file; empty where there is none."""
    try:
        read = json.loads(file_text(root, name, limit) or "{}")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
