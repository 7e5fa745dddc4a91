"""Which rows of a table train, choose and test: drawn in whole groups or stratified, or as a column says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.splits import read_only, stratified_order
from mtlrun.data.tables.columns import Column
from mtlrun.data.tables.first_look.duplicates import joined_groups
from mtlrun.errors import ConfigError, Fault
from mtlrun.streams import stream

FIXED_SEED = 0  # of the cut that is the same for every seed
ROLES = ("train", "val", "test")
WORDS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "holdout"),
}
STRATA = 10  # parts of equal size of amounts


@dataclass(frozen=True, eq=False)
class Cut:
    """How a table is divided.

    Attributes:
        val: rows of the validation part: a number, or a fraction of the rows that are divided.
        test: the same of the test part.
        strata: int64 (N,), classes that are spread evenly.
        groups: int64 (N,), of which each is in one part; None where rows are divided one by one.
        given: a column that says each row's part.
    """

    val: int | float
    test: int | float
    strata: np.ndarray
    groups: np.ndarray | None
    given: Column | None


def strata_of(column: Column) -> np.ndarray:
    """Return classes (N,) by which a split is stratified: a column's own, or parts of equal size of its amounts."""
    values, gap = column.values, np.isnan(column.values)
    few = len(np.unique(values[~gap])) <= 2 * STRATA
    if few or column.kind in ("category", "boolean"):
        _, codes = np.unique(np.where(gap, np.inf, values), return_inverse=True)
        return codes.reshape(-1).astype(np.int64)
    edges = np.quantile(values[~gap], np.linspace(0, 1, STRATA + 1)[1:-1])
    return np.where(gap, STRATA, np.searchsorted(edges, values)).astype(np.int64)


def combined(strata: Sequence[np.ndarray], least: int, rows: int) -> np.ndarray:
    """Return classes (N,) that are combinations of several columns' classes.

    Combinations of fewer than `least` rows are joined: each of their rows counts with the rarest of its own classes,
    so that a rare class of any column is spread evenly, whatever it occurs with (the rarest label first, as in
    K. Sechidis, G. Tsoumakas and I. Vlahavas, On the Stratification of Multi-Label Data, ECML PKDD 2011).

    Args:
        strata: classes (N,) of each column.
        least: rows of a combination that stays.
        rows: N.
    """
    if len(strata) < 2:
        return strata[0] if strata else np.zeros(rows, dtype=np.int64)
    table = np.stack(strata, 1)
    _, codes, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    codes = codes.reshape(-1)
    sizes = np.stack([np.bincount(column)[column] for column in strata], 1)  # rows of each row's classes
    rarest = sizes.argmin(1)
    own = rarest * (int(table.max()) + 1) + table[np.arange(rows), rarest]
    return np.where(counts[codes] < least, len(counts) + own, codes).astype(np.int64)


def group_codes(column: Column) -> np.ndarray:
    """Return the group of each row (N,); a row without one is a group of its own."""
    values, gap = column.values, np.isnan(column.values)
    _, codes = np.unique(values[~gap], return_inverse=True)
    found = np.empty(len(values), dtype=np.int64)
    found[~gap] = codes.reshape(-1)
    found[gap] = codes.max(initial=-1) + 1 + np.arange(gap.sum())
    return found


@lru_cache(maxsize=128)
def rows_by_part(cut: Cut, train: int | None, seed: int | None) -> Mapping[str, np.ndarray]:
    """Return the int64 row numbers of each part, the same objects every time.

    Training rows are in a random order, stratified where rows are divided one by one, of which a smaller training
    set is the beginning.

    Args:
        cut: how.
        train: training rows to keep; None for all.
        seed: divide for this seed, into parts of sizes that are the same for all; None divides once.

    Raises:
        ConfigError: a part has no rows.
    """
    official = {} if cut.given is None else _given(cut.given)
    divided = official.get("train", np.arange(len(cut.strata), dtype=np.int64))
    absent = [role for role in ("test", "val") if role not in official]
    sizes = {role: _rows(getattr(cut, role), len(divided)) for role in absent}
    rng = stream(FIXED_SEED if seed is None else seed, "split")
    order = divided[stratified_order(cut.strata[divided], rng)]
    if cut.groups is None or not absent:
        parts = _in_turn(order, sizes)
    else:
        parts = _by_group(order, cut.groups, sizes, even=seed is not None)
    parts = {**official, **parts}
    for role in ROLES:
        if not len(parts[role]):
            where = "split" if official else "group" if cut.groups is not None else "val"
            rule = f"leaves no row for the {role} part of {len(divided)} rows"
            raise ConfigError([Fault(where, rule)])
    parts["train"] = parts["train"][:train]
    return MappingProxyType({role: read_only(parts[role].copy()) for role in ROLES})


def _given(column: Column) -> dict[str, np.ndarray]:
    """Return the rows of each part that a column names."""
    roles = {word: role for role, words in WORDS.items() for word in words}
    parts: dict[str, list[np.ndarray]] = {}
    words = tuple(word for known in WORDS.values() for word in known)
    for code, name in enumerate(column.classes):
        role = roles.get(name.strip().lower())
        if role is None:
            raise ConfigError([Fault("split", f"must name parts in column {column.name}", name, words)])
        parts.setdefault(role, []).append(np.flatnonzero(column.values == code))
    if "train" not in parts:
        raise ConfigError([Fault("split", f"must have training rows in column {column.name}")])
    return {role: np.sort(np.concatenate(rows)) for role, rows in parts.items()}


def _rows(share: int | float, rows: int) -> int:
    return share if isinstance(share, int) else max(1, round(share * rows))


def _in_turn(order: np.ndarray, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    parts, begin = {}, 0
    for role, size in sizes.items():
        parts[role] = order[begin : begin + size]
        begin += size
    return {**parts, "train": order[begin:]}


def _by_group(
    order: np.ndarray, groups: np.ndarray, sizes: Mapping[str, int], even: bool
) -> dict[str, np.ndarray]:
    """Divide whole groups: each part takes them in the order of their first rows until it is large enough.

    Where parts must be `even` for all seeds, rows over the size of a part are left out: fewer than the largest
    group has, in each part.
    """
    _, first, codes, counts = np.unique(
        groups[order], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.argsort(np.argsort(first))[codes.reshape(-1)]  # of each row's group
    ends = np.cumsum(counts[np.argsort(first)])  # rows up to each group, in the order of groups
    parts, begin = {}, 0
    for role, size in sizes.items():
        last = int(np.searchsorted(ends, (ends[begin - 1] if begin else 0) + size))
        rows = order[(rank >= begin) & (rank <= last)]
        parts[role], begin = rows[:size] if even else rows, last + 1
    rest = order[rank >= begin]
    spare = len(order) - sum(sizes.values()) - len(sizes) * (int(counts.max()) - 1)
    return {**parts, "train": rest[: max(spare, 0)] if even else rest}


@lru_cache(maxsize=256)
def cut_of(
    rows: int,
    val: int | float,
    test: int | float,
    strata: tuple[Column, ...],
    group: Column | None,
    given: Column | None,
    marks: IdentityKey[np.ndarray] | None = None,
) -> Cut:
    """Return how a table of so many rows is divided by some of its columns, the same object every time.

    Rows that share one of the `marks` (N,) are kept together.
    """
    smallest = max(1, min(_rows(share, rows) for share in (val, test)))
    classes = combined([strata_of(column) for column in strata], math.ceil(2 * rows / smallest), rows)
    groups = None if group is None else group_codes(group)
    return Cut(val, test, classes, groups if marks is None else joined_groups(marks.it, groups), given)
