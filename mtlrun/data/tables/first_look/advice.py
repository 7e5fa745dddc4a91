"""What a column may really be, and the setting that says so: told in the first look and before training.

Shape letter: N rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

from mtlrun.data.tables.column_roles import given_roles, unfit
from mtlrun.data.tables.columns import Column
from mtlrun.data.tables.settings import TableSettings
from mtlrun.data.tables.values import missing_setting
from mtlrun.errors import ConfigError
from mtlrun.text.pluralize import pluralize

LEAST = 20  # rows below which nothing can be said
TRIED = 200  # classes, at most, that are tried as dates
LIKE_DATE = re.compile(r"\d{1,4}[./ -](\d{1,2}|[A-Za-z]{3,9})[./ -]\d{2,4}\b|[A-Za-z]{3,9} \d{1,2},? \d{4}\b")
DAYS = (
    *("%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%Y-%m-%d"),
    *(
        "%m/%d/%y",
        "%d/%m/%y",
        "%d.%m.%y",
        "%d %b %Y",
        "%d-%b-%Y",
        "%d-%b-%y",
        "%d %B %Y",
        "%b %d, %Y",
        "%B %d, %Y",
    ),
)
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def column_advice(suite: TableSettings) -> Iterator[str]:
    """Yield advice on columns, whether or not there are targets; those that cannot be read are passed over."""
    given, columns = given_roles(suite), suite.columns()
    for name in columns.names:
        role = given.get(name, "")
        if role in ("ignored", "not named in suite.inputs"):
            continue
        try:
            found = columns.column(name)
            is_input = not role and unfit(suite, columns, name) is None
        except ConfigError:  # of which the look tells
            continue
        if found.kind == "number" and not role and are_days(found.values):
            yield _dates(name, ["%Y%m%d"])
        elif found.kind == "number" and is_input and numbers_rows(found.values):
            yield f"column {name} numbers the rows and is an input: suite.ignored=[{name}] leaves it out"
        if found.kind == "category":
            yield from _of_text(suite, found, role, is_input)


def _of_text(suite: TableSettings, found: Column, role: str, is_input: bool) -> Iterator[str]:
    """Yield advice on a column of text."""
    name = found.name
    if found.words and (role or is_input):
        told = ", ".join(f"{word!r} in {pluralize(rows, 'row')}" for word, rows in found.words)
        yield (
            f"column {name} has {told}, counted as missing: where that is a value, say suite.missing=[], or list "
            "there all words that do count as missing"
        )
    blank = [c for c in found.classes if not c.strip()]
    others = [c for c in found.classes if c.strip()]
    if blank and others and _are_numbers(others):
        ways = missing_setting(blank[0])
        yield f"column {name} has numbers and blanks, and so is text: {ways} makes the blanks missing and it numbers"
    elif blank:
        rows = int(np.isin(found.values, [found.classes.index(c) for c in blank]).sum())
        told = f"column {name} is blank in {pluralize(rows, 'row')}, which is a class"
        yield f"{told}: {missing_setting(blank[0])} makes it missing"
    there = len(found.values) - found.missing
    forms = [] if role else date_forms(found.classes)
    if forms:
        yield _dates(name, forms)
    elif is_input and there >= LEAST and 2 * len(found.classes) > there:
        made = "an embedding" if suite.categories == "embedded" else "an input"
        yield (
            f"column {name} has {len(found.classes):,} kinds of text in {there:,} rows, each {made} of its own: if "
            f"they only name the rows, say suite.ignored=[{name}]"
        )


def _dates(name: str, forms: list[str]) -> str:
    ways = " or ".join(f"""'suite.types={{{name}: "{form}"}}'""" for form in forms)
    which = ", whichever is meant," if len(forms) > 1 else ""
    return f"column {name} looks like dates: {ways}{which} reads them"


def numbers_rows(values: np.ndarray) -> bool:
    """Say whether whole numbers (N,) count the rows: each is there once, as a run of them or in order."""
    if len(values) < LEAST or np.isnan(values[0]) or values[0] % 1 or values[1] % 1:
        return False
    steps = np.diff(values)
    if not np.isfinite(values).all() or (values % 1 != 0).any():
        return False
    if (steps > 0).all() or (steps < 0).all():
        return True
    run = values.max() - values.min() + 1 == len(values)
    return bool(run and len(np.unique(values)) == len(values))


def are_days(values: np.ndarray) -> bool:
    """Say whether numbers (N,) are days written as 20110131."""
    there = values[~np.isnan(values)]
    if len(there) < LEAST or there.min() < 19000101 or there.max() > 21001231 or (there % 1 != 0).any():
        return False
    found = pd.to_datetime(
        pd.Series(np.unique(there)[:TRIED]).astype(int).astype(str), format="%Y%m%d", errors="coerce"
    )
    return bool(found.notna().all())


def date_forms(classes: tuple[str, ...]) -> list[str]:
    """Return the forms in which all of some texts are dates; none where they do not look like it."""
    if (
        len(classes) < 2
        or not LIKE_DATE.match(classes[0].strip())
        or not LIKE_DATE.match(classes[-1].strip())
    ):
        return []
    step = max(1, len(classes) // TRIED)
    some = pd.Series(classes[::step])
    found = []
    for day, time in product(DAYS, TIMES):
        try:
            pd.to_datetime(some.iloc[:1], format=day + time)
            pd.to_datetime(some, format=day + time)
        except (ValueError, TypeError):
            continue
        found.append(day + time)
    return found


def _are_numbers(classes: list[str]) -> bool:
    return bool(pd.to_numeric(pd.Series(classes[:TRIED]), errors="coerce").notna().all())
