"""What would decide the rows that are open, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mtlrun.report.text.number_format import never, significant
from mtlrun.statistics.settings import SPLITS
from mtlrun.text.pluralize import pluralize

if TYPE_CHECKING:
    import pandas as pd


def undecided(rows: pd.DataFrame) -> str:
    """Say how many rows are open, and how many seeds, splits or test examples would decide them."""
    without = rows["n_seeds"] + rows["n_diverged"] == 0
    if without.any():
        rest = undecided(rows[~without])
        alone = without & rows["mtl_mean"].notna()
        parts = [
            _rows_have(alone, "no baseline trained yet, so no gain"),
            _rows_have(without & ~alone, "no trained seed"),
        ]
        return " ".join(filter(None, [*parts, rest]))
    open_ = rows[rows["verdict"] == "inconclusive"]
    if open_.empty:
        return ""
    text = f"{pluralize(len(open_), 'row is', 'rows are')} inconclusive"
    for which, what in _advice(open_):
        if count := int(which.sum()):
            of_them = "them" if count == len(open_) else f"{count} of them"
            text += f"; {what.format(them='it' if len(open_) == 1 else of_them)}"
    return f"{text}."


def _advice(open_: pd.DataFrame) -> Iterator[tuple[pd.Series, str]]:
    """Yield which rows are decided by what, or by nothing."""
    over_splits, seeds = open_["over"] == SPLITS, open_["seeds_needed"].astype(float)
    yield from _more(seeds[~over_splits], "further seed")
    yield from _more(
        (seeds * open_["n_splits"].astype(float) / open_["n_seeds"])[over_splits], "further split"
    )
    examples = open_["examples_needed"].astype(float)
    if examples.notna().any():
        yield (
            examples.notna(),
            "no number of seeds would decide {them}, since the test set is too small: about "
            f"{significant(examples.max()):,} test examples would (--level variance)",
        )
    lost = open_.apply(never, axis=1) & examples.isna()
    yield lost, "no number of splits would decide {them}, since the data set is too small"


def _more(needed: pd.Series, noun: str) -> Iterator[tuple[pd.Series, str]]:
    if needed.notna().any():
        yield needed.notna(), f"about {pluralize(math.ceil(needed.max()), noun)} would decide {{them}}"


def _rows_have(which: pd.Series, what: str) -> str:
    return f"{pluralize(int(which.sum()), 'row has', 'rows have')} {what}." if which.any() else ""
