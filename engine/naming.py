"""Names: of runs, words of the goal that a person recognises and a tail that makes them unique; of who answers."""

import getpass
import re
import secrets
import socket

ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"


def new_run_id(goal: str) -> str:
    """A run id such as `roman-numerals-k3f9x`, safe as a branch name and as a folder."""
    words = re.findall(r"[a-z0-9]+", goal.lower()[:400])
    long = [word for word in words if len(word) > 3][:3] or words[:3] or ["run"]
    tail = "".join(secrets.choice(ALPHABET) for _ in range(5))
    return f"{'-'.join(word[:16] for word in long)}-{tail}"


def person_here() -> str:
    """The person at this machine, such as `ada@laptop`, so that another terminal can tell who answered."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a user of a container may have no name
        name = "person"
    return f"{name}@{socket.gethostname()}"
