"""What a sandbox does not enforce is said where a person looks: in `miracle doctor`, on the set-up screen, in a run."""

from engine import events as e
from miracle_tui import checks
from sandbox.protocol import Capabilities

WEAK = Capabilities("bubblewrap", True, ("network off",), ("memory",), "Python 3.12", missing=("processes",))


def test_a_check_names_the_limits_for_people_and_for_programs() -> None:
    check = checks._backend_check(WEAK, "auto")
    assert check.detail == "Python 3.12; 1 limits hold; best effort: memory; no limit: processes"
    assert check.limits == {"enforced": ("network off",), "best_effort": ("memory",), "missing": ("processes",)}
    assert check.status == "ok"


def test_a_run_keeps_what_its_sandbox_enforced() -> None:
    body = e.WorkspacePrepared(
        worktree="/w", repository="/r", branch="b", base_commit="c", backend="bubblewrap",
        enforced=WEAK.enforced, best_effort=WEAK.best_effort, missing=WEAK.missing,
    )  # fmt: skip
    again = e.WorkspacePrepared.model_validate_json(body.model_dump_json())
    assert (again.enforced, again.best_effort, again.missing) == (("network off",), ("memory",), ("processes",))
    old = e.WorkspacePrepared(worktree="/w", repository="/r", branch="b", base_commit="c")
    assert old.enforced == ()
