"""The store: one folder of Parquet segments and of study manifests, safe against crashes and several writers.

Layout, known to this module alone::

    STORE/<UTC time>-<pid>-<random>.parquet   one segment, written once, never changed
    STORE/arrays/<digest>.npz                 data of suites that Python gave
    STORE/studies/<name>.json                 what one study asked for; the newest write of a name stays
    .*.tmp                                    a write that was cut off; ignored

Every file is written beside under a hidden name, fsynced, and renamed: a reader sees all of it or nothing.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mtlrun.errors import Fault, StoreError
from mtlrun.store.files import list_files, write_whole
from mtlrun.store.records import JSON_COLUMNS, SCORES, RunRecord, read_segment, to_table
from mtlrun.store.scores import ScoreTable

if TYPE_CHECKING:
    import pandas as pd

ARRAYS = "arrays"
"""The folder in a store that has the arrays of suites which Python gave."""

_STUDY_SCHEMA_VERSION = 1
STUDY_RULE = "must begin with a letter or digit and hold only letters, digits, `.`, `_`, `-` (128 at most)"
_STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_RUN_COLUMNS = ("run_id", "seed", "status", "error", "device", *JSON_COLUMNS)
_CURVE_COLUMNS = ("run_id", "task", "split", "metric", "step", "value")


class _Place(NamedTuple):
    segment: Path
    row: int
    status: str


class Store:
    """All stored runs and studies under one path. The folder is made at the first write.

    Of several records with one run id, the first `finished` or `diverged` one counts; where all of them
    failed, the last. Readers take every segment, and raise StoreError on one that they cannot read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._studies = self.path / "studies"
        self._scanned: dict[
            Path, list[tuple[str, str]]
        ] = {}  # what each segment holds: run ids with statuses

    def append(self, records: Sequence[RunRecord]) -> Path:
        """Write the records as one segment and return its path; durable when this returns.

        Raises:
            ValueError: If there are no records.
            StoreError: If the store cannot be written; nothing stored before is touched.
        """
        if not records:
            raise ValueError("`records` must hold at least one record")
        table = to_table(records)
        moment = datetime.now(timezone.utc)
        path = self.path / f"{_stamp(moment)}-{os.getpid()}-{uuid.uuid4().hex[:8]}.parquet"
        write_whole(
            path, lambda file: pq.write_table(table, file, compression="zstd", write_page_checksum=True)
        )
        return path

    def statuses(self) -> dict[str, str]:
        """Return the status of every stored run by run id; reads no curves."""
        return {run_id: place.status for run_id, place in self._places().items()}

    def runs_since(self, moment: datetime) -> int:
        """Return how many records have been stored since a moment, by the clock of who stored them."""
        self._places()
        return sum(len(held) for path, held in self._scanned.items() if path.name >= _stamp(moment))

    def runs(self, run_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return one row per run: run_id, seed, status, error, device, versions, cost, diagnostics, config.

        The last four are dicts, the same ones for equal texts: do not change them. Rows are in the order of storing;
        ids that are not stored are left out.
        """
        import pandas as pd

        columns: dict[str, list[Any]] = {name: [] for name in _RUN_COLUMNS}
        read: dict[str, dict[str, Any]] = {}  # many runs have the same versions, costs and diagnostics
        for table in self._winning(_RUN_COLUMNS, run_ids):
            for name, values in columns.items():
                found = table[name].to_pylist()
                if name in JSON_COLUMNS:
                    read |= {text: json.loads(text) for text in set(found) - read.keys()}
                    found = [read[text] for text in found]
                values.extend(found)
        frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
        return frame.astype({"seed": "int64"})

    def curves(self, run_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return one row per metric value: run_id, task, split, metric (categorical), step, value."""
        import pandas as pd

        tables = [_long_curves(table) for table in self._winning(("run_id", "curves"), run_ids)]
        if not tables:
            texts = {name: pd.Categorical([]) for name in _CURVE_COLUMNS[:4]}
            numbers = {"step": pd.Series(dtype="int64"), "value": pd.Series(dtype="float64")}
            return pd.DataFrame({**texts, **numbers})
        return pa.concat_tables(tables).unify_dictionaries().to_pandas()

    def scores(self, run_ids: Iterable[str] | None = None) -> ScoreTable:
        """Return the scores of test cases; nothing of runs that were stored without."""
        return ScoreTable(
            table for table in self._winning(("run_id", SCORES), run_ids) if SCORES in table.column_names
        )

    def write_study(self, manifest: dict[str, Any]) -> Path:
        """Write a study's manifest under its `name`, in place of an earlier one of that name.

        Raises:
            StoreError: If the name holds more than letters, digits, `.`, `_`, `-`, or nothing can be written.
        """
        path = self._study_path(manifest["study"])
        moment = datetime.now(timezone.utc).isoformat()
        page = {"schema_version": _STUDY_SCHEMA_VERSION, "written_at": moment, "study": manifest}
        write_whole(path, lambda file: file.write(json.dumps(page, indent=1).encode()))
        return path

    def read_study(self, name: str | None = None) -> dict[str, Any]:
        """Return the manifest of the study `name`, or of the one written last.

        Raises:
            StoreError: If there is no such study (with near matches), or its file is damaged.
        """
        names = self.studies()
        if not names:
            what = "holds no study yet" if self.path.exists() else "does not exist"
            raise StoreError(
                f"store `{self.path}` {what}; train one first, for example with "
                f"`mtlrun sweep experiment=quickstart store={self.path}`"
            )
        if name is None:
            return max((self._study_page(known) for known in names), key=lambda page: page["written_at"])[
                "study"
            ]
        if name not in names:
            raise StoreError(str(Fault("study", f"must be a study of the store `{self.path}`", name, names)))
        return self._study_page(name)["study"]

    def studies(self) -> list[str]:
        """Return the names of the stored studies, sorted."""
        stems = (path.stem for path in list_files(self._studies, ".json"))
        return [stem for stem in stems if is_study_name(stem)]

    def check_writable(self) -> None:
        """Raise StoreError, naming path and rule, if this store could not be written; creates nothing."""
        for path in (self.path, self._studies):
            _check_folder(path)
        if self.path.is_dir() and not _is_store(self.path):
            raise StoreError(
                f"`{self.path}` is not a store: a store is a new or empty folder, or one with segments "
                "(`*.parquet`) or `studies`; choose another `store`"
            )

    def _study_path(self, name: Any) -> Path:
        if not is_study_name(name):
            raise StoreError(str(Fault("study", STUDY_RULE, name)))
        return self._studies / f"{name}.json"

    def _study_page(self, name: str) -> dict[str, Any]:
        path = self._study_path(name)
        try:
            page = json.loads(path.read_bytes())
            version = page["schema_version"]
            if version == _STUDY_SCHEMA_VERSION and isinstance(page["study"], dict) and page["written_at"]:
                return page
            reason = f"it has schema version {version}, this mtlrun reads {_STUDY_SCHEMA_VERSION}"
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"it is damaged: {error}"
        raise StoreError(
            f"study file `{path}` cannot be read: {reason}\nThe stored runs are untouched. "
            "Move this file away and repeat the study's command, which trains no stored run again."
        )

    def _places(self) -> dict[str, _Place]:
        """Where the record that counts stands, by run id, in the order of storing."""
        places: dict[str, _Place] = {}
        for segment in list_files(self.path, ".parquet"):
            if segment not in self._scanned:  # a segment never changes
                table = read_segment(segment, ("run_id", "status"))
                columns = (table[name].to_pylist() for name in ("run_id", "status"))
                self._scanned[segment] = list(zip(*columns, strict=True))
            for row, (run_id, status) in enumerate(self._scanned[segment]):
                held = places.get(run_id)
                if held is None or held.status == "failed":
                    places[run_id] = _Place(segment, row, status)
        return places

    def _winning(self, columns: Sequence[str], run_ids: Iterable[str] | None) -> Iterable[pa.Table]:
        """Read `columns` of the records that count, one table per segment."""
        wanted = None if run_ids is None else set(run_ids)
        rows: dict[Path, list[int]] = {}
        for run_id, place in self._places().items():
            if wanted is None or run_id in wanted:
                rows.setdefault(place.segment, []).append(place.row)
        for segment in sorted(rows):
            table = read_segment(segment, columns)
            yield table if len(table) == len(rows[segment]) else table.take(sorted(rows[segment]))


def _stamp(moment: datetime) -> str:
    """Return a moment, in UTC, as the names of segments begin with it."""
    return moment.strftime("%Y%m%dT%H%M%S.%f")


def is_study_name(name: Any) -> bool:
    """Return whether a study may have this name: one that is a file's name on every system."""
    return isinstance(name, str) and _STUDY_NAME.fullmatch(name) is not None


def _long_curves(table: pa.Table) -> pa.Table:
    """Turn (run_id, curves list) rows into one row per value, text columns dictionary-encoded."""
    lists = table["curves"].combine_chunks()
    runs = pc.list_parent_indices(lists).cast(pa.int32())
    run_ids = pa.DictionaryArray.from_arrays(runs, table["run_id"].combine_chunks())
    values = lists.flatten()
    texts = [values.field(name).dictionary_encode() for name in _CURVE_COLUMNS[1:4]]
    return pa.table(
        [run_ids, *texts, values.field("step"), values.field("value")], names=list(_CURVE_COLUMNS)
    )


def _check_folder(folder: Path) -> None:
    """Raise StoreError unless files can be made in `folder`, or in the nearest folder that is there."""
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise StoreError(
            f"store folder `{folder}` cannot be written: `{nearest}` must be a folder, and is a file"
        )
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise StoreError(
            f"store folder `{folder}` cannot be written: no file can be made in `{nearest}`: {error.strerror}"
        ) from error


def _is_store(folder: Path) -> bool:
    visible = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return not visible or any(
        path.suffix == ".parquet" or path.name in ("studies", ARRAYS) for path in visible
    )
