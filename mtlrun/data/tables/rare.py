"""Classes of few rows: kept, joined into one class, or left out.

Shape letter: N rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

NAMED = 3  # classes that the name of a joined class gives


class Rare(NamedTuple):
    """What is done with rare classes of a target.

    Attributes:
        how: `keep`, `join` or `drop`.
        below: rows of the whole table under which a class is rare.
    """

    how: str = "keep"
    below: int = 10


def rare_classes(codes: np.ndarray, classes: Sequence[str], below: int) -> dict[int, int]:
    """Return by number of a class that is rare its rows; none of a target with two classes.

    Args:
        codes: class numbers (N,), NaN where missing.
        classes: their names.
        below: rows under which a class is rare.
    """
    if len(classes) <= 2:
        return {}
    counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(classes))
    return {k: int(rows) for k, rows in enumerate(counts) if rows < below}


def without_rare(codes: np.ndarray, classes: Sequence[str], rare: Rare) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return class numbers (N,) and classes without rare ones: the label is missing, or that of a joined class.

    The joined class is the last. One rare class alone is not joined with anything.
    """
    few = rare_classes(codes, classes, rare.below) if rare.how != "keep" else {}
    if not few or (rare.how == "join" and len(few) == 1):
        return codes, tuple(classes)
    kept = [name for k, name in enumerate(classes) if k not in few]
    numbers = np.full(len(classes) + 1, np.nan)  # the last for rows without a class
    numbers[[k for k in range(len(classes)) if k not in few]] = np.arange(len(kept))
    if rare.how == "join":
        numbers[list(few)] = len(kept)
        kept.append(joined_name([classes[k] for k in few]))
    return numbers[np.where(np.isnan(codes), len(classes), codes).astype(np.int64)], tuple(kept)


def joined_name(classes: Sequence[str]) -> str:
    """Return the name of a class that several were joined into."""
    others = len(classes) - NAMED
    named = " or ".join(classes[: NAMED if others != 1 else NAMED + 1])
    return f"{named} or {others} others" if others > 1 else named
