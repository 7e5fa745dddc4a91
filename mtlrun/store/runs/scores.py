"""Scores of test cases as they are read: found by run, task and step, made into numbers where they are asked for.

Shape letters: E evaluations of a task in a run that have scores, N places that are asked for, M test cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Place = tuple[str, str, int]
"""Run id, task and step."""

NOWHERE = -1
"""The position of what has no scores."""

_Integers = NDArray[np.int64]


class ScoreTable:
    """The stored scores of some runs: (E,) columns in the order of a key, and all scores behind each other.

    Args:
        tables: of segments, with `run_id` and `scores`.
    """

    def __init__(self, tables: Iterable[pa.Table] = ()) -> None:
        self._runs: dict[str, int] = {}
        self._tasks: dict[str, int] = {}
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._values: NDArray[np.float16] | None = None
        for table in tables:
            self.add(table)

    def add(self, table: pa.Table) -> None:
        """Add the scores of the runs of a segment, before any are asked for."""
        part = self._read(table)
        if part is not None:
            self._parts.append(part)

    def __len__(self) -> int:
        """Return how many there are."""
        self._seal()
        return len(self._keys)

    def _seal(self) -> None:
        """Put the parts together, once, and free each as its scores are copied."""
        if self._values is not None:
            return
        run, task, step, cases, length = (_joined([part[k] for part in self._parts]) for k in range(5))
        scale = np.concatenate([part[5] for part in self._parts]) if self._parts else np.empty(0)
        values, begin = np.empty(int(length.sum()), np.float16), 0
        while self._parts:
            own = self._parts.pop(0)[6]
            values[begin : begin + len(own)] = own
            begin += len(own)
        self._values = values
        self._steps = np.unique(step)
        key = self._key(run, task, np.searchsorted(self._steps, step))
        order = np.argsort(key, kind="stable")
        self._keys, self._cases, self._scale = key[order], cases[order], scale[order]
        self._length, self._begin = length[order], (np.cumsum(length) - length)[order]

    def find(
        self, run_ids: Sequence[str | None], task: Sequence[str], steps: NDArray[np.float64]
    ) -> _Integers:
        """Return the positions (N,) of the scores of some runs' tasks at some steps, `NOWHERE` where there are none.

        Args:
            run_ids: (N,) None where there is no run.
            task: (N,) names.
            steps: (N,) NaN where there is none.
        """
        count = len(steps)
        if not len(self):
            return np.full(count, NOWHERE)
        run = np.fromiter((self._runs.get(one, -1) for one in run_ids), np.int64, count)  # type: ignore[arg-type]
        own = np.fromiter((self._tasks.get(one, -1) for one in task), np.int64, count)
        known = (run >= 0) & (own >= 0) & ~np.isnan(steps)
        step = np.where(known, steps, 0).astype(np.int64)
        place = np.minimum(np.searchsorted(self._steps, step), len(self._steps) - 1)
        known &= self._steps[place] == step
        key = self._key(run, own, place)
        # of a run that is there twice the last counts
        at = np.maximum(np.searchsorted(self._keys, key, side="right") - 1, 0)
        return np.where(known & (self._keys[at] == key), at, NOWHERE)

    def rows(self, places: _Integers) -> NDArray[np.float64] | None:
        """Return the scores (N, M) at some positions; None where any has none, or their lengths differ."""
        if not len(places) or (places < 0).any():
            return None
        lengths = self._length[places]
        if (lengths != lengths[0]).any():
            return None
        assert self._values is not None
        found = self._values[self._begin[places][:, None] + np.arange(lengths[0])]
        return found.astype(np.float64) * self._scale[places][:, None]

    def cases_of(self, places: _Integers) -> _Integers:
        """Return how many test cases there are (N,), more than scores where these are of blocks."""
        return self._cases[places]

    def get(self, run_id: str, task: str, step: int) -> NDArray[np.float64] | None:
        """Return the scores (M,) of a run's task at a step, float64; None where there are none."""
        found = self.rows(self.find([run_id], [task], np.array([step], dtype=float)))
        return None if found is None else found[0]

    def cases(self, run_id: str, task: str, step: int) -> int:
        """Return how many test cases there are, more than scores where these are of blocks; 0 without scores."""
        place = int(self.find([run_id], [task], np.array([step], dtype=float))[0])
        return 0 if place < 0 else int(self._cases[place])

    def _key(self, run: _Integers, task: _Integers, step: _Integers) -> _Integers:
        return (run * max(len(self._tasks), 1) + task) * max(len(self._steps), 1) + step

    def _read(self, table: pa.Table) -> tuple[NDArray[Any], ...] | None:
        """Return run, task, step, cases, number of scores and scale of each entry of a table, and all scores."""
        lists = table["scores"].combine_chunks()
        entries = lists.flatten()
        if not len(entries):
            return None
        runs = [self._runs.setdefault(run_id, len(self._runs)) for run_id in table["run_id"].to_pylist()]
        names = entries.field("task").dictionary_encode()
        tasks = [self._tasks.setdefault(name, len(self._tasks)) for name in names.dictionary.to_pylist()]
        values = entries.field("values")
        return (
            np.array(runs, np.int32)[_numbers(pc.list_parent_indices(lists))],
            np.array(tasks, np.int32)[_numbers(names.indices)],
            _numbers(entries.field("step")).copy(),  # a view would keep the whole table
            _numbers(entries.field("cases")).copy(),
            _numbers(values.value_lengths()),
            _numbers(entries.field("scale")).copy(),
            _numbers(values.flatten()),
        )


def _numbers(column: pa.Array) -> NDArray[Any]:
    return column.to_numpy(zero_copy_only=False)


def _joined(parts: list[NDArray[Any]]) -> _Integers:
    return np.concatenate(parts).astype(np.int64, copy=False) if parts else np.empty(0, np.int64)
