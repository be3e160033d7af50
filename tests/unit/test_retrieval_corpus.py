"""The corpus of the retrieval benchmark is what the benchmark takes it for."""

import ast
from collections import Counter
from functools import cache

from memory.normalise import error_of
from tests.bench.retrieval.corpus import Failure, read_corpus, renamed
from tests.bench.retrieval.mutants import HELD_OUT, KINDS
from tests.bench.retrieval.mutants_javascript import JavaScriptMutants
from tests.bench.retrieval.mutants_python import PythonMutants
from tests.bench.retrieval.programs import programs
from tests.bench.retrieval.split import fitting_side, measured_side, never_stored
from tests.unit.test_style import MACHINE_PATHS


@cache
def failures() -> list[Failure]:
    return read_corpus()


def test_failures_are_many_of_many_programs() -> None:
    languages = Counter(language for language, _ in {(one.language, one.program) for one in failures()})
    assert languages["python"] >= 40
    assert languages["node"] >= 15
    assert len({one.error_type for one in failures()}) > 15
    assert not [one.program for one in failures() if MACHINE_PATHS.search(one.report)]


def test_nothing_is_measured_on_what_it_was_fitted_on() -> None:
    fitting, testing = fitting_side(failures()), measured_side(failures())
    assert not {one.program for one in fitting} & {one.program for one in testing}
    assert {one.language for one in fitting} == {one.language for one in testing} == {"python", "node"}
    assert {KINDS[operator] for operator in HELD_OUT} == set(KINDS.values())
    assert 0.2 <= len(never_stored({one.program for one in testing})) / len({one.program for one in testing}) <= 0.3


def test_memory_reads_the_error_from_nearly_every_report() -> None:
    right = [error_of(one.report)[0] == one.error_type for one in failures()]
    assert sum(right) / len(right) > 0.95


def test_a_renamed_report_holds_none_of_the_old_names() -> None:
    one = next(one for one in failures() if one.program == "inventory" and "reserved" in one.report)
    other = renamed(one, ["alpha_one", *(f"name_{number}" for number in range(99))])
    assert "inventory" not in other.report
    assert "reserved" not in other.report
    assert other.line == one.line


def test_mutants_differ_from_their_program_by_one_bug() -> None:
    known = {one.name: one for one in programs()}
    roman = list(PythonMutants(known["roman"].source).all())
    assert {"compare_closed", "return_none", "number_down", "swap_arguments"} - {one.operator for one in roman} <= {
        "swap_arguments"
    }
    assert all(ast.parse(one.source) and one.source != known["roman"].source for one in roman)
    slug = list(JavaScriptMutants(known["slug"].source).all())
    assert {one.function for one in slug} >= {"slugify", "truncate"}
    assert {one.operator for one in roman + slug} <= set(KINDS)
