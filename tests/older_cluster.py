"""A home whose data directory was made, and filled, by the older PostgreSQL that the package carries beside ours."""

import os
import shutil
import subprocess
from pathlib import Path

from memory.cluster import Installation, give, reachable, server_account
from memory.keeper import account
from memory.old_programs import find_older
from memory.postmaster import Home

OLDER = 16


def older_programs() -> Installation:
    """PostgreSQL 16 with pgvector."""
    found = find_older(OLDER)
    assert found is not None, "the package carries an older PostgreSQL"
    return reachable(found, server_account())


def make_older_cluster(home: Home) -> None:
    """An empty data directory as PostgreSQL 16 makes one."""
    who = server_account()
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The servers' account may not walk the way that leads to the home.
    made = Path("/tmp") / f"older-{os.getpid()}-{home.mark[-8:]}"
    made.mkdir(mode=0o700)
    give(made, who)
    subprocess.run(
        [older_programs().bin / "initdb", "-D", made, "-U", "miracle", "-N", "-E", "UTF8", "--locale=C", "-A", "peer"],
        check=True,
        capture_output=True,
        cwd="/",
        **account(who.uid, who.gid),  # type: ignore[call-overload]
    )
    shutil.move(made, home.cluster)
