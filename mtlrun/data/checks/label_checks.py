"""What keeps a task from being trained or judged, by the labels that it has in each part.

Shape letters: N rows, n of them with a label, K outputs or labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mtlrun.data.targets import Target
from mtlrun.errors import Fault

WIDEST = 1e15  # deviation of amounts whose squares are still numbers in single precision
ORDERED = ("auroc", "r2", "spearman")  # metrics that have no value where all labels are the same


class PartLabels(NamedTuple):
    """The labels of a task, and the rows of each part.

    Attributes:
        task: its name.
        target: of all rows.
        names: its classes, where it has several; else its columns.
        metric: the primary one.
        rows: row numbers of each part.
    """

    task: str
    target: Target
    names: Sequence[str]
    metric: str
    rows: Mapping[str, np.ndarray]


def label_faults(
    key: str,
    found: Target,
    named: Sequence[str],
    metric: str,
    rows: Mapping[str, np.ndarray],
    ways: str = "leave out rare classes, or join them",
) -> Iterator[Fault]:
    """Yield what keeps a task from being trained or judged.

    Args:
        key: of the faults.
        found: the target.
        named: its classes, where it has several; else its columns.
        metric: the primary one.
        rows: of each part.
        ways: what may help where training lacks a class.
    """
    seen = {role: _there(found, part) for role, part in rows.items()}
    for role, values in seen.items():
        if not len(values):
            yield Fault(key, f"has no value in the {role} part, in any of its {len(rows[role])} rows")
    train = seen["train"]
    if not len(train):
        return
    if found.kind == "regression":
        yield from _amount_faults(key, train)
    if found.kind == "multilabel":
        for name in np.array(named)[~_differs(train)]:
            rule = "must have two values in the training part, and has one in column"
            yield Fault(key, rule, str(name))
    if found.kind in ("multiclass", "binary"):
        yield from _class_faults(key, seen, named, ways)
    for role in ("val", "test"):
        if metric in ORDERED and len(seen[role]) and not _differs(seen[role]).any():
            rule = f"is the same in all rows of the {role} part, where its primary metric has no value"
            yield Fault(key, f"{rule} (suite.metrics chooses another)", metric)


def _amount_faults(key: str, train: np.ndarray) -> Iterator[Fault]:
    """Yield what keeps amounts (n, K) of the training part from being learned or measured."""
    if not _differs(train).all():
        yield Fault(key, "must differ between rows, and is in all of the training part", train.flat[0])
        return
    for spread in np.nanstd(train, axis=0):
        if not 1 / WIDEST < spread < WIDEST:
            rule = f"must have a deviation between {1 / WIDEST:g} and {WIDEST:g}: give it in another unit"
            yield Fault(key, rule, float(f"{spread:.3g}"))


def _class_faults(
    key: str, seen: Mapping[str, np.ndarray], classes: Sequence[str], ways: str
) -> Iterator[Fault]:
    """Yield classes that cannot be learned; `seen` are the labels of each part."""
    known = np.unique(seen["train"])
    if len(known) == 1:
        rule = "must have more than one class in the training part, and has one"
        yield Fault(key, rule, classes[int(known[0])])
    for role in ("val", "test"):
        strange = np.setdiff1d(seen[role], known)
        if len(strange):
            rule = f"has classes in the {role} part that training lacks ({ways})"
            yield Fault(key, rule, [classes[int(c)] for c in strange[:10]])


def _there(found: Target, rows: np.ndarray) -> np.ndarray:
    """Return the labels of some rows that are there, (n, ...)."""
    values = found.values[rows]
    return values[values >= 0] if found.kind == "multiclass" else values[~np.isnan(values).all(1)]


def _differs(values: np.ndarray) -> np.ndarray:
    """Return whether each column of labels (n,) or (n, K) has two values; columns without any have none."""
    values = values.reshape(len(values), -1)
    low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    return np.asarray(high > low)
