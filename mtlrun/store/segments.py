"""Segments: Parquet files of finished runs, each written once, with the checksum of its bytes in its name.

    <UTC time>-<pid>-<8 random digits>-<16 digits of SHA-256>.parquet

Segments of earlier versions have no checksum in their names; they are read as they are.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import uuid
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mtlrun.errors import StoreError
from mtlrun.schema import listed
from mtlrun.store.files import Listed, list_files, read_buffer, write_whole
from mtlrun.store.runs.record_schema import column_faults
from mtlrun.store.runs.records import SCHEMA_VERSION, SCORES, VERSION_KEY

ENDING = ".parquet"
GROUP_RUNS = 256
"""Runs of a row group: what is read for one run, at least."""

TOGETHER = 2**22
"""Bytes of segments that are read and checked together: most are small, and each check of a table takes as long."""

_READERS = 2
"""Threads that read segments at the same time."""

_WORTH_THREADS = 16
"""Segments from which on they are read by threads."""

_CHECKSUM = re.compile(r".*-[0-9a-f]{8}-([0-9a-f]{16})\.parquet")
_STAMP = "%Y%m%dT%H%M%S.%f"
_STAMPED = re.compile(r"\d{8}T\d{6}\.\d{6}-.*\.parquet")


class VanishedError(Exception):
    """A segment is not there any more: it was merged into another, or the store was removed."""


class Joined(NamedTuple):
    """Rows of several segments.

    Attributes:
        table: of all of them.
        segments: in the order of the rows.
        ends: by segment, how many rows of the table it and those before it have.
    """

    table: pa.Table
    segments: list[Listed]
    ends: list[int]

    def segment_of(self, row: int) -> Listed:
        """Return the segment that a row of the table comes from."""
        return self.segments[bisect_right(self.ends, row)]


class Segments:
    """The segments of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._checked: set[Listed] = set()

    def listed(self) -> list[Listed]:
        """Return the segments, in the order of storing.

        Raises:
            StoreError: the folder cannot be read.
        """
        return list_files(self.folder, ENDING)

    def names(self) -> set[str]:
        """Return the names of the segments, without looking at any.

        Raises:
            StoreError: the folder cannot be read.
        """
        try:
            found = os.listdir(self.folder)
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise StoreError(f"folder `{self.folder}` cannot be read: {error.strerror or error}") from error
        return {name for name in found if name.endswith(ENDING) and not name.startswith(".")}

    def write(self, table: pa.Table, begin: str | None = None) -> Path:
        """Write a table as one segment and return its path; durable when this returns.

        Args:
            table: as of `mtlrun.store.runs.records.to_table`.
            begin: what its name begins with, which decides the order of storing; the time of now where None, or one
                after that of the last segment where a clock was set back.

        Raises:
            StoreError: nothing can be written.
        """
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", write_page_checksum=True, row_group_size=GROUP_RUNS)
        content = sink.getvalue()
        begin = begin or self._next_stamp()
        name = f"{begin}-{os.getpid()}-{uuid.uuid4().hex[:8]}-{_checksum(content)}{ENDING}"
        write_whole(self.folder / name, lambda file: file.write(content))
        return self.folder / name

    def read(self, segment: Listed, columns: Sequence[str], rows: Sequence[int] | None = None) -> pa.Table:
        """Read some columns of some rows of a segment, checked.

        Args:
            segment: to read.
            columns: their names; of those that earlier versions did not have, the ones that are there.
            rows: ascending; all where None.

        Raises:
            StoreError: the file is damaged, is no segment, or holds what no run has.
            VanishedError: the file is not there.
        """
        table = self._read(segment, columns, rows)
        _check_table(segment, table)
        return table

    def read_joined(
        self, parts: Sequence[tuple[Listed, Sequence[int]]], columns: Sequence[str]
    ) -> Iterator[Joined]:
        """Read some columns of some rows of each of several segments, checked, as few tables.

        Args:
            parts: segments, and the rows of each, ascending.
            columns, raises: as of `read`; columns that some segments lack are empty for their rows.
        """
        readers = ThreadPoolExecutor(_READERS)
        begin = readers.submit if len(parts) >= _WORTH_THREADS else _done
        groups = (
            [(segment, begin(self._read, segment, columns, rows)) for segment, rows in group]
            for group in _groups(parts)
        )
        try:
            waiting = deque(itertools.islice(groups, 1))
            while waiting:
                waiting.extend(itertools.islice(groups, 1))  # read while this one is worked on
                begun = waiting.popleft()
                segments, tables = [segment for segment, _ in begun], [table.result() for _, table in begun]
                ends = np.cumsum([len(table) for table in tables]).tolist()
                yield Joined(_joined(segments, tables), segments, ends)
        finally:
            readers.shutdown(cancel_futures=True)

    def _read(self, segment: Listed, columns: Sequence[str], rows: Sequence[int] | None) -> pa.Table:
        """Read a segment as `read`, unchecked but for its bytes and the names of its columns."""
        path = segment.path
        try:
            with self._opened(segment) as file:
                schema = file.schema_arrow
                _check_schema(path, schema, columns)
                return _read_rows(file, [name for name in columns if name in schema.names], rows)
        except FileNotFoundError as error:
            raise VanishedError(path.name) from error
        except (pa.ArrowException, OSError, MemoryError, IndexError) as error:
            raise _damaged(path, error) from error

    def _next_stamp(self) -> str:
        now = stamp(datetime.now(timezone.utc))
        names = [name for name in self.names() if name > now and _STAMPED.fullmatch(name)]
        if not names:
            return now
        try:
            last = datetime.strptime(max(names).partition("-")[0], _STAMP)
        except ValueError:  # no moment: nobody's segment of ours
            return now
        return stamp(last + timedelta(microseconds=1))

    @staticmethod
    def has_checksum(segment: Listed) -> bool:
        """Return whether the name of a segment ends with the checksum of its bytes."""
        return _CHECKSUM.fullmatch(segment.path.name) is not None

    def _opened(self, segment: Listed) -> pq.ParquetFile:
        """Open a segment, its bytes held against the checksum in its name at the first time.

        They are read once for both; where a name has no checksum, or later, Parquet's own are held against the pages.
        """
        match = _CHECKSUM.fullmatch(segment.path.name)
        if match is None or segment in self._checked:
            return pq.ParquetFile(segment.path, page_checksum_verification=True)
        content = read_buffer(segment.path)
        if _checksum(content) != match[1]:
            raise unreadable(segment.path, "its bytes do not fit the checksum in its name: it is damaged")
        self._checked.add(segment)
        return pq.ParquetFile(pa.BufferReader(content))


