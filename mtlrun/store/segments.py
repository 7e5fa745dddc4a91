"""Segments: Parquet files of finished runs, each written once, with the checksum of its bytes in its name.

    <UTC time>-<pid>-<8 random digits>-<16 digits of SHA-256>.parquet

Segments of earlier versions have no checksum in their names; they are read as they are.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mtlrun.errors import StoreError
from mtlrun.schema import listed
from mtlrun.store.files import Listed, list_files, write_whole
from mtlrun.store.runs.record_schema import column_faults
from mtlrun.store.runs.records import SCHEMA_VERSION, SCORES, VERSION_KEY

ENDING = ".parquet"
GROUP_RUNS = 256
"""Runs of a row group: what is read for one run, at least."""

_CHECKSUM = re.compile(r".*-[0-9a-f]{8}-([0-9a-f]{16})\.parquet")
_STAMP = "%Y%m%dT%H%M%S.%f"
_STAMPED = re.compile(r"\d{8}T\d{6}\.\d{6}-.*\.parquet")


class VanishedError(Exception):
    """A segment is not there any more: it was merged into another, or the store was removed."""


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
        path = segment.path
        try:
            with self._opened(segment) as file:
                schema = file.schema_arrow
                _check_schema(path, schema, columns)
                present = [name for name in columns if name in schema.names]
                table = _read_rows(file, present, rows)
            table.validate(full=True)
        except FileNotFoundError as error:
            raise VanishedError(path.name) from error
        except (pa.ArrowException, OSError, MemoryError, IndexError) as error:
            raise unreadable(path, f"it is damaged or no Parquet file: {error}") from error
        faults = list(column_faults(table))
        if faults:
            raise unreadable(path, f"it was changed after it was written, or is damaged:\n{listed(faults)}")
        return table

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
        pyarrow owns them: its threads may free them after Python has begun to end, when those of Python abort it.
        """
        match = _CHECKSUM.fullmatch(segment.path.name)
        if match is None or segment in self._checked:
            return pq.ParquetFile(segment.path, page_checksum_verification=True)
        with pa.OSFile(str(segment.path)) as file:
            content = file.read_buffer()
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


def _checksum(content: pa.Buffer | bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _read_rows(file: pq.ParquetFile, columns: list[str], rows: Sequence[int] | None) -> pa.Table:
    """Read the row groups that have some of the rows, and take these."""
    count = file.metadata.num_rows
    if rows is None or len(rows) == count:
        return file.read(columns=columns)
    groups = range(file.metadata.num_row_groups)
    ends = np.cumsum([file.metadata.row_group(group).num_rows for group in groups])
    wanted = np.asarray(rows)
    of_row = np.searchsorted(ends, wanted, side="right")
    needed = np.unique(of_row)
    sizes = np.diff(ends, prepend=0)[needed]
    begins, offsets = (ends - np.diff(ends, prepend=0)), np.cumsum(sizes) - sizes
    place = np.searchsorted(needed, of_row)
    table = file.read_row_groups(needed.tolist(), columns=columns)
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
