"""Rows in which nothing was shared, so that both sides are the same network trained the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.analysis.pairs.case_layouts import CaseLayouts
from mtlrun.report.analysis.pairs.paired_values import Measured
from mtlrun.statistics.judge import ZERO
from mtlrun.store.runs.stored_runs import Curves

if TYPE_CHECKING:
    import pandas as pd

_METRICS = 1e-4
"""Relative distance up to which other metrics count as equal: round-off that training has amplified."""

Side = tuple[str, int]


def same_rows(
    units: pd.DataFrame, measured: Measured, cases: CaseLayouts, curves: Curves
) -> NDArray[np.bool_]:
    """Return the rows (U,) whose multi-task and single-task sides are the same, see `same_sides`."""
    pairs: list[tuple[Side, Side]] = [(("mtl", unit), ("stl", unit)) for unit in range(len(units))]
    return same_sides(pairs, measured.d, np.abs(measured.stl), cases, curves)


def same_sides(
    pairs: list[tuple[Side, Side]], d: NDArray, size: NDArray, cases: CaseLayouts, curves: Curves
) -> NDArray[np.bool_]:
    """Return which pairs of sides (U,) are the same in all that was measured, in every seed.

    Equal means over a test set are no sign of that: two networks may get as many examples right, or the same ones.
    So all of it has to agree at the steps that are read: the primary metric, the score of every test case, and every
    metric on training, validation and test rows, the losses among them.

    Args:
        pairs: of a side (`mtl` or `stl`) and a unit each.
        d: (S, U) differences of the primary metric; NaN where a seed has none.
        size: (S, U) of the metric, for round-off.
        cases: scores of test cases.
        curves: all metric values.
    """
    known = ~np.isnan(d)
    close = np.where(known, np.abs(d) <= ZERO * size, True).all(axis=0) & known.any(axis=0)
    found = np.zeros(len(pairs), dtype=bool)
    values = _Values(curves.whole()) if close.any() else None
    for unit in np.flatnonzero(close):
        one, other = pairs[unit]
        seeds = known[:, unit]
        if values is not None and cases.equal(one, other, seeds):
            found[unit] = values.equal(*(values.of(side, seeds, cases) for side in (one, other)))
    return found


class _Values:
    """Metric values, found by run: one pass over all of them serves every pair of sides."""

    def __init__(self, curves: pd.DataFrame) -> None:
        self._task, self._split, self._metric, run = (
            curves[name].astype("category") for name in ("task", "split", "metric", "run_id")
        )
        self._step, self._value = curves["step"].to_numpy(), curves["value"].to_numpy()
        codes = run.cat.codes.to_numpy()
        self._order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(run.cat.categories)))
        self._ends = dict(zip(run.cat.categories, ends.tolist(), strict=True))
        self._begins = dict(zip(run.cat.categories, [0, *ends[:-1].tolist()], strict=True))

    def of(self, side: Side, seeds: NDArray[np.bool_], cases: CaseLayouts) -> tuple[NDArray, NDArray]:
        """Return keys (3, N), seed, split and metric, and values (N,) of a side's task at the steps that are read."""
        name, unit = side
        runs = [self._rows(run_id) for run_id in cases.run_ids[name][seeds, unit]]
        lengths = [len(rows) for rows in runs]
        rows, seed = np.concatenate(runs), np.repeat(np.flatnonzero(seeds), lengths)
        step = np.repeat(cases.steps[name][seeds, unit].astype(np.int64), lengths)
        task = list(self._task.cat.categories).index(cases.tasks[unit])
        read = (self._step[rows] == step) & (self._task.cat.codes.to_numpy()[rows] == task)
        rows, seed = rows[read], seed[read]
        keys = np.stack([seed, *(one.cat.codes.to_numpy()[rows] for one in (self._split, self._metric))])
        order = np.lexsort(keys[::-1])
        return keys[:, order], self._value[rows][order]

    @staticmethod
    def equal(one: tuple[NDArray, NDArray], other: tuple[NDArray, NDArray]) -> bool:
        """Return whether keys are the same and values are, up to round-off that training has amplified."""
        if not np.array_equal(one[0], other[0]):
            return False
        return bool(np.isclose(one[1], other[1], rtol=_METRICS, atol=1e-300, equal_nan=True).all())

    def _rows(self, run_id: str) -> NDArray[np.intp]:
        if run_id not in self._ends:
            return self._order[:0]
        return self._order[self._begins[run_id] : self._ends[run_id]]
