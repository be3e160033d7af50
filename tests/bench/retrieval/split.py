"""The corpus by sides, so that nothing is measured on what it was fitted on."""

from collections.abc import Iterable, Sequence

from tests.bench.retrieval.corpus import Failure


def fitting_side(failures: Sequence[Failure]) -> list[Failure]:
    """Every other program of each language."""
    names = _fitting(failures)
    return [one for one in failures if one.program in names]


def measured_side(failures: Sequence[Failure]) -> list[Failure]:
    """The other programs."""
    names = _fitting(failures)
    return [one for one in failures if one.program not in names]


def never_stored(programs: Iterable[str]) -> set[str]:
    """Every fourth of some programs: memory knows nothing of them."""
    return set(sorted(programs)[1::4])


def _fitting(failures: Sequence[Failure]) -> set[str]:
    names = sorted({(one.language, one.program) for one in failures})
    return {program for _, program in names[::2]}
