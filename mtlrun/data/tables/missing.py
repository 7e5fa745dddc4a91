"""What counts as a missing value: words, in files of every kind, and in how many rows of which column they stand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

DEFAULT = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "?")
"""Words that count as missing where no others are asked for; "" is the empty cell."""

COUNTS = b"mtlrun_missing"  # metadata of a field: by word the rows that have it


def words_of(asked: Sequence[str] | None) -> tuple[str, ...]:
    """Return all words that count as missing; the empty cell always does.

    Args:
        asked: None for `DEFAULT`; words of which none is in `DEFAULT`, to be added to it; else all words, so that []
            leaves the empty cell alone.
    """
    if asked is None:
        return DEFAULT
    whole = not asked or not set(asked).isdisjoint(DEFAULT)
    return tuple(dict.fromkeys(("", *asked) if whole else (*DEFAULT, *asked)))


def without(table: pa.Table, words: Sequence[str]) -> pa.Table:
    """Return a table without the words; its fields tell in how many rows they stood.

    Columns of text are compared as text, those of numbers with the words that are numbers: -999 also finds -999.0.
    """
    numbers = [number for number in map(_number, words) if number is not None]
    fields, arrays, changed = [], [], False
    for field, column in zip(table.schema, table.columns, strict=True):
        if _is_text(field.type):
            new = _without_text(column, words)
        elif numbers and (types.is_integer(field.type) or types.is_floating(field.type)):
            new = _without_numbers(column, numbers)
        else:
            new = None
        if new is not None:
            column, counts = new
            field, changed = told(pa.field(field.name, column.type, metadata=field.metadata), counts), True
        fields.append(field)
        arrays.append(column)
    return pa.table(arrays, schema=pa.schema(fields, table.schema.metadata)) if changed else table


def told(field: pa.Field, counts: Mapping[str, int]) -> pa.Field:
    """Return a field that tells in how many rows words stood that count as missing; the empty cell is not told."""
    seen = {word: rows for word, rows in counts.items() if word}
    return (
        field.with_metadata({**(field.metadata or {}), COUNTS: json.dumps(seen).encode()}) if seen else field
    )


def counts_of(field: pa.Field) -> dict[str, int]:
    """Return in how many rows of a column of text words stood that count as missing, the most frequent first."""
    found: dict[str, int] = json.loads((field.metadata or {}).get(COUNTS, b"{}"))
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def _is_text(kind: pa.DataType) -> bool:
    held = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(held) or types.is_large_string(held) or str(held) == "string_view"


def _number(word: str) -> float | None:
    try:
        return float(word) if word.strip().lower() != "nan" else None
    except ValueError:
        return None


def _without_text(
    column: pa.ChunkedArray, words: Sequence[str]
) -> tuple[pa.ChunkedArray, dict[str, int]] | None:
    """Return a column without words and how many rows had each; None where none has one."""
    if types.is_dictionary(column.type):
        known = pa.array(words, column.type.value_type)
        if not any(pc.any(pc.is_in(c.dictionary, known)).as_py() for c in column.chunks):
            return None
        column = column.cast(column.type.value_type)
    if str(column.type) == "string_view":
        column = column.cast(pa.string())
    there = pc.is_in(column, pa.array(words, column.type))
    if not pc.any(there).as_py():
        return None
    seen = pc.value_counts(column.filter(there)).to_pylist()
    counts = {entry["values"]: int(entry["counts"]) for entry in seen}
    return pc.if_else(there, pa.scalar(None, column.type), column), counts


def _without_numbers(
    column: pa.ChunkedArray, numbers: Sequence[float]
) -> tuple[pa.ChunkedArray, dict[str, int]] | None:
    """Return a column of numbers without some of them; None where it has none."""
    there = pc.is_in(pc.cast(column, pa.float64(), safe=False), pa.array(numbers, pa.float64()))
    if not pc.any(there).as_py():
        return None
    return pc.if_else(there, pa.scalar(None, column.type), column), {}
