"""The words: what a row says of sharing, and what a contrast says of a mitigation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtlrun.statistics.judge import Judgement
from mtlrun.statistics.student import Array

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


def contrast_words(judged: Judgement, own_verdict: Words, base_verdict: Words) -> Words:
    """Return what each mitigation (T,) does to its task, given the verdicts of its own row and of `none`'s (T,).

    The differences are mitigated minus unmitigated. Significantly below zero: `worse`. Significantly above zero:
    `better` where sharing broke nothing, else `repairs` where the mitigated row is no longer `negative`, else
    `partly`. Equivalent within the margin: `no effect`. Else `inconclusive`. With diverged seeds `worse` or
    `inconclusive` only. Where the verdict that chooses among `better`, `repairs` and `partly` is `UNKNOWN`:
    `inconclusive`.
    """
    mended = _by_verdict(own_verdict, "partly", "repairs")
    better = _by_verdict(base_verdict, mended, "better")
    return _choose(judged, "worse", better, "no effect")


def _by_verdict(verdict: Words, negative: str | Words, other: str) -> Words:
    known = np.where(verdict == "negative", negative, other)
    return np.where(verdict == UNKNOWN, "inconclusive", known)


def is_small(judged: Judgement) -> NDArray[np.bool_]:
    """Return whether each column (T,) is significant although its mean is smaller than the margin."""
    return (judged.p_adjusted < judged.alpha) & (np.abs(judged.mean) < judged.margin)


def seeds_needed(judged: Judgement, words: Words) -> Array:
    """Return the estimated number of further seeds (T,): 0 where the word is a verdict, NaN where unknown.

    Unknown with fewer than two seeds, with diverged seeds (more seeds do not mend those), where no number of
    seeds is enough, or where the difference is significant and it is a baseline that lacks.
    """
    unknown = (judged.n < 2) | (judged.diverged > 0) | (judged.p_adjusted < judged.alpha)
    return np.where(words != "inconclusive", 0.0, np.where(unknown, np.nan, judged.further))


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
