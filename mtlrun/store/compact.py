"""Merging small segments into larger ones, while others read and write.

The merged segment is written first, whole and fsynced, and only then are those removed that went into it. In between,
every run is there twice, and readers take the first. A reader that listed the old segments before begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from mtlrun.errors import StoreError
from mtlrun.store.files import Listed, sweep
from mtlrun.store.runs.records import SCHEMA, SCORES
from mtlrun.store.segments import Segments, VanishedError

LARGEST = 16 * 2**20
"""Bytes of a merged segment, about. It is written from memory, where it takes some 20 times as much."""


class Compacted(NamedTuple):
    """What merging did: how many segments there were before, and how many there are now."""

    before: int
    after: int


def compact(folder: Path, largest: int = LARGEST) -> Compacted:
    """Merge the segments of a store that stand beside each other in the order of storing.

    Of several records of a run, those that no reader takes are left out: all after the first that did not fail.

    Args:
        folder: the store.
        largest: bytes up to which segments are merged.

    Raises:
        StoreError: a segment cannot be read, or nothing can be written; all runs are then where they were.
    """
    segments = Segments(folder)
    before = segments.listed()
    done: set[str] = set()
    merged = 0
    for group in _groups(before, largest):
        try:
            table = _merged(segments, group, done)
        except VanishedError as error:
            raise StoreError(
                f"store `{folder}`: segment `{error}` has gone, so another `mtlrun compact` is under way; all "
                "runs are there"
            ) from error
        if len(group) < 2:
            continue
        segments.write(table, begin=group[0].path.name.partition("-")[0])
        for segment in group:
            segment.path.unlink(missing_ok=True)
        merged += len(group) - 1
    sweep(folder)
    return Compacted(len(before), len(before) - merged)


def _groups(segments: list[Listed], largest: int) -> Iterator[list[Listed]]:
    """Yield segments in their order, as many at a time as stay below a size together."""
    group: list[Listed] = []
    for segment in segments:
        if group and sum(s.size for s in group) + segment.size > largest:
            yield group
            group = []
        group.append(segment)
    if group:
        yield group


def _merged(segments: Segments, group: list[Listed], done: set[str]) -> pa.Table:
    """Return the records of a group that some reader may take.

    Args:
        segments: of the store.
        group: to be merged.
        done: runs that are finished or diverged in earlier groups; those of this one are added.
    """
    tables = []
    failed: set[tuple[str, str | None]] = set()  # an interrupted merge leaves records twice
    columns = SCHEMA.names if len(group) > 1 else ["run_id", "status", "finished_at"]
    for segment in group:
        table = segments.read(segment, columns)
        rows = []
        records = (table[name].to_pylist() for name in ("run_id", "status", "finished_at"))
        for row, (run_id, status, finished_at) in enumerate(zip(*records, strict=True)):
            if run_id in done or (status == "failed" and (run_id, finished_at) in failed):
                continue
            rows.append(row)
            if status == "failed":
                failed.add((run_id, finished_at))
            else:
                done.add(run_id)
        if SCORES in columns and SCORES not in table.column_names:  # an earlier version's
            table = table.append_column(SCHEMA.field(SCORES), pa.nulls(len(table), SCHEMA.field(SCORES).type))
        tables.append(table.take(pa.array(rows, pa.int64())).select(columns))
    return pa.concat_tables(tables).replace_schema_metadata(SCHEMA.metadata)
