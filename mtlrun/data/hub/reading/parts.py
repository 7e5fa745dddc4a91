"""Which rows train, choose and test, where a data set has splits of its own or lacks some."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np

from mtlrun.data.hub.reading.origin import ROLES, Origin, official_rows
from mtlrun.data.hub.reading.targets import class_codes
from mtlrun.data.splits import read_only, stratified_order
from mtlrun.errors import ConfigError, Fault
from mtlrun.streams import stream

FIXED_SEED = 0  # of the cuts that are the same for every seed


@dataclass(frozen=True)
class Shares:
    """Rows of the parts that a data set lacks: numbers, or fractions of its training split."""

    val: int | float
    test: int | float


Within = tuple[str, str]
"""A column of classes, and one of them: the rows of that class are divided on their own."""


def part_sizes(origin: Origin, shares: Shares, within: Within | None = None) -> dict[str, int]:
    """Return the number of rows of each part.

    Raises:
        ConfigError: nothing is left to train on.
    """
    official = {role: len(rows) for role, rows in _official(origin, within).items()}
    sizes = dict(official)
    for role, share in (("val", shares.val), ("test", shares.test)):
        if role not in official:
            rows = share if isinstance(share, int) else max(1, round(share * official["train"]))
            sizes[role], sizes["train"] = rows, sizes["train"] - rows
    if sizes["train"] < 1:
        rule = f"leaves none of the {official['train']} rows of the training split to train on"
        raise ConfigError([Fault("val" if "val" not in official else "test", rule, shares.val)])
    return {role: sizes[role] for role in ROLES}


@cache
def rows_by_part(
    origin: Origin,
    shares: Shares,
    strata: tuple[str, ...],
    train: int,
    seed: int | None,
    within: Within | None = None,
) -> MappingProxyType[str, np.ndarray]:
    """Return the int64 row numbers of each part, the same objects every time.

    Training rows are in a stratified random order, of which a smaller training set is the beginning. With a seed all
    rows are divided anew, into parts of the same sizes.

    Args:
        origin: of the data set.
        shares: of parts that it lacks.
        strata: columns of classes, whose combinations are spread evenly.
        train: training rows to keep.
        seed: divide for this seed; None keeps the official splits, and cuts the others once for all seeds.
        within: divide these rows only.
    """
    official, sizes = _official(origin, within), part_sizes(origin, shares, within)
    divided = official["train"] if seed is None else np.concatenate(list(official.values()))
    labels = np.zeros(len(divided), dtype=np.int64)
    for name in strata:
        codes, classes = class_codes(origin, name)
        labels = labels * (len(classes) + 1) + codes[divided] + 1
    order = divided[stratified_order(labels, stream(FIXED_SEED if seed is None else seed, "split"))]
    parts: dict[str, np.ndarray] = {}
    begin = 0
    for role in ("test", "val"):
        if seed is None and role in official:
            parts[role] = official[role]
        else:
            parts[role] = order[begin : begin + sizes[role]]
            begin += sizes[role]
    parts["train"] = order[begin:][:train]
    return MappingProxyType({role: read_only(parts[role].copy()) for role in ROLES})


def _official(origin: Origin, within: Within | None) -> dict[str, np.ndarray]:
    """Return the row numbers of each split that the data have; rows of all splits are counted through."""
    rows, begin = {}, 0
    for role, count in official_rows(origin).items():
        rows[role] = np.arange(begin, begin + count, dtype=np.int64)
        begin += count
    if within is None:
        return rows
    codes, classes = class_codes(origin, within[0])
    return {role: part[codes[part] == classes.index(within[1])] for role, part in rows.items()}
