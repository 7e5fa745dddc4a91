"""JSON: the whole summary, or one table of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.levels import PAGE, ROWS
from mtlrun.report.named_columns import ordered_table
from mtlrun.report.tables import plain, table
from mtlrun.report.text.about import about
from mtlrun.report.text.made_with import made_with
from mtlrun.report.text.sentences import sentences
from mtlrun.text.printable import plain_json

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
_ATOMS = (str, int, bool, float)


def to_json(summary: Summary, level: str = "rows") -> str:
    """Return one JSON object: with level `rows` the tables of `PAGE` and how was tested, else that level alone. Both
    say what verdicts are about.

    Missing values, NaN and infinities are null.

    Raises:
        ConfigError: there is no such level.
    """
    levels = PAGE if level == ROWS else (level,)
    page = {"schema_version": _text(SCHEMA_VERSION), "study": _text(summary.study)}
    page |= {n: _records((ordered_table if n == level else table)(summary, n)) for n in levels}
    if level == ROWS:
        page["statistics"] = _text(asdict(summary.settings))
    page["about"] = _text(about(summary.rows))
    if level == ROWS:
        page["looks"] = _text(plain(summary.looks))
        page["made_with"] = _text(made_with(summary.machines))
        page["sentences"] = _text(sentences(summary))
    return plain_json(_object(page.items(), 0))


def _records(frame: pd.DataFrame) -> str:
    """Return a table as a list of objects, written column by column: a study may have many thousand rows."""
    if not len(frame):
        return "[]"
    form = _object(((str(name).replace("%", "%%"), "%s") for name in frame), 2)
    columns = [_values(frame[name]) for name in frame]
    return "[\n  " + ",\n  ".join([form % values for values in zip(*columns, strict=True)]) + "\n ]"


def _values(column: pd.Series) -> list[str]:
    """Return the values of a column as they stand in a record."""
    if column.dtype.kind == "f" and isinstance(column.dtype, np.dtype):
        return [repr(value) if math.isfinite(value) else "null" for value in column.tolist()]
    known: dict[str, str] = {}  # by what tells values apart that are written differently
    found = []
    for value in column.tolist():
        key = repr(value)
        if key not in known:
            known[key] = _text(plain(value), 3)
        found.append(known[key])
    return found


def _object(items: Iterable[tuple[str, str]], depth: int) -> str:
    """Return an object of fields that are texts already."""
    begin = "\n" + " " * (depth + 1)
    fields = [f"{json.dumps(name, ensure_ascii=False)}: {value}" for name, value in items]
    return f"{{{begin}{f',{begin}'.join(fields)}\n{' ' * depth}}}"


def _text(value: Any, depth: int = 1) -> str:
    """Return a value as JSON that stands at a depth of a page."""
    if isinstance(value, _ATOMS):  # written by the fast encoder, which knows no indentation
        return json.dumps(value, allow_nan=False, ensure_ascii=False)
    text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False)
    return text.replace("\n", "\n" + " " * depth)
