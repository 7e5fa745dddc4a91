"""Numbers and verdicts as people read them, the same in every format for people."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from statistics import median
from typing import Any, NamedTuple

from mtlrun.report.tables import plain
from mtlrun.statistics.settings import SPLITS
from mtlrun.text.pluralize import pluralize

_HYPHEN_AS_MINUS = re.compile(r"(?<![\w.])-(?=[\d.])")


class Marks(NamedTuple):
    """Signs by verdict, so that colour is never needed to read one; and other signs that ASCII lacks."""

    negative: str
    positive: str
    neutral: str
    inconclusive: str
    plus_minus: str
    infinite: str
    unconverged: str
    heights: str


UNICODE = Marks("▼", "▲", "=", "?", "±", "∞", "†", "▁▂▃▄▅▆▇█")
ASCII = Marks("-", "+", "=", "?", "+-", "inf", "!", "_.-~=+*#")

ABSOLUTE = " abs"
"""Stands behind a difference in the metric's own unit, among others in percent."""

SMALL = "*"
"""Stands behind a verdict whose gain is significant but smaller than the margin."""


def decimals_for(sds: Iterable[float]) -> int | None:
    """Return how many decimals give the median standard deviation two digits; None for very small ones."""
    known = [sd for sd in sds if sd > 0]
    decimals = max(1 - math.floor(math.log10(median(known))), 0) if known else 4
    return decimals if decimals <= 6 else None


def with_spread(mean: float, sd: float, decimals: int | None, marks: Marks, spread: bool = True) -> str:
    """Return `0.9381 ±0.0047`, or the mean alone; three digits where `decimals` is None or numbers are large."""
    if math.isnan(mean):
        return "-"
    kind = ".3g" if decimals is None or abs(mean) >= 1e6 else f".{decimals}f"
    text = shown(mean, kind)
    return f"{text} {marks.plus_minus}{sd:{kind}}" if spread and not math.isnan(sd) else text


def gain(row: Any) -> str:
    """Return `-1.81 [-2.09, -1.53]` in percent; where that has no meaning, the difference itself, marked `abs`."""
    if not math.isnan(row.gain_pct):
        return interval(row.gain_pct, row.ci_low, row.ci_high, 2)
    if math.isnan(row.diff):
        return "-"
    spread = abs(row.diff_high - row.diff_low)
    size = max(abs(row.diff), 0.0 if math.isnan(spread) else spread)
    decimals = max(2 - math.floor(math.log10(size)), 0) if size > 0 else 2
    kind = None if decimals > 6 or size >= 1e6 else decimals
    return interval(row.diff, row.diff_low, row.diff_high, kind) + ABSOLUTE


def p_value(p: float) -> str:
    """Return `<.001`, or three decimals; `-` where nothing was tested."""
    if math.isnan(p):
        return "-"
    return "<.001" if p < 0.001 else f"{p:.3f}"


def verdict(row: Any, marks: Marks) -> str:
    """Return the verdict with its sign, `*` where the gain is below the margin, `†` where training was too short.

    A row of which no seed was trained, or none alone, is undecided for that reason, and says so.
    """
    if not row.n_seeds + row.n_diverged:
        return f"{marks.inconclusive} {'no seeds' if math.isnan(row.mtl_mean) else 'no baseline'}"
    short = marks.unconverged if plain(row.converged) is False else ""
    return f"{getattr(marks, row.verdict)} {row.verdict}{SMALL if row.small else ''}{short}"


def seeds(row: Any, marks: Marks) -> str:
    """Return the number of seeds: `18/20` where 2 of 20 diverged, `6 +40` where about 40 more would decide.

    `6 +∞` where no number would (see `never`). How many more cannot be told of fewer than two
    seeds, `1 +?`; none at all is `0`.
    """
    number = f"{row.n_seeds}/{row.n_seeds + row.n_diverged}" if row.n_diverged else str(row.n_seeds)
    if row.verdict != "inconclusive" or not row.n_seeds + row.n_diverged:
        return number
    further = plain(row.seeds_needed)
    if further is None:
        return f"{number} +{marks.infinite if never(row) else '?'}"
    return f"{number} +{further}"


def never(row: Any) -> bool:
    """Return whether an open row is decided by no number of seeds: its test set, or all its data, are too small."""
    if row.verdict != "inconclusive" or plain(row.seeds_needed) is not None:
        return False
    over_splits = row.over == SPLITS and not row.n_diverged and (plain(row.n_splits) or 0) > 1
    return over_splits or plain(row.examples_needed) is not None


def needed(row: Any) -> str:
    """Return what would decide a row, as `+40 seeds` or `~4,100 examples`; `-` if decided or not known."""
    seeds, examples = plain(row.seeds_needed), plain(row.examples_needed)
    if row.verdict != "inconclusive" or (seeds is None and examples is None):
        return "-"
    if seeds is None:
        return f"~{significant(float(examples)):,} {row.cases}"
    return f"+{pluralize(int(seeds), 'seed')}"


def interval(value: float, low: float, high: float, decimals: int | None, sign: str = "+") -> str:
    """Return `-1.81 [-2.09, -1.53]`, the value alone where it has no interval, `-` where there is none.

    Three digits, as `-1.81e-13`, where `decimals` is None.
    """
    if math.isnan(value):
        return "-"
    kind = f"{sign}.2e" if decimals is None else f"{sign}.{decimals}f"
    text, begin, end = (shown(v, kind) for v in (value, low, high))
    return text if math.isnan(low) else f"{text} [{begin}, {end}]"


def shown(value: float, kind: str) -> str:
    """Return a number in a format, without the sign of what is rounded to 0: never `-0.00`."""
    text = f"{value:{kind}}"
    return f"{0.0:{kind}}" if float(text) == 0 else text


def significant(value: float, digits: int = 2) -> int:
    """Return a number rounded to so many significant digits, as 4100 for 4123."""
    return int(round(value, digits - 1 - math.floor(math.log10(value)))) if value > 0 else 0


def true_minus(text: str) -> str:
    """Return text with minus signs in place of the hyphens before numbers, not within words or ranges."""
    return _HYPHEN_AS_MINUS.sub("−", text)
