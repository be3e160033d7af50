"""How well memory recalls real failures: the shipped views and recall beside others, on programs never fitted on.

    python -P -m tests.bench.bench_retrieval [--minilm] [--fit]

Half of the programs are for fitting (the table of document frequencies, the thresholds), the other half for this table.
Stored failures and queries come of different mutation operators, and the queries' programs have moved by some lines. A
fifth of the queries are of programs of which nothing is stored. Intervals are of programs drawn anew.
"""

import argparse
import asyncio
import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory.offline import OfflineEmbedder
from tests.bench.measuring import load_now, workplace
from tests.bench.retrieval.corpus import Failure, read_corpus, renamed
from tests.bench.retrieval.methods import (
    Embed,
    by_fingerprint,
    by_view,
    by_words,
    context_of,
    recalled,
    signature_of,
)
from tests.bench.retrieval.scoring import KINDS, Figure, Flags, Kind, Question, Scores, figure, recall_and_rank
from tests.bench.retrieval.shipped import by_postgres, by_recall
from tests.bench.retrieval.split import fitting_side, measured_side, never_stored

FALSE_RECALL = 0.2
OWN_STEPS = (0.2, 0.25, 0.3, 0.35, 0.4)
STEPS = np.arange(0.6, 0.96, 0.04)

Floats = NDArray[np.float64]
Scored = dict[str, tuple[Scores, Scores]]
"""Of each method its scores for the queries, and for the queries renamed."""


