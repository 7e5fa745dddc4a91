"""The store: one folder of Parquet segments and of study manifests, safe against crashes and several writers.

Layout::

    STORE/*.parquet             segments, written once, never changed (`mtlrun.store.segments`)
    STORE/.index                which segment has which runs; can be made anew (`mtlrun.store.index`)
    STORE/studies/<name>.json   what one study asked for; the newest write of a name stays (`mtlrun.store.studies`)
    STORE/arrays/<digest>.npz   data of suites that Python gave
    STORE/weights/              saved weights (`mtlrun.store.weights`)
    STORE/.checkpoints/         cohorts in training (`mtlrun.store.checkpoints`)
    STORE/.running/             what commands that train tell of themselves (`mtlrun.store.launchers`), and a lock
    .*.tmp                      a write that was cut off; ignored, and removed by a later command

Every file is written beside under a hidden name, fsynced, and renamed: a reader sees all of it or nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa

from mtlrun.errors import StoreError
from mtlrun.store.files import Listed, sweep
from mtlrun.store.index import WORTH_WRITING, Held, read_index, write_index
from mtlrun.store.runs.records import SCORES, RunRecord, to_table
from mtlrun.store.runs.scores import ScoreTable
from mtlrun.store.runs.stored_runs import (
    REPORT_COLUMNS,
    RUN_COLUMNS,
    Curves,
    RunRows,
    curve_frame,
    long_curves,
)
from mtlrun.store.segments import Joined, Segments, VanishedError, stamp
from mtlrun.store.studies import Studies

if TYPE_CHECKING:
    import pandas as pd

ARRAYS = "arrays"
"""The folder in a store that has the arrays of suites which Python gave."""

_ATTEMPTS = 20
"""How often a reader begins anew because segments that it was about to read were merged."""

Found = TypeVar("Found")


class _Place(NamedTuple):
    segment: int  # position in the order of storing
    row: int
    status: str


class Store:
    """All stored runs and studies under one path. The folder is made at the first write.

    Of several records with one run id, the first `finished` or `diverged` one counts; where all of them
    failed, the last. Readers take every segment, and raise StoreError on one that they cannot read.

    Args:
        path: of the folder.
        exists: whether the folder must be there already: a writer then does not make it anew where it was removed.

    Attributes:
        written: the manifests that this object wrote last, by study; another command may have replaced them.
    """

    def __init__(self, path: str | os.PathLike[str], *, exists: bool = False) -> None:
        self.path = Path(path)
        self._segments, self._studies = Segments(self.path), Studies(self.path)
        self.written: dict[str, Mapping[str, Any]] = {}
        self._exists = exists
        self._held: dict[Listed, Held] | None = None  # by segment; None before the index is read
        self._indexed: set[Listed] = set()  # segments that the index has

    def append(self, records: Sequence[RunRecord]) -> Path:
        """Write the records as one segment and return its path; durable when this returns.

        Raises:
            ValueError: If there are no records.
            StoreError: If the store cannot be written; nothing stored before is touched.
        """
        if not records:
            raise ValueError("`records` must hold at least one record")
        return self._written(lambda: self._segments.write(to_table(records)))

    def statuses(self) -> dict[str, str]:
        """Return the status of every stored run by run id; reads no segment that the index knows."""
        return {run_id: place.status for run_id, place in self._places().items()}

    def segment_names(self) -> set[str]:
        """Return the names of the segments, without looking at any.

        Raises:
            StoreError: the folder cannot be read.
        """
        return self._segments.names()

    def runs_since(self, moment: datetime) -> int:
        """Return how many records have been stored since a moment, by the clock of who stored them."""
        self._places()
        begin = stamp(moment)
        return sum(len(held.run_ids) for s, held in (self._held or {}).items() if s.path.name >= begin)

    def runs(
        self, run_ids: Iterable[str] | None = None, columns: Sequence[str] = RUN_COLUMNS
    ) -> pd.DataFrame:
        """Return one row per run: run_id, seed, status, error, device, versions, cost, diagnostics, config.

        The last four are mappings, not to be changed. Rows are in the order of storing;
        ids that are not stored are left out.

        Args:
            run_ids: of the runs; all where None.
            columns: which of these columns, `run_id` among them.
        """
        read = RunRows(columns)
        return read.frame(self._winning(columns, run_ids, read.of))

    def curves(self, run_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return one row per metric value: run_id, task, split, metric (categorical), step, value."""
        tables = self._winning(("run_id", "curves"), run_ids, lambda rows: long_curves(rows.table))
        return curve_frame(tables)

    def scores(self, run_ids: Iterable[str] | None = None) -> ScoreTable:
        """Return the scores of test cases; nothing of runs that were stored without."""
        found = ScoreTable()
        self._winning(("run_id", SCORES), run_ids, lambda rows: _add_scores(found, rows.table))
        return found

    def judged(
        self, run_ids: Iterable[str], metrics: Collection[str]
    ) -> tuple[pd.DataFrame, Curves, ScoreTable]:
        """Return what the rows of a report are made of: runs, curves and scores, all of them in one pass.

        Runs have `REPORT_COLUMNS`. Of the curves only those values are read that a selection may look at; the others
        when they are asked for.

        Args:
            run_ids: of the runs.
            metrics: by which tasks are judged.
        """
        ids = set(run_ids)
        read, scores = RunRows(REPORT_COLUMNS), ScoreTable()

        def made(rows: Joined) -> tuple[list[list[Any]], pa.Table]:
            _add_scores(scores, rows.table)
            return read.of(rows), long_curves(rows.table, metrics)

        parts = self._winning((*REPORT_COLUMNS, "curves", SCORES), ids, made)
        runs = read.frame([part[0] for part in parts])
        curves = Curves(curve_frame([part[1] for part in parts]), lambda: self.curves(ids))
        return runs, curves, scores

    def write_study(self, manifest: Mapping[str, Any]) -> Path:
        """Write a study's manifest under its `study`, in place of an earlier one of that name.

        Raises:
            StoreError: If the name holds more than letters, digits, `.`, `_`, `-`, or nothing can be written.
        """
        path = self._written(lambda: self._studies.write(manifest))
        self.written[manifest["study"]] = manifest
        return path

    def read_study(self, name: str | None = None) -> dict[str, Any]:
        """Return the manifest of the study `name`, or of the one written last.

        Raises:
            StoreError: If there is no such study (with near matches), or its file is damaged.
        """
        return self._studies.read(name)

    def studies(self) -> list[str]:
        """Return the names of the stored studies, sorted."""
        return self._studies.names()

    def written_at(self, study: str) -> tuple[int, str]:
        """Return the number of a study, larger the later it was written, and when that was (ISO 8601).

        Raises:
            StoreError: its file cannot be read.
        """
        return self._studies.written_at(study)

    def check_usable(self) -> None:
        """Raise StoreError, naming path and rule, if this path is there and is no store."""
        _nearest_folder(self.path)
        if self.path.is_dir() and not _is_store(self.path):
            raise StoreError(
                f"`{self.path}` is not a store: a store is a new or empty folder, or one with segments "
                "(`*.parquet`) or `studies`; choose another `store`"
            )

    def check_writable(self) -> None:
        """Raise StoreError, naming path and rule, if this store could not be written; creates nothing.

        What writers that were killed left behind is removed.
        """
        self.check_usable()
        for path in (self.path, self._studies.folder):
            _check_folder(path)
        for path in (self.path, self._studies.folder, self.path / "weights", self.path / ARRAYS):
            sweep(path)

    def create(self) -> None:
        """Make the folder, where it is not there yet.

        Raises:
            StoreError: it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"store `{self.path}` cannot be made: {error.strerror or error}") from error
        self._exists = True

    def check_there(self) -> None:
        """Raise StoreError if the folder was there before and has gone, or a study that was written here has."""
        folder = self._studies.folder
        kept = self.path.is_dir() and all((folder / f"{name}.json").exists() for name in self.written)
        if self._exists and not kept:
            raise StoreError(
                f"store `{self.path}` was removed while runs were trained: what it held is gone, and nothing more "
                "is written; repeat the command to begin anew"
            )

    def _written(self, write: Callable[[], Path]) -> Path:
        """Write a file, but not into a folder that was there before and has gone."""
        self.check_there()
        path = write()
        self._exists = True
        return path

    def _places(self) -> dict[str, _Place]:
        """Where the record that counts stands, by run id, in the order of storing."""
        places: dict[str, _Place] = {}
        for segment, (run_ids, statuses) in enumerate(self._refreshed().values()):
            for row, (run_id, status) in enumerate(zip(run_ids, statuses, strict=True)):
                held = places.get(run_id)
                if held is None or held.status == "failed":
                    places[run_id] = _Place(segment, row, status)
        return places

    def _refreshed(self) -> dict[Listed, Held]:
        """Return what each segment holds, in the order of storing, and write the index where it lacks many."""
        if self._held is None:
            self._held = read_index(self.path)
            self._indexed = set(self._held)
        self._held = self._again(self._scan)
        if len(self._held.keys() ^ self._indexed) >= WORTH_WRITING:
            write_index(self.path, self._held)
            self._indexed = set(self._held)
        return self._held

    def _scan(self) -> dict[Listed, Held]:
        known = self._held or {}
        return {segment: known.get(segment) or self._hold(segment) for segment in self._segments.listed()}

    def _hold(self, segment: Listed) -> Held:
        table = self._segments.read(segment, ("run_id", "status"))
        return Held(table["run_id"].to_pylist(), table["status"].to_pylist())

    def _winning(
        self,
        columns: Sequence[str],
        run_ids: Iterable[str] | None,
        made: Callable[[Joined], Found],
    ) -> list[Found]:
        """Return what is made of `columns` of the records that count, some segments at a time."""
        wanted = None if run_ids is None else set(run_ids)

        def read() -> list[Found]:
            rows: dict[int, list[int]] = {}
            for run_id, place in self._places().items():
                if wanted is None or run_id in wanted:
                    rows.setdefault(place.segment, []).append(place.row)
            segments = list(self._held or ())
            parts = [(segments[number], sorted(rows[number])) for number in sorted(rows)]
            return [made(joined) for joined in self._segments.read_joined(parts, columns)]

        return self._again(read)

    def _again(self, read: Callable[[], Found]) -> Found:
        """Read, and begin anew where segments were merged meanwhile."""
        for _ in range(_ATTEMPTS):
            try:
                return read()
            except VanishedError as error:
                vanished = error
        raise StoreError(f"segment `{self.path / str(vanished)}` cannot be read: it is not there any more")


def _add_scores(scores: ScoreTable, table: pa.Table) -> None:
    """Add the scores of segments that have some; where they are read once more, they are the same."""
    if SCORES in table.column_names:
        scores.add(table)


def _nearest_folder(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there.

    Raises:
        StoreError: a file stands in its place.
    """
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise StoreError(
            f"store folder `{folder}` cannot be written: `{nearest}` must be a folder, and is a file"
        )
    return nearest


def _check_folder(folder: Path) -> None:
    """Raise StoreError unless files can be made in `folder`, or in the nearest folder that is there."""
    nearest = _nearest_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise StoreError(
            f"store folder `{folder}` cannot be written: no file can be made in `{nearest}`: {error.strerror}"
        ) from error


def _is_store(folder: Path) -> bool:
    try:
        visible = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise StoreError(f"store `{folder}` cannot be read: {error.strerror or error}") from error
    return not visible or any(
        path.suffix == ".parquet" or path.name in ("studies", ARRAYS) for path in visible
    )
