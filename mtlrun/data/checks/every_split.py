"""Whether every split of every seed has what each task needs, before anything trains.

Shape letters: N rows, K outputs or labels, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from mtlrun.data.checks.label_checks import PartLabels, label_faults
from mtlrun.data.checks.split_remedy import Lack
from mtlrun.data.suite import Suite
from mtlrun.data.targets import Target
from mtlrun.errors import Fault
from mtlrun.text.pluralize import pluralize

SURE = 2  # rows of a class that a part must have room for, so that a stratified split gives it one


def every_split_faults(suite: Suite, seeds: Sequence[int]) -> Iterator[Fault]:
    """Yield one fault where any seed's split leaves a task without a class, or without what judges it.

    Args:
        suite: without faults, whose splits vary.
        seeds: of runs.
    """
    firsts: dict[int, int] = {}
    for seed in seeds:
        split = suite.split_seed(seed)
        firsts.setdefault(seed if split is None else split, seed)
    splits = sorted(firsts)
    by_split = zip(splits, suite.labels_of([firsts[split] for split in splits]), strict=True)
    found = {split: [lack for one in labels for lack in _lacks_of(one)] for split, labels in by_split}
    lacks = {split: some for split, some in found.items() if some}
    if not lacks:
        return
    first = next(iter(lacks))
    key, word, what = ("splits", "split", "splits") if suite.splits else ("resplit", "seed", "seeds")
    rule = f"gives {word} {first} {lacks[first][0].rule}"
    if len(lacks) > 1:
        rule += f"; {len(lacks)} of {pluralize(len(firsts), word)} have such parts"
    elif len(firsts) > 1:
        rule += f"; the other {what} are good"
    missing = [lack for found in lacks.values() for lack in found if lack.role]
    yield Fault(key, f"{rule}. {suite.split_remedy(missing)}" if missing else rule)


def _lacks_of(labels: PartLabels) -> Iterator[Lack]:
    """Yield the classes that parts lack; else what else keeps the task from being trained or judged."""
    missing = list(missing_classes(labels))
    yield from missing
    coded = _coded(labels.target)
    if not coded or (not missing and any((counts > 0).sum() < 2 for _, counts in coded)):
        for fault in label_faults("", labels.target, labels.names, labels.metric, labels.rows):
            found = "" if fault.found is None else f": {fault.found}"
            yield Lack(labels.task, f"a split in which task {labels.task} {fault.rule}{found}")


def missing_classes(labels: PartLabels) -> Iterator[Lack]:
    """Yield each class that a task has in the whole data, and a part lacks."""
    for column, (codes, whole) in enumerate(_coded(labels.target)):
        for role, rows in labels.rows.items():
            part = codes[rows]
            there = np.bincount(part + 1, minlength=len(whole) + 1)[1:]
            for code in np.flatnonzero((whole > 0) & (there == 0)).tolist():
                if labels.target.kind == "multilabel":
                    told = f"with {labels.names[column]} all {'no' if code else 'yes'}"
                else:
                    told = f"without class {labels.names[code]}"
                where = f"a {role} part {told} of task {labels.task}"
                share = f"which {whole[code]} of {whole.sum()} rows have"
                room = math.ceil(SURE * len(codes) / whole[code])
                yield Lack(labels.task, f"{where}, {share}", role, room)


@lru_cache(maxsize=64)
def _coded(target: Target) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return, for each output with classes, each row's class (N,), -1 where missing, and rows by class (C,)."""
    if target.kind == "regression":
        return ()
    columns = [target.values] if target.kind == "multiclass" else list(target.values.T)
    codes = [np.where(np.isnan(column), -1, column).astype(np.int64) for column in columns]
    return tuple((column, np.bincount(column[column >= 0])) for column in codes)
