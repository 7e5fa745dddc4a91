"""Edits of stored files, as of a slip of an editor or of a stranger: one value of a JSON document is changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mtlrun.store.runs.records import JSON_COLUMNS

Path_ = tuple[Any, ...]
"""Keys and positions that lead to a value."""

DEEP: Any = [[[[[[[[{}]]]]]]]]
VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "minus": -1,
    "zero": 0,
    "half": 0.5,
    "huge": 10**30,
    "large": 2**62,
    "infinite": float("inf"),
    "nan": float("nan"),
    "text": "x",
    "empty": "",
    "half sign": "\ud800",
    "list": [],
    "object": {},
    "list of objects": [{"a": 1}],
    "list of texts": ["x"],
    "deep": DEEP,
    "control": "\x1b[2J",
    "numbers": [3, 3],
    "object of null": {"a": None},
}
"""What a value is replaced by, by name."""


def paths(document: Any, prefix: Path_ = ()) -> Iterator[Path_]:
    """Yield where the values of a document stand, containers too, but for the document itself."""
    parts = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, part in parts:
        yield (*prefix, key)
        yield from paths(part, (*prefix, key))


def _remove(holder: Any, key: Any) -> None:
    del holder[key]


def _rename(holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    else:
        holder.insert(0, holder.pop(key))


def _repeat(holder: Any, key: Any) -> None:
    if isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    else:
        holder[f"{key}2"] = copy.deepcopy(holder[key])


def _as_text(holder: Any, key: Any) -> None:
    holder[key] = json.dumps(holder[key])


def _wrap(holder: Any, key: Any) -> None:
    holder[key] = [holder[key]]


def _neighbour(holder: Any, key: Any) -> None:
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    holder[key] = copy.deepcopy(holder[keys[keys.index(key) - 1]])


def _replace(value: Any) -> Callable[[Any, Any], None]:
    def change(holder: Any, key: Any) -> None:
        holder[key] = copy.deepcopy(value)

    return change


EDITS: dict[str, Callable[[Any, Any], None]] = {
    "remove": _remove,
    "rename": _rename,
    "repeat": _repeat,
    "as text": _as_text,
    "wrap": _wrap,
    "neighbour": _neighbour,
    **{name: _replace(value) for name, value in VALUES.items()},
}
"""Edits by name: each changes the value that a holder, an object or a list, has at a key."""


def edited(document: Any, path: Path_, edit: str) -> Any:
    """Return a document with one edit."""
    found = copy.deepcopy(document)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    EDITS[edit](holder, path[-1])
    return found


def read_rows(segment: Path) -> list[dict[str, Any]]:
    """Return a segment's rows, with JSON texts as what they hold."""
    rows = pq.read_table(segment).to_pylist()
    for row in rows:
        for name in JSON_COLUMNS:
            row[name] = json.loads(row[name])
    return rows


def write_rows(segment: Path, rows: list[Any]) -> None:
    """Put rows in the place of a segment's, in a file without a checksum, of the same types where they fit."""
    schema = pq.read_schema(segment)
    flat = [
        {
            k: json.dumps(v) if k in ("versions", "cost", "diagnostics", "config") and v != "" else v
            for k, v in r.items()
        }
        for r in rows
        if isinstance(r, dict)
    ]
    names = list(dict.fromkeys(name for row in flat for name in row))
    columns = {name: _column(schema, name, [row.get(name) for row in flat]) for name in names}
    segment.unlink()
    pq.write_table(
        pa.table(columns).replace_schema_metadata(schema.metadata),
        segment.with_name("20200101T000000.000000-1-aaaaaaaa.parquet"),
    )


def _column(schema: pa.Schema, name: str, values: list[Any]) -> pa.Array:
    kinds = [schema.field(name).type] if name in schema.names else []
    for kind in [*kinds, None]:
        try:
            return pa.array(values, kind)
        except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError, ValueError):
            continue
    return pa.array([ascii(value) for value in values])