def stamp(moment: datetime) -> str:
    """Return a moment, in UTC, as the names of segments begin with it."""
    return moment.strftime(_STAMP)


def unreadable(path: Path, reason: str) -> StoreError:
    """Return the error of a segment that cannot be read."""
    return StoreError(
        f"segment `{path}` cannot be read: {reason}\n"
        "The other segments of the store are untouched. Move this file out of the store and repeat the study's "
        "command: its runs will be trained again."
    )


def _done(read: Callable[..., pa.Table], *arguments: Any) -> Future[pa.Table]:
    """Read in this thread."""
    done = Future[pa.Table]()
    done.set_result(read(*arguments))
    return done


def _damaged(path: Path, error: BaseException) -> StoreError:
    return unreadable(path, f"it is damaged or no Parquet file: {error}")


def _check_table(segment: Listed, table: pa.Table) -> None:
    """Raise StoreError if a segment holds what no run has."""
    path = segment.path
    try:
        table.validate(full=True)
    except pa.ArrowException as error:
        raise _damaged(path, error) from error
    faults = list(column_faults(table))
    if faults:
        raise unreadable(path, f"it was changed after it was written, or is damaged:\n{listed(faults)}")


def _groups(parts: Sequence[tuple[Listed, Sequence[int]]]) -> Iterator[list[tuple[Listed, Sequence[int]]]]:
    """Yield parts of segments, as many at a time as have `TOGETHER` bytes."""
    group, size = list[tuple[Listed, Sequence[int]]](), 0
    for part in parts:
        if group and size + part[0].size > TOGETHER:
            yield group
            group, size = [], 0
        group.append(part)
        size += part[0].size
    if group:
        yield group


def _joined(segments: Sequence[Listed], tables: Sequence[pa.Table]) -> pa.Table:
    """Return the tables of some segments as one, checked.

    Raises:
        StoreError: names the segment that holds what no run has.
    """

    def check_each() -> None:
        for segment, table in zip(segments, tables, strict=True):
            _check_table(segment, table)

    try:
        joined = pa.concat_tables(tables, promote_options="default")
        joined.validate(full=True)
    except pa.ArrowException:  # columns of other types, or too little memory
        check_each()
        raise
    if any(column_faults(joined)):
        check_each()
    return joined


def _checksum(content: pa.Buffer | bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _read_rows(file: pq.ParquetFile, columns: list[str], rows: Sequence[int] | None) -> pa.Table:
    """Read the row groups that have some of the rows, and take these."""
    count, several = file.metadata.num_rows, file.metadata.num_row_groups > 1
    if rows is None or len(rows) == count:
        return file.read(columns=columns, use_threads=several)  # of one group they take longer than they save
    groups = range(file.metadata.num_row_groups)
    ends = np.cumsum([file.metadata.row_group(group).num_rows for group in groups])
    wanted = np.asarray(rows)
    of_row = np.searchsorted(ends, wanted, side="right")
    needed = np.unique(of_row)
    sizes = np.diff(ends, prepend=0)[needed]
    begins, offsets = (ends - np.diff(ends, prepend=0)), np.cumsum(sizes) - sizes
    place = np.searchsorted(needed, of_row)
    table = file.read_row_groups(needed.tolist(), columns=columns, use_threads=several)
    return table.take(wanted - begins[of_row] + offsets[place])


def _check_schema(path: Path, schema: pa.Schema, columns: Sequence[str]) -> None:
    found = (schema.metadata or {}).get(VERSION_KEY)
    if found is None:
        raise unreadable(path, "it was not written by mtlrun: its metadata name no schema version")
    if found != str(SCHEMA_VERSION).encode():
        version = found.decode(errors="replace")
        raise unreadable(path, f"it has schema version {version}, this mtlrun reads {SCHEMA_VERSION}")
    missing = [name for name in columns if name not in schema.names and name != SCORES]
    if missing:
        raise unreadable(path, f"it lacks the columns {missing}")
