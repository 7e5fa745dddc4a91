"""The index: which segment has which runs, so that a large store is opened without reading its segments.

    STORE/.index    a checksum of 32 bytes, then a Parquet table of run ids and statuses, segment by segment

It holds nothing that the segments do not: it is read where it is whole and its entries fit the sizes and times of the
segments, ignored where not, and written anew as segments are added. Processes that write it at the same time replace
each other's file, and lose nothing but time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mtlrun.errors import StoreError
from mtlrun.store.files import Listed, read_buffer, write_whole
from mtlrun.store.runs.records import STATUSES

NAME = ".index"
WORTH_WRITING = 16
"""Segments that an index lacks before it is written anew."""

_VERSION = 1
_HEAD = 32  # bytes
_KEY = b"mtlrun.index"


class Held(NamedTuple):
    """What a segment holds, run by run.

    Attributes:
        run_ids: of the runs, in the order of the segment.
        statuses: of the same.
    """

    run_ids: list[str]
    statuses: list[str]


def read_index(folder: Path) -> dict[Listed, Held]:
    """Return what the index of a store says; nothing where there is none, or it is damaged."""
    try:
        content = read_buffer(folder / NAME) if (folder / NAME).is_file() else None
    except OSError:
        return {}
    if content is None or content.size <= _HEAD:
        return {}
    head, rest = content[:_HEAD], content[_HEAD:]
    if hashlib.sha256(rest).digest() != head.to_pybytes():
        return {}
    try:
        return _entries(folder, pq.ParquetFile(pa.BufferReader(rest)).read(use_threads=False))
    except (
        pa.ArrowException,
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
    ):  # no index of ours
        return {}


def _entries(folder: Path, table: pa.Table) -> dict[Listed, Held]:
    about = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    if about.get("version") != _VERSION:
        return {}
    run_ids = table["run_id"].to_pylist()
    statuses = [STATUSES[code] for code in table["status"].to_numpy().tolist()]
    found, begin = {}, 0
    for name, size, modified_ns, count in about["segments"]:
        held = Held(run_ids[begin : begin + count], statuses[begin : begin + count])
        found[Listed(folder / name, size, modified_ns)] = held
        begin += count
    return found


def write_index(folder: Path, segments: Mapping[Listed, Held]) -> None:
    """Write the index of a store; where it cannot be written, as in a read-only store, there is none."""
    listed = [[s.path.name, s.size, s.modified_ns, len(held.run_ids)] for s, held in segments.items()]
    code = {status: number for number, status in enumerate(STATUSES)}
    table = pa.table(
        {
            "run_id": pa.array([r for held in segments.values() for r in held.run_ids], pa.string()),
            "status": pa.array([code[s] for held in segments.values() for s in held.statuses], pa.int8()),
        }
    ).replace_schema_metadata({_KEY: json.dumps({"version": _VERSION, "segments": listed})})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content = sink.getvalue().to_pybytes()
    with contextlib.suppress(StoreError):
        write_whole(folder / NAME, lambda file: file.write(hashlib.sha256(content).digest() + content))
