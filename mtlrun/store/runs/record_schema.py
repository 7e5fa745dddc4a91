"""What a stored run must hold: checks of a segment's columns, and of the JSON texts in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mtlrun.errors import Fault
from mtlrun.planning.manifest_schema import CONFIG
from mtlrun.schema import Schema, fault, map_of, name, parse
from mtlrun.store.runs.records import NULLABLE, SCHEMA, STATUSES

_SCHEMAS: Mapping[str, Schema] = {"versions": map_of(name), "config": CONFIG}


def read_json(column: str, content: str) -> Any:
    """Return what stands in a JSON column of one run.

    Raises:
        ValueError: it is no JSON, or not what the column holds; says what.
    """
    try:
        found = parse(content)
    except ValueError as error:
        raise ValueError(f"`{column}` is no JSON: {error}") from error
    faults = list(_SCHEMAS[column](found, column))
    if faults:
        raise ValueError(str(faults[0]))
    return found


def column_faults(table: pa.Table) -> Iterator[Fault]:
    """Yield what is wrong with columns of a segment: types, gaps, values that no run has."""
    for column in table.column_names:
        found, wanted = table.schema.field(column).type, SCHEMA.field(column).type
        if found != wanted:
            yield Fault(column, f"must be a column of {wanted}, and is one of {found}")
            return
        if table[column].null_count and column not in NULLABLE:
            yield Fault(column, "must have a value for each run, and lacks some")
            return
    check = {"run_id": _id_faults, "status": _status_faults, "curves": _curve_faults, "scores": _score_faults}
    for column, faults in check.items():
        if column in table.column_names:
            yield from faults(table[column].combine_chunks())


def _id_faults(ids: pa.Array) -> Iterator[Fault]:
    if pc.any(pc.equal(ids, "")).as_py():
        yield Fault("run_id", "must not be empty")


def _status_faults(statuses: pa.Array) -> Iterator[Fault]:
    for status in pc.unique(statuses).to_pylist():
        if status not in STATUSES:
            yield fault("status", f"must be one of {', '.join(STATUSES)}", status)


def _gaps(column: str, entries: pa.StructArray) -> Iterator[Fault]:
    """Yield the parts of which some entries have no value."""
    for part in entries.type:
        if entries.null_count or entries.field(part.name).null_count:
            yield Fault(f"{column}.{part.name}", "must have a value in each entry, and lacks some")


def _curve_faults(lists: pa.ListArray) -> Iterator[Fault]:
    entries = lists.flatten()
    if gaps := list(_gaps("curves", entries)):
        yield from gaps
    elif len(entries) and pc.min(entries.field("step")).as_py() < 0:
        yield Fault("curves.step", "must not be negative")


def _score_faults(lists: pa.ListArray) -> Iterator[Fault]:
    entries = lists.flatten()
    if gaps := list(_gaps("scores", entries)):
        yield from gaps
        return
    if not len(entries):
        return
    values = entries.field("values")
    lengths = pc.list_value_length(values)
    if values.flatten().null_count:
        yield Fault("scores.values", "must have no gaps")
    if not pc.all(pc.is_finite(entries.field("scale"))).as_py():
        yield Fault("scores.scale", "must be finite numbers")
    if pc.min(lengths).as_py() < 1 or pc.min(entries.field("cases")).as_py() < 1:
        yield Fault("scores.cases", "must be at least 1, as must be the number of `values`")
