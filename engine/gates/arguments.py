"""What a program's arguments are: options, subcommands, names, paths, addresses."""

from collections.abc import Sequence
from urllib.parse import urlsplit

CHOOSERS = frozenset({"pip", "pip3", "uv", "uv pip", "uv tool", "npm", "pnpm", "yarn", "git", "cargo", "go", "gem",
                      "bundle", "poetry", "pipx", "conda", "apt", "apt-get", "brew", "make", "dotnet"})  # fmt: skip
"""Programs whose next word chooses what they do."""
FIXED = {"rm": 0, "rmdir": 0, "mkdir": 0, "touch": 0, "cp": 0, "mv": 0, "chmod": 1, "chown": 1, "chgrp": 1}
"""Programs that act on the paths they are given, and how many arguments come before the paths."""
MAX_GLOB_PATH = 200


def split_arguments(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Options, each once, and all other arguments; what follows `--` still counts as an option if it looks like one."""
    options = tuple(dict.fromkeys(word for word in words if word.startswith("-")))
    return options, tuple(word for word in words if not word.startswith("-"))


def subcommand_of(program: str, words: Sequence[str]) -> tuple[str, ...] | None:
    """The words that choose what the program does; None when an option stands where one should."""
    chosen: list[str] = []
    while " ".join((program, *chosen)) in CHOOSERS:
        following = words[len(chosen)] if len(chosen) < len(words) else ""
        if not following or following.startswith("-"):
            return None
        chosen.append(following)
    return tuple(chosen)


def kind_of(word: str) -> str:
    """What an argument is, in words: an address with its host, a path in or out of the project, a name."""
    if "://" in word:
        try:
            parts = urlsplit(word)
            host = parts.hostname or ""
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return f"exactly {word}"
        if not host or "@" in parts.netloc or "\\" in word:
            return f"exactly {word}"
        return f"{parts.scheme}://{host}{port}"
    if ":" in word or "@" in word:
        # Addresses without a scheme, users of other machines, sources of packages.
        return f"exactly {word}"
    if not is_inside(word):
        return "paths outside the project"
    return "paths in the project" if "/" in word or word == "." else "names"


def is_inside(path: str) -> bool:
    """Whether a path stays within the project by its letters alone."""
    return bool(path) and not path.startswith(("/", "~")) and ".." not in path.split("/")


def folder_of(path: str) -> str:
    """A glob over the folder that a path lies in, or over the path itself in the top folder; empty when there is none.

    A path that holds glob characters, or names the project itself, has none.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or len(path) > MAX_GLOB_PATH or set("*?[") & set(path):
        return ""
    return "/".join((*(parts[:-1] or parts), "**"))
