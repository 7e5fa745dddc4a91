"""The words: what a row says of sharing, and what a contrast says of a mitigation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtlrun.statistics.judge import Judgement
from mtlrun.statistics.paired_tests.student import Array

Words = NDArray[np.str_]

UNKNOWN = "unknown"
"""In place of a verdict where a row has fewer than two seeds, so that nothing is known of it."""


def verdicts(judged: Judgement) -> Words:
    """Return `negative`, `positive`, `neutral` or `inconclusive` for each column (T,).

    With fewer than two seeds: `inconclusive`. Differences that count as zero: `neutral`. Adjusted p under alpha:
    the sign of the mean, however small. Equivalence within the margin, adjusted, under alpha: `neutral`. Else
    `inconclusive`. Seeds that diverged are missing from the mean, and not at random, so such a column is
    `negative` or `inconclusive` only.
    """
    return _choose(judged, "negative", "positive", "neutral")


def not_worse(judged: Judgement) -> NDArray[np.bool_]:
    """Return whether each column (T,) is shown not to be worse by the margin or more: one-sided, adjusted."""
    return (judged.p_not_worse < judged.alpha) & (judged.diverged == 0) & (judged.n > 1)


def contrast_words(
    judged: Judgement, own_verdict: Words, base_verdict: Words, own_not_worse: NDArray[np.bool_]
) -> Words:
    """Return what each mitigation (T,) does to its task, given what its own row and that of `none` say (T,).

    The differences are mitigated minus unmitigated. Significantly below zero: `worse`. Significantly above zero:
    `repairs` where sharing broke the task and the mitigated row is shown not to be worse than single-task training by
    the margin or more, `partly` where that row is still `negative`, else `better`: a loss is not excluded, or
    nothing was broken. Equivalent within the margin: `no effect`. Else `inconclusive`. With diverged seeds `worse` or
    `inconclusive` only. Where a verdict that chooses among these is `UNKNOWN`: `inconclusive`.

    Args:
        judged: the contrasts.
        own_verdict: of the mitigated rows.
        base_verdict: of the rows without mitigation.
        own_not_worse: as `not_worse` says of the mitigated rows.
    """
    mended = np.where(own_verdict == "negative", "partly", np.where(own_not_worse, "repairs", "better"))
    better = np.where(base_verdict == "negative", mended, "better")
    unknown = (base_verdict == UNKNOWN) | ((base_verdict == "negative") & (own_verdict == UNKNOWN))
    return _choose(judged, "worse", np.where(unknown, "inconclusive", better), "no effect")


def is_small(judged: Judgement) -> NDArray[np.bool_]:
    """Return whether each column (T,) is significant although its mean is smaller than the margin."""
    return (judged.p_adjusted < judged.alpha) & (np.abs(judged.mean) < judged.margin)


def seeds_needed(judged: Judgement, words: Words) -> Array:
    """Return the estimated number of further seeds (T,): 0 where the word is a verdict, NaN where unknown.

    Unknown with fewer than two seeds, with diverged seeds (more seeds do not help there), where no number of
    seeds is enough, or where the difference is significant and it is a baseline that lacks.
    """
    return np.where(words != "inconclusive", 0.0, np.where(_unknown(judged), np.nan, judged.advice.seeds))


def examples_needed(judged: Judgement, words: Words) -> Array:
    """Return about how many test examples (T,) would decide where no number of seeds does; NaN elsewhere."""
    open_ = (words == "inconclusive") & ~_unknown(judged)
    return np.where(open_, judged.advice.examples, np.nan)


def _unknown(judged: Judgement) -> NDArray[np.bool_]:
    return (judged.n < 2) | (judged.diverged > 0) | (judged.p_adjusted < judged.alpha)


def _choose(judged: Judgement, below: str, above: str | Words, inside: str) -> Words:
    significant = (judged.p_adjusted < judged.alpha) & ~judged.zero
    equivalent = judged.zero | (judged.p_equivalent < judged.alpha)
    whole = judged.diverged == 0
    words = np.select(
        [
            judged.n < 2,
            significant & (judged.mean < 0),
            significant & (judged.mean > 0) & whole,
            equivalent & ~significant & whole,
        ],
        [np.asarray("inconclusive"), np.asarray(below), np.asarray(above), np.asarray(inside)],
        default="inconclusive",
    )
    return words.astype(str)
