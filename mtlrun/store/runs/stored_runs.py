"""Runs and curves as they are read: the tables of segments as frames."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mtlrun.store.runs.record_schema import read_json
from mtlrun.store.runs.recorded_types import COLUMNS as OWN
from mtlrun.store.runs.recorded_types import read_recorded
from mtlrun.store.runs.records import JSON_COLUMNS
from mtlrun.store.segments import Joined, unreadable

if TYPE_CHECKING:
    import pandas as pd

RUN_COLUMNS = ("run_id", "seed", "status", "error", "device", *JSON_COLUMNS)
REPORT_COLUMNS = tuple(name for name in RUN_COLUMNS if name not in ("error", "config"))
"""What a report reads of a run: its config takes more memory than all the rest."""

_CURVE_COLUMNS = ("run_id", "task", "split", "metric", "step", "value")


class RunRows:
    """Runs, read from one segment after another.

    Args:
        columns: of `RUN_COLUMNS`, `run_id` among them.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._parsed: dict[str, dict[str, Any]] = {
            name: {} for name in JSON_COLUMNS if name not in OWN
        }  # many runs have the same

    def of(self, rows: Joined) -> list[list[Any]]:
        """Return the values of some runs, column by column.

        Raises:
            StoreError: a value is not what its column holds.
        """
        return [self._values(rows, name) for name in self._columns]

    def frame(self, parts: Sequence[list[list[Any]]]) -> pd.DataFrame:
        """Return one row per run, of what was read of all segments."""
        import pandas as pd

        found = {name: [v for part in parts for v in part[place]] for place, name in enumerate(self._columns)}
        frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in found.items()})
        return frame.astype({"seed": "int64"}) if "seed" in found else frame

    def _values(self, rows: Joined, column: str) -> list[Any]:
        """Return the values of a column, texts of JSON as objects."""
        values = rows.table[column].to_pylist()
        if column not in JSON_COLUMNS:
            return values
        found = []
        for row, content in enumerate(values):
            try:
                found.append(self._object(column, content))
            except ValueError as error:
                run_id = rows.table["run_id"][row].as_py()
                raise unreadable(rows.segment_of(row).path, f"run `{run_id}`: {error}") from error
        return found

    def _object(self, column: str, content: str) -> Mapping[str, Any]:
        """Return what a text of JSON says.

        Raises:
            ValueError: it is not what the column holds; says what.
        """
        if column in OWN:
            return read_recorded(column, content)
        known = self._parsed[column]
        if content not in known:
            known[content] = read_json(column, content)
        return known[content]


class Curves:
    """Metric values of runs, one row each: run_id, task, split, metric, step, value.

    Args:
        judged: at least those of the metrics by which tasks are judged.
        read: returns all of them; without it they are those.
    """

    def __init__(self, judged: pd.DataFrame, read: Callable[[], pd.DataFrame] | None = None) -> None:
        self.judged, self._read = judged, read
        self._whole: pd.DataFrame | None = None if read else judged

    def whole(self) -> pd.DataFrame:
        """Return all values, read at the first time."""
        if self._whole is None and self._read is not None:
            self._whole = self._read()
        assert self._whole is not None
        return self._whole


def curve_frame(tables: Sequence[pa.Table]) -> pd.DataFrame:
    """Return one row per metric value of what `long_curves` made of several segments; texts are categorical."""
    import pandas as pd

    if not tables:
        texts = {name: pd.Categorical([]) for name in _CURVE_COLUMNS[:4]}
        numbers = {"step": pd.Series(dtype="int64"), "value": pd.Series(dtype="float64")}
        return pd.DataFrame({**texts, **numbers})
    return pa.concat_tables(tables).unify_dictionaries().to_pandas(split_blocks=True, self_destruct=True)


def long_curves(table: pa.Table, metrics: Collection[str] | None = None) -> pa.Table:
    """Turn (run_id, curves list) rows into one row per value, text columns dictionary-encoded.

    Args:
        table: of segments.
        metrics: only values of these; all where None.
    """
    lists = table["curves"].combine_chunks()
    runs, values = pc.list_parent_indices(lists).cast(pa.int32()), lists.flatten()
    columns = [runs, *(values.field(name) for name in _CURVE_COLUMNS[1:])]
    if metrics is not None:
        is_read = pc.is_in(columns[3], pa.array(sorted(metrics), pa.string()))
        columns = [column.filter(is_read) for column in columns]
    run_ids = pa.DictionaryArray.from_arrays(columns[0], table["run_id"].combine_chunks())
    texts = [column.dictionary_encode() for column in columns[1:4]]
    return pa.table([run_ids, *texts, *columns[4:]], names=list(_CURVE_COLUMNS))
