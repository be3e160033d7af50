"""The methods that stand beside each other, each as scores of all stored failures for all queries."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from memory.hashed_ngrams import embed_text
from memory.normalise import error_of, fingerprint, frames_of, mask, signature
from tests.bench.retrieval.bm25 import BM25
from tests.bench.retrieval.corpus import Failure
from tests.bench.retrieval.scoring import Question, Scores

Embed = Callable[[str], NDArray[np.float64]]


def context_of(failure: Failure) -> str:
    """What memory embeds as a failure's context."""
    return mask(failure.report)


def signature_of(failure: Failure) -> str:
    """What memory embeds as a failure's signature."""
    return signature(*error_of(failure.report))


def by_view(question: Question, view: Callable[[Failure], str], embed: Embed = embed_text) -> Scores:
    """Cosine similarities of a view's vectors."""
    asked, known = (
        np.array([embed(view(one)) for one in failures]) for failures in (question.queries, question.stored)
    )
    return np.asarray(asked @ known.T, dtype=np.float64)


def by_words(question: Question) -> Scores:
    """BM25 over the reports as they are."""
    index = BM25([one.report for one in question.stored])
    return np.array([index.scores(one.report) for one in question.queries], dtype=np.float64)


def by_fingerprint(question: Question) -> Scores:
    """1 where project, type and frames are the same."""
    asked, known = _keys(question.queries), _keys(question.stored)
    same = np.array([[one == other for other in known] for one in asked])
    return np.where(same & question.same_program(), 1.0, -np.inf)


def _keys(failures: Sequence[Failure]) -> list[bytes]:
    return [fingerprint(*error_of(one.report), frames_of(one.report)) for one in failures]


def recalled(question: Question, contexts: Scores, signatures: Scores, least: float, foreign: float) -> Scores:
    """All of recall over scores that are at hand: the order of `FailureMemory.recall`, for five places.

    Returns:
        Scores that fall with the place; minus infinity for what is not recalled.
    """
    answer = np.full(contexts.shape, -np.inf)
    same, keys = question.same_program(), by_fingerprint(question)
    contexts = np.where(same | (contexts >= foreign), contexts, -np.inf)
    for number in range(len(contexts)):
        order = [int(at) for at in np.flatnonzero(np.isfinite(keys[number]))][:5]
        strangers = _best(np.where(same[number], -np.inf, signatures[number]), foreign)
        near = [at for at in _best(contexts[number], least) if at not in order]
        kept = min(len(strangers), 2)
        order += near[: max(0, 5 - len(order) - kept)]
        order += [at for at in strangers if at not in order][: 5 - len(order)]
        order += [at for at in near if at not in order][: 5 - len(order)]
        answer[number, order] = 1.0 / (1 + np.arange(len(order)))
    return answer


def _best(scores: NDArray[np.float64], least: float) -> list[int]:
    order = np.argsort(-scores, kind="stable")[:40]
    return [int(at) for at in order if scores[at] >= least]
