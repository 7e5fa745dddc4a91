"""One run as a stored row: the record and its Parquet schema.

A segment is one Parquet file with one row per run. What nests freely (config, versions, cost, diagnostics) is
a JSON string, in Python's dialect where NaN and infinities are numbers; curves are a `list<struct>` column.
The schema's version stands in the file's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

SCHEMA_VERSION = 1
STATUSES = ("finished", "diverged", "failed")
JSON_COLUMNS = ("versions", "cost", "diagnostics", "config")

VERSION_KEY = b"mtlrun.schema_version"
_CURVE = pa.struct(
    {
        "task": pa.string(),
        "split": pa.string(),
        "metric": pa.string(),
        "step": pa.int64(),
        "value": pa.float64(),
    }
)
_SCORES = pa.struct(
    {
        "task": pa.string(),
        "step": pa.int64(),
        "scale": pa.float64(),
        "cases": pa.int64(),
        "values": pa.list_(pa.float16()),
    }
)
SCORES = "scores"
"""A column that segments of earlier versions lack."""

NULLABLE = ("error", "finished_at", SCORES)
"""Columns that may have no value for a run."""

SCHEMA = pa.schema(
    {
        "run_id": pa.string(),
        "seed": pa.int64(),
        "status": pa.string(),
        "error": pa.string(),
        "device": pa.string(),
        "finished_at": pa.string(),
        **{name: pa.string() for name in JSON_COLUMNS},
        "curves": pa.list_(_CURVE),
        SCORES: pa.list_(_SCORES),
    },
    metadata={VERSION_KEY: str(SCHEMA_VERSION).encode()},
)


@dataclass(frozen=True)
class RunRecord:
    """What is kept of one run.

    Attributes:
        run_id: Hash of the canonical config.
        seed: The run's seed.
        config: The canonical config; keys are strings, values JSON-able (numpy scalars and arrays also).
        status: `finished`, `diverged` or `failed`.
        error: The message of a failed run, else None.
        device: The device that trained it, in words.
        versions: Version by package name.
        cost: Figures of cost, units in their names (`wall_s`, `memory_mib`).
        diagnostics: Figures of conflict, affinity and the like.
        curves: Five equally long columns, an entry per metric value: `task`, `split`, `metric` (text), `step`
            (int) and `value` (float; NaN and infinities are kept).
        scores: Of test cases, an entry for each task and evaluation that a report may read: `task`, `step`, `cases`
            (how many there are), `scale` and `values`, which are multiples of the scale, of the cases or of blocks.
        finished_at: ISO 8601 time at which the run ended.

    Raises:
        ValueError: If the status is unknown, or the curves lack a column or differ in length.
    """

    run_id: str
    seed: int
    config: dict[str, Any]
    status: str
    error: str | None
    device: str
    versions: dict[str, str]
    finished_at: str
    cost: dict[str, Any] = field(default_factory=dict)
    diagnostics: dict[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Sequence[Any]] = field(default_factory=lambda: {name: [] for name in _CURVE.names})
    scores: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"`status` must be one of {STATUSES}, found {self.status!r}")
        if set(self.curves) != set(_CURVE.names):
            raise ValueError(f"`curves` must have the columns {_CURVE.names}, found {sorted(self.curves)}")
        lengths = {name: len(column) for name, column in self.curves.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"`curves` must have columns of one length, found {lengths}")


def to_table(records: Sequence[RunRecord]) -> pa.Table:
    """Return the records as a table with the segment schema, one row per record."""
    columns = {
        name: [getattr(record, name) for record in records]
        for name in ("run_id", "seed", "status", "error", "device", "finished_at")
    }
    for name in JSON_COLUMNS:
        columns[name] = [_to_json(getattr(record, name)) for record in records]
    columns["curves"] = _curves_array(records)
    columns[SCORES] = pa.array([list(record.scores) for record in records], pa.list_(_SCORES))
    return pa.table(columns, schema=SCHEMA)


def _to_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """Turn numpy scalars and arrays into Python numbers and lists, for `json.dumps`."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a record cannot hold {type(value).__name__} {value!r}")


def _curves_array(records: Sequence[RunRecord]) -> pa.ListArray:
    lengths = [len(record.curves["value"]) for record in records]
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    columns = [
        pa.array(list(chain.from_iterable(record.curves[f.name] for record in records)), f.type)
        for f in _CURVE
    ]
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(columns, fields=list(_CURVE)))
