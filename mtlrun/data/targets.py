"""Columns of a table as targets of tasks: which kind, how many outputs, and the values.

Shape letters: N rows, C classes, L labels, K regression outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtlrun.data.splits import read_only
from mtlrun.errors import ConfigError, Fault

KINDS = ("multiclass", "binary", "multilabel", "regression")
MOST_CLASSES = 20  # whole numbers with more values are taken for amounts, unless `suite.kinds` says otherwise

Labels = tuple[np.ndarray, "Sequence[Any] | None"]
"""A column as float64 (N,), NaN where missing: class numbers, with the classes, or amounts, with None."""


@dataclass(frozen=True, eq=False)
class Target:
    """What a task predicts, before regression targets are standardised.

    Attributes:
        kind: of the task.
        outputs: as of `mtlrun.data.task.Task`.
        values: as of `mtlrun.data.task.Source.targets`; regression in float64.
        partial: whether some are missing: NaN, or -1 for multiclass.
    """

    kind: str
    outputs: int
    values: np.ndarray
    partial: bool


def assembled(columns: Sequence[Labels], names: Sequence[str], kind: str | None) -> Target:
    """Return the target that some columns make: several together are labels or amounts.

    Args:
        columns: what each holds.
        names: of the columns.
        kind: where it is not to be inferred: two classes make a binary target, more a multiclass one.

    Raises:
        ConfigError: the columns are no target; the key is a suite's `targets` or `kinds`.
    """
    stacked = np.stack([values for values, _ in columns], 1)
    missing = np.isnan(stacked)
    partial = bool(missing.any())
    if all(classes is None for _, classes in columns):
        return _checked(Target("regression", len(names), stacked, partial), names, kind)
    counts = [0 if classes is None else len(classes) for _, classes in columns]
    if len(names) == 1 and (counts[0] > 2 or kind == "multiclass"):
        codes = np.where(missing, -1, stacked)[:, 0].astype(np.int64)
        return _checked(Target("multiclass", counts[0], codes, partial), names, kind)
    if any(count != 2 for count in counts):
        rule = "must have two classes, or amounts, in each of several columns of one task"
        raise ConfigError([Fault("targets", rule, list(names))])
    several = "binary" if len(names) == 1 else "multilabel"
    return _checked(Target(several, len(names), stacked.astype(np.float32), partial), names, kind)


def standardised(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return amounts (N, K) as float32 of mean 0 and variance 1 over some rows, and the two that give them back."""
    seen = values[rows]
    mean, std = np.nanmean(seen, axis=0), np.nanstd(seen, axis=0)
    std = np.where(std > 0, std, 1.0)
    return read_only(((values - mean) / std).astype(np.float32)), (mean, std)


def _checked(found: Target, names: Sequence[str], kind: str | None) -> Target:
    if kind not in (None, found.kind):
        rule = f"cannot make columns {', '.join(names)}, which are {found.kind}, into this kind"
        raise ConfigError([Fault("kinds", rule, kind)])
    read_only(found.values)
    return found
