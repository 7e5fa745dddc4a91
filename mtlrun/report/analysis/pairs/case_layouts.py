"""Differences by test case: the stored scores of the runs of a study, put beside each other seed by seed.

Shape letters: S seeds of the study, U units (rows), n seeds with both sides, M test cases of a task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.analysis.pairs.paired_values import Measured
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.store.runs.scores import ScoreTable

if TYPE_CHECKING:
    import pandas as pd

_ROOM = 2**28  # bytes of scores that are kept in memory
_HALF = 2.0**-10
"""Relative distance up to which two stored scores may have been the same before they were rounded."""


class _Cache(dict[tuple[Any, ...], "Array | None"]):
    """Scores of runs that several tables need, baselines above all; old ones make room for new ones."""

    _room = _ROOM

    def keep(self, key: tuple[Any, ...], scores: Array | None) -> None:
        """Keep the scores of some runs, read-only."""
        if scores is not None:
            scores.setflags(write=False)
            self._room -= scores.nbytes
        while self._room < 0 and self:
            old = self.pop(next(iter(self)))
            self._room += 0 if old is None else old.nbytes
        self[key] = scores


@dataclass(frozen=True)
class CaseLayouts:
    """The scores of the units of a study.

    Attributes:
        scores: as stored.
        tasks: (U,) names.
        run_ids: by side, `mtl` or `stl`, (S, U) of objects; None where there is no run.
        steps: by side, (S, U) at which each unit is read; NaN where it is not.
        values: by side, (S, U) of the metric there.
        places: by side, (S, U) positions in the scores.
    """

    scores: ScoreTable
    tasks: Sequence[str]
    run_ids: Mapping[str, NDArray[Any]]
    steps: Mapping[str, Array]
    values: Mapping[str, Array]
    places: Mapping[str, NDArray[np.int64]] = field(init=False)
    _found: _Cache = field(default_factory=lambda: _Cache())

    def __post_init__(self) -> None:
        found = {}
        for side, steps in self.steps.items():
            tasks = list(self.tasks) * len(steps)
            places = self.scores.find(self.run_ids[side].ravel().tolist(), tasks, steps.ravel())
            found[side] = places.reshape(steps.shape)
        object.__setattr__(self, "places", found)

    @classmethod
    def of(cls, units: pd.DataFrame, measured: Measured, scores: ScoreTable) -> CaseLayouts:
        """Return those of a layout's units as they were measured."""
        pairs = measured.pairs
        row = np.searchsorted(measured.seeds, pairs["seed"].to_numpy())
        column = pairs["unit"].to_numpy(dtype=np.int64)
        run_ids, steps = {}, {}
        for side, prefix in (("mtl", ""), ("stl", "stl_")):
            run_ids[side] = np.full(measured.mtl.shape, None, dtype=object)
            run_ids[side][row, column] = pairs[prefix + "run_id"].to_numpy(dtype=object)
            steps[side] = np.full(measured.mtl.shape, np.nan)
            steps[side][row, column] = pairs[prefix + "step"].to_numpy(dtype=float, na_value=np.nan)
        values = {"mtl": measured.mtl, "stl": measured.stl}
        return cls(scores, units["task"].tolist(), run_ids, steps, values)

    def side(self, side: str, unit: int, seeds: NDArray[np.bool_]) -> Array | None:
        """Return the scores (n, M) of one side of a unit for some seeds (S,); None where any lacks them.

        The mean of a row, NaN left out, is the metric's value in that run.
        """
        if not len(self.scores) or not seeds.any():
            return None
        places, values = self.places[side][seeds, unit], self.values[side][seeds, unit]
        key = (places.tobytes(), values.tobytes())
        if key not in self._found:
            self._found.keep(key, _moved(self.scores.rows(places), values))
        return self._found.get(key)

    def difference(
        self, one: tuple[str, int], other: tuple[str, int], sign: float, seeds: NDArray[np.bool_]
    ) -> list[Array]:
        """Return the layout of `sign (one - other)`, each a side and a unit, in a list; an empty one if unknown."""
        first, second = self.side(*one, seeds), self.side(*other, seeds)
        if first is None or second is None or first.shape != second.shape:
            return []
        found = sign * (first - second)
        known = ~np.isnan(found).any(axis=0)
        return [found if known.all() else found[:, known]]

    def blocks_of(self, unit: int) -> float:
        """Return how many test cases stand behind one score of a unit: 1, or more where scores are of blocks."""
        places = self.places["mtl"][:, unit]
        known = places[places >= 0][:1]
        scores = self.scores.rows(known)
        if scores is None:
            return 1.0
        return int(self.scores.cases_of(known)[0]) / max(int((~np.isnan(scores)).sum()), 1)

    def equal(self, one: tuple[str, int], other: tuple[str, int], seeds: NDArray[np.bool_]) -> bool:
        """Return whether two sides have the same score in every case of every seed, as far as was stored.

        True where neither has scores by case, as of metrics that are exact for the population.
        """
        first, second = self.side(*one, seeds), self.side(*other, seeds)
        if first is None or second is None:
            return first is None and second is None
        if first.shape != second.shape:
            return False
        size = np.maximum(np.abs(first), np.abs(second))
        # what is rounded moves the mean, and with it every score, also one of nearly 0
        moved = np.nanmean(size, axis=1, keepdims=True)
        return bool((np.abs(first - second) <= _HALF * (2 * size + moved) + 1e-300)[~np.isnan(first)].all())


def stacked(
    scores: ScoreTable, run_ids: Sequence[str], task: str, steps: Sequence[float], values: Array
) -> Array | None:
    """Return the scores (n, M) of a task in some runs at given steps; None where any lacks them or lengths differ.

    They are moved so that the mean of a row, NaN left out, is its value (n,): what was stored is rounded, and the
    mean of pseudo-values is not quite the metric.
    """
    places = scores.find(run_ids, [task] * len(run_ids), np.asarray(steps, dtype=float))
    return _moved(scores.rows(places), values)


def _moved(rows: Array | None, values: Array) -> Array | None:
    """Return scores (n, M) moved so that the mean of each row is its value (n,), see `stacked`."""
    if rows is None:
        return None
    known = ~np.isnan(rows)
    if known.all():
        return rows + (values - rows.mean(axis=1))[:, None]
    if not known.any(axis=1).all():
        return None
    mean = np.where(known, rows, 0.0).sum(axis=1) / known.sum(axis=1)
    return rows + (values - mean)[:, None]


def filled(layout: Array) -> Array:
    """Return a layout (n, M) without NaN and with the same row means: cases without a label have no part in them."""
    known = ~np.isnan(layout)
    if known.all():
        return layout
    mean = np.where(known, layout, 0.0).sum(axis=1, keepdims=True) / known.sum(axis=1, keepdims=True)
    share = layout.shape[1] / known.sum(axis=1, keepdims=True)
    return mean + np.where(known, layout - mean, 0.0) * share
