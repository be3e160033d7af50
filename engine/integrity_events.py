"""What is found out about the tests themselves: whether they still hold to what they held to, and what they catch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.agent_events import EventBody

LossKind = Literal["removed", "skipped", "fewer", "weaker", "parameters", "fixture", "hook", "collection", "settings"]
OnBase = Literal["red", "new", "passes", "broken"]
ReturnReason = Literal["losses", "proves_nothing", "mutants"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)
    __test__ = False


class TestLoss(_Value):
    """Something that the tests hold to less than before."""

    kind: LossKind
    path: str
    test: str = ""
    """The runner's name of the test without its parameters, or of a function that tests use."""
    detail: str = ""

    @property
    def line(self) -> str:
        """The loss in a line; two losses with one line are the same."""
        return f"{self.test or self.path} {self.detail}".strip()


class TestOnBase(_Value):
    """How a new test ended on the commit that its phase began from."""

    test: str
    verdict: OnBase
    """`red`: it fails as it should; `new`: what it tests is not there yet; `passes`, `broken`: it proves nothing."""
    detail: str = ""

    @property
    def proves(self) -> bool:
        """Whether it shows that the phase's work was needed."""
        return self.verdict in ("red", "new")


class Mutant(_Value):
    """A small fault that was put into a changed line."""

    path: str
    line: int
    before: str
    after: str

    @property
    def text(self) -> str:
        """The fault in a line."""
        return f"{self.path}:{self.line}: {self.before} -> {self.after}"


class TestsCompared(EventBody):
    """The ledger: the tests of the newest checkpoint against the most that they held to in this phase."""

    __test__ = False

    kind: Literal["tests_compared"] = "tests_compared"
    phase_id: str
    number: int
    base: str
    """The commit from which on the phase's tests are compared."""
    commit: str
    losses: tuple[TestLoss, ...] = ()
    gained: int = 0
    """Tests that are new."""


class RedFirst(EventBody):
    """The phase's new tests were run on the commit that it began from."""

    kind: Literal["red_first"] = "red_first"
    phase_id: str
    number: int
    base: str
    """The tree that they ran on."""
    tests_hash: str
    """Of the test files that were added to it; with `base` it names the result."""
    results: tuple[TestOnBase, ...] = ()
    note: str = ""
    """Why nothing was run, where nothing was."""
    duration_s: float = 0.0


class MutantsTried(EventBody):
    """Small faults were put into the changed lines, one at a time, and the tests run on each."""

    kind: Literal["mutants_tried"] = "mutants_tried"
    phase_id: str
    number: int
    commit: str
    tried: int = 0
    caught: int = 0
    survivors: tuple[Mutant, ...] = ()
    note: str = ""
    """Why fewer were tried than asked for."""
    duration_s: float = 0.0

    @property
    def percent(self) -> int:
        """The share that was caught, rounded down."""
        return self.caught * 100 // self.tried if self.tried else 100


class TestsReturned(EventBody):
    """The iteration's tests are not good enough: another iteration mends them."""

    __test__ = False

    kind: Literal["tests_returned"] = "tests_returned"
    phase_id: str
    number: int
    to: Literal["tester", "coder"] = "tester"
    why: ReturnReason
    reason: str


IntegrityEvent = TestsCompared | RedFirst | MutantsTried | TestsReturned
