"""What a target may really be, and the setting that says so; and values that lie far out.

Shape letters: N rows, n of them with a value.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mtlrun.data.tables.columns import Column
from mtlrun.data.tables.labels import ROWS_PER_CLASS, classes_of, codes_of
from mtlrun.data.tables.rare import NAMED, joined_name, rare_classes
from mtlrun.data.tables.settings import TableSettings
from mtlrun.data.tables.values import missing_setting
from mtlrun.text.pluralize import pluralize, some_of

LEAST = 20  # rows below which nothing can be said
ORDERED = 8  # whole numbers as classes from which their order may count
FEW_WHOLE, FEW = 30, 5  # values of an amount, whole or not, up to which they may be classes
APIECE = 10  # inputs, at most, with a note each
REST = 10  # values besides one that is far out


def target_advice(suite: TableSettings) -> Iterator[str]:
    """Yield advice on targets, and on inputs with a value far from all others."""
    columns = suite.columns()
    for task in suite.selected():
        kind = (suite.kinds or {}).get(task)
        yield from _rare(suite, task)
        for name in suite.columns_of(task):
            found = columns.column(name)
            if found.kind == "number" and kind is None:
                yield from kind_advice(found, task)
            if found.kind == "number" and classes_of(found, kind) is None:
                yield from _far(found, f"target {name}", "the task's loss and its gains are mostly about it")
    numbers = [c for c in map(columns.column, suite.input_columns()) if c.kind == "number"]
    far = [c for c in numbers if far_value(c.values) is not None]
    for found in far[:APIECE]:
        yield from _far(found, f"column {found.name}", "standardised, the others hardly differ")
    if len(far) > APIECE:
        yield f"so have {len(far) - APIECE:,} more columns: {some_of([c.name for c in far[APIECE:]])}"


def _rare(suite: TableSettings, task: str) -> Iterator[str]:
    """Yield the rare classes of a task, and what is done with them."""
    names, kind = suite.columns_of(task), (suite.kinds or {}).get(task)
    column = suite.column(names[0])
    classes = classes_of(column, kind) if len(names) == 1 else None
    few = rare_classes(codes_of(column), classes, suite.rare_below) if classes else {}
    if not few:
        return
    assert classes is not None
    some = ", ".join(f"{classes[k]} {rows:,}" for k, rows in list(few.items())[:NAMED])
    some += ", ..." if len(few) > NAMED else ""
    number = pluralize(len(few), "class", "classes")
    told = f"target {names[0]} has {number} of fewer than {suite.rare_below} rows ({some})"
    if suite.rare == "keep":
        yield f"{told}: suite.rare=join makes one class of those, suite.rare=drop leaves them out (suite.rare_below)"
    elif suite.rare == "drop":
        yield f"{told}: left out, {pluralize(sum(few.values()), 'row')} have no label of {task}"
    elif len(few) > 1:
        yield f"{told}: joined as {joined_name([classes[k] for k in few])!r}"
    else:
        yield f"{told}: one alone is not joined with others"


def kind_advice(found: Column, task: str) -> Iterator[str]:
    """Yield which other kind a target of numbers may be."""
    classes = classes_of(found, None)
    if classes is not None:
        if len(classes) >= ORDERED:
            yield (
                f"target {found.name} has {len(classes)} whole numbers, taken as classes without an order: if they "
                f"are amounts or grades, say suite.kinds={{{task}: regression}}"
            )
        return
    there = found.values[~np.isnan(found.values)]
    values = np.unique(there)
    whole = bool((values % 1 == 0).all())
    few = FEW_WHOLE if whole else min(FEW, len(there) // ROWS_PER_CLASS)
    if len(values) <= few:
        kind = "binary" if len(values) == 2 else "multiclass"
        some = ", ".join(f"{v:g}" for v in values[:3]) + (", ..." if len(values) > 3 else "")
        yield (
            f"target {found.name} has {len(values)} values ({some}), taken as amounts: if they are classes, say "
            f"suite.kinds={{{task}: {kind}}}"
        )


def _far(found: Column, told: str, why: str) -> Iterator[str]:
    """Yield a value, whether of one row or more, that is farther from all others than these are from each other."""
    value = far_value(found.values)
    if value is not None:
        rows = pluralize(int((found.values == value).sum()), "row")
        ways = missing_setting(str(int(value)) if value % 1 == 0 else repr(value))
        yield (
            f"{told} has {value:g} in {rows}, far from all other values, so that {why}: correct it, or say {ways} if "
            "it stands for a missing value"
        )


def far_value(values: np.ndarray) -> float | None:
    """Return the least or the greatest value (N,) if it is farther from the others than they are apart."""
    there = values[~np.isnan(values)]
    if len(there) < LEAST:
        return None
    low, high = there.min(), there.max()
    if not np.isfinite(high - low) or low == high:
        return None
    for value, near in (
        (low, there.min(where=there > low, initial=np.inf)),
        (high, there.max(where=there < high, initial=-np.inf)),
    ):
        other = high if value == low else low
        if abs(near - value) > abs(other - near) and len(np.unique(there)) > REST:
            return float(value)
    return None