class Side:
    """One side of the corpus: what is stored, what is asked, and what is asked without anything to recall."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        strange = never_stored({one.program for one in failures})
        stored = [one for one in failures if not one.held_out and one.program not in strange]
        asked = [one for one in failures if one.held_out and one.program not in strange]
        self.known = Question(asked, stored)
        names = sorted({name for one in failures for name in one.identifiers})
        self.renamed = Question([renamed(one, names) for one in asked], stored)
        # The fifth of all queries.
        alone = [one for one in failures if one.held_out and one.program in strange]
        random.Random(1).shuffle(alone)
        self.alone = Question(alone[: max(1, len(asked) // 4)], stored)

    def nothing(self, scores: Scores) -> Scores:
        """Scores of the lonely queries without what might help after all: the same bug in another program."""
        return np.where(self.alone.relevant("T4"), -np.inf, scores)


def table(side: Side, scored: Scored, shown: Sequence[str]) -> dict[tuple[str, Kind], Figure]:
    """Print recall@5 and reciprocal rank of each method; give the recalls."""
    figures = {}
    programs = [one.program for one in side.known.queries]
    print(f"{'recall@5 (95 %) / MRR':26}" + "".join(f"{kind:>28}" for kind in KINDS))
    for name in shown:
        line = f"{name:26}"
        for kind in KINDS:
            question, scores = side.known, scored[name][0]
            if kind == "T5":
                question, scores = side.renamed, scored[name][1]
            if kind == "T4":
                # Asked of other programs only, as recall asks it: else those of the own one take all places.
                scores = np.where(question.same_program(), -np.inf, scores)
            recall, rank = recall_and_rank(scores, question.relevant(kind))
            one = figures[name, kind] = figure(recall, programs)
            line += f"{f'{one.mean:.3f} [{one.low:.2f} {one.high:.2f}] / {np.nanmean(rank):.3f}':>28}"
        print(line, flush=True)
    return figures


def false_recall(side: Side, foreign: float) -> float:
    """Share of the lonely queries that recall something; of their own projects there is nothing."""
    contexts, signatures = (side.nothing(by_view(side.alone, view)) for view in (context_of, signature_of))
    return float(((contexts >= foreign) | (signatures >= foreign)).any(axis=1).mean())


def loneliness(everything: Question, contexts: Scores, signatures: Scores) -> Floats:
    """The best likeness of what cannot help, for each query as if memory lacked its program: many lonely queries."""
    useless = everything.same_program() | everything.relevant("T4")
    best = [np.where(useless, -np.inf, scores).max(axis=1) for scores in (contexts, signatures)]
    return np.asarray(np.maximum(*best), dtype=np.float64)


def right(side: Side, scores: Scores, question: Question) -> tuple[float, float]:
    """(precision, answers a query) of what is given as an answer."""
    given = np.isfinite(scores)
    useful: Flags = question.relevant("T1") | question.relevant("T3") | question.relevant("T4")
    return float((given & useful).sum() / max(1, given.sum())), float(given.sum(axis=1).mean())


def fit(failures: Sequence[Failure]) -> None:
    """Print what pairs of thresholds give on the fitting side, where each program in turn is one that memory lacks."""
    everything = Question([one for one in failures if one.held_out], [one for one in failures if not one.held_out])
    contexts, signatures = (by_view(everything, view) for view in (context_of, signature_of))
    same, about = everything.same_program(), everything.relevant("T1") | everything.relevant("T3")
    alone = loneliness(everything, contexts, signatures)
    print("thresholds in the own project and in others, false recall, precision in the own project, recall@5")
    for least in OWN_STEPS:
        own = same & (contexts >= least)
        for foreign in STEPS:
            answer = recalled(everything, contexts, signatures, least, foreign)
            shown = []
            for kind in KINDS[:3]:
                scores = np.where(same, -np.inf, answer) if kind == "T4" else answer
                shown.append(f"{kind} {np.nanmean(recall_and_rank(scores, everything.relevant(kind))[0]):.3f}")
            precision = (own & about).sum() / own.sum()
            print(f"  {least:.2f} {foreign:.2f}: {(alone >= foreign).mean():.3f}  {precision:.3f}  {' '.join(shown)}")


async def measure(side: Side, more: dict[str, Embed]) -> None:
    """Score every method, print the table and hold the bounds."""
    both = (side.known, side.renamed)
    scored: Scored = {}
    for name, view in (("context, hashed", context_of), ("signature, hashed", signature_of)):
        scored[name] = (by_view(both[0], view), by_view(both[1], view))
    scored["BM25, raw report"] = (by_words(both[0]), by_words(both[1]))
    scored["fingerprint"] = (by_fingerprint(both[0]), by_fingerprint(both[1]))
    for name, embed in more.items():
        scored[name] = (
            by_view(both[0], lambda one: one.report, embed),
            by_view(both[1], lambda one: one.report, embed),
        )
    with workplace() as folder:
        scored["ts_rank, raw report"] = tuple(await by_postgres(folder, both))  # type: ignore[assignment]
        scored["recall as shipped"] = tuple(await by_recall(folder, both))  # type: ignore[assignment]
    figures = table(side, scored, list(scored))
    embedder = OfflineEmbedder()
    least, foreign = embedder.threshold, embedder.foreign_threshold
    least_of = {"fingerprint": 0.0, "context, hashed": least, "signature, hashed": foreign, "recall as shipped": 0.0}
    for name, at in least_of.items():
        cut = np.where(scored[name][0] >= at, scored[name][0], -np.inf)
        precision, answers = right(side, cut, side.known)
        print(f"at the threshold, {name}: precision {precision:.3f} of {answers:.1f} answers a query")
    false = false_recall(side, foreign)
    print(
        f"false recall: {false:.3f} of {len(side.alone.queries)} queries with nothing to recall, bound {FALSE_RECALL}"
    )
    every = loneliness(side.known, scored["context, hashed"][0], scored["signature, hashed"][0]) >= foreign
    print(f"the same, each of the other {len(every)} queries as if memory lacked its program: {every.mean():.3f}")
    hold(figures, false)


def hold(figures: dict[tuple[str, Kind], Figure], false: float) -> None:
    """Say of each bound whether it holds; end with a status that tells."""
    others = [name for name, kind in figures if kind == "T4" and name != "signature, hashed"]
    bounds = {
        "the context view beats BM25 on T1": figures["context, hashed", "T1"].mean
        - figures["BM25, raw report", "T1"].mean,
        "the context view beats BM25 on T5": figures["context, hashed", "T5"].mean
        - figures["BM25, raw report", "T5"].mean,
        "the signature view beats all on T4": figures["signature, hashed", "T4"].mean
        - max(figures[name, "T4"].mean for name in others),
        "at most one false recall in five": FALSE_RECALL - false,
    }
    for name, room in bounds.items():
        print(f"{'holds ' if room >= 0 else 'BROKEN'} {name} ({room:+.3f})")
    if min(bounds.values()) < 0:
        raise SystemExit(1)


def main() -> None:
    """Print the table beside the bounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fit", action="store_true", help="print what thresholds give on the fitting side instead")
    parser.add_argument("--minilm", action="store_true", help="a sentence model beside, where one is installed")
    given = parser.parse_args()
    failures = read_corpus()
    if given.fit:
        fit(fitting_side(failures))
        return
    side = Side(measured_side(failures))
    programs = len({one.program for one in failures})
    print(
        f"{len(failures)} failures of {programs} programs; {len(side.known.stored)} stored, "
        f"{len(side.known.queries)} queries, {len(side.alone.queries)} with nothing to recall, {load_now()}"
    )
    more: dict[str, Embed] = {}
    if given.minilm:
        from tests.bench.retrieval.minilm import sentence_embedder

        more["MiniLM, raw report"] = sentence_embedder()
    asyncio.run(measure(side, more))


if __name__ == "__main__":
    main()
