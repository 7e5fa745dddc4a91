"""Scores of test cases as they are read: found by run, task and step, made into numbers where they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Place = tuple[str, str, int]
"""Run id, task and step."""


class ScoreTable:
    """The stored scores of some runs.

    Args:
        tables: of segments, with `run_id` and `scores`.
    """

    def __init__(self, tables: Iterable[pa.Table] = ()) -> None:
        self._places: dict[Place, tuple[NDArray[np.float16], float, int]] = {}
        for table in tables:
            self._add(table)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places)

    def get(self, run_id: str, task: str, step: int) -> NDArray[np.float64] | None:
        """Return the scores (M,) of a run's task at a step, float64; None where there are none."""
        found = self._places.get((run_id, task, step))
        return None if found is None else found[0].astype(np.float64) * found[1]

    def cases(self, run_id: str, task: str, step: int) -> int:
        """Return how many test cases there are, more than scores where these are of blocks; 0 without scores."""
        found = self._places.get((run_id, task, step))
        return 0 if found is None else found[2]

    def _add(self, table: pa.Table) -> None:
        lists = table["scores"].combine_chunks()
        runs = table["run_id"].to_pylist()
        owners = _plain(pc.list_parent_indices(lists))
        entries = lists.flatten()
        values = entries.field("values")
        flat = values.flatten().to_numpy(zero_copy_only=False)
        ends = np.cumsum(values.value_lengths().to_numpy(zero_copy_only=False))
        tasks, steps, scales, cases = (
            _plain(entries.field(name)) for name in ("task", "step", "scale", "cases")
        )
        keys = zip(owners, tasks, steps, strict=True)
        about = zip(scales, cases, strict=True)
        begin = 0
        for (owner, task, step), (scale, count), end in zip(keys, about, ends.tolist(), strict=True):
            self._places[runs[owner], task, step] = (flat[begin:end], scale, count)
            begin = end


def _plain(column: pa.Array) -> list[Any]:
    """Return a column as a list of Python's numbers and texts, faster than `to_pylist`."""
    return column.to_numpy(zero_copy_only=False).tolist()
