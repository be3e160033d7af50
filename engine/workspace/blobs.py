"""Reading stored objects, many with one call."""

from collections.abc import Collection

from engine.workspace.git import LONG_TIMEOUT_S, Git

MAX_TEXT_BYTES = 10 * 2**20
"""A longer file is taken or left as a whole."""
MAX_READ_BYTES = 200 * 2**20
"""What one call reads; where there is more, the largest are left out."""


async def read_blobs(git: Git, names: Collection[str]) -> dict[str, bytes]:
    """Contents by object name; those over `MAX_TEXT_BYTES`, and what is over `MAX_READ_BYTES` in all, are left out.

    Args:
        git: on the object store.
        names: of blobs; an empty one is passed over.
    """
    wanted = sorted({name for name in names if name})
    if not wanted:
        return {}
    listed = "\n".join(wanted).encode() + b"\n"
    sizes = (await git("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=listed)).decode().splitlines()
    short = _short(sorted((int(line.split(" ")[1]), line.split(" ")[0]) for line in sizes))
    if not short:
        return {}
    out = await git(
        "cat-file", "--batch=%(objectname) %(objectsize)", stdin="\n".join(short).encode() + b"\n",
        timeout_s=LONG_TIMEOUT_S,
    )  # fmt: skip
    found: dict[str, bytes] = {}
    at = 0
    while at < len(out):
        end = out.index(b"\n", at)
        name, size = out[at:end].decode().split(" ")
        found[name] = out[end + 1 : end + 1 + int(size)]
        at = end + 2 + int(size)
    return found


def _short(sizes: list[tuple[int, str]]) -> list[str]:
    total, short = 0, []
    for size, name in sizes:
        total += size
        if size <= MAX_TEXT_BYTES and total <= MAX_READ_BYTES:
            short.append(name)
    return short
