"""Values of cells as a front sees them: oriented, in percent of its single-task means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.analysis.pairs.case_layouts import CaseLayouts, filled
from mtlrun.report.analysis.pairs.layout import Layout, lay_out
from mtlrun.report.analysis.pairs.paired_values import Measured, measure
from mtlrun.report.analysis.pareto.points import Member, Side
from mtlrun.report.analysis.rows import has_percent, splits_of
from mtlrun.report.analysis.training.cost import make_cost
from mtlrun.statistics.evidence import Differences, tests_of
from mtlrun.statistics.frontier import TOLERANCE, Bounds
from mtlrun.statistics.paired_tests.student import Array, moments
from mtlrun.statistics.settings import Statistics
from mtlrun.store.runs.scores import ScoreTable
from mtlrun.streams import stream

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FrontStudy:
    """What a study measured, points of fronts and all.

    Attributes:
        layout: whole.
        measured: of the same.
        val: (S, U) validation values at the selected steps.
        stl_val: (S, U) of the baselines.
        wall_s: of one run, by cell id.
        cases: scores of test cases.
        settings: method, level and margin.
    """

    layout: Layout
    measured: Measured
    cases: CaseLayouts
    val: Array
    stl_val: Array
    wall_s: Mapping[str, float]
    settings: Statistics

    def gains(self, front: Side, members: Sequence[Member]) -> tuple[Array, Array]:
        """Return oriented values in percent of a front's single-task means, on validation and test: (S, M, T)
        each.

        NaN where a percentage of a task's metric has no meaning.
        """
        units = np.array([member.units for member in members])
        val, test = (self._scale(front, stl) for stl in (self.stl_val, self.measured.stl))
        return self.val[:, units] * val, self.measured.mtl[:, units] * test

    def alone(self, front: Side) -> Array:
        """Return the values (S, T) of a front's baselines on test, in the same unit."""
        stl = self.measured.stl
        return stl[:, front.members[0].units] * self._scale(front, stl)

    def case_gains(
        self, front: Side, members: Sequence[Member], seeds: NDArray[np.bool_]
    ) -> list[Array | None]:
        """Return the test values of `gains` by case for some seeds (S,): by task (n, M, cases), None if unknown."""
        scale = self._scale(front, self.measured.stl)
        return [self._of_task(members, task, scale[task], seeds) for task in range(len(scale))]

    def _of_task(
        self, members: Sequence[Member], task: int, scale: float, seeds: NDArray[np.bool_]
    ) -> Array | None:
        sides: list[Array] = []
        for member in members:
            found = self.cases.side("mtl", member.units[task], seeds)
            if found is None or (sides and found.shape != sides[0].shape):
                return None
            sides.append(scale * filled(found))
        return np.stack(sides, axis=1) if sides else None

    def gain_layouts(
        self, front: Side, members: Sequence[Member], seeds: NDArray[np.bool_]
    ) -> list[list[Array]]:
        """Return gains over the front's baselines by seed and case, for each member and task; empty lists if unknown.

        Args:
            front: whose baselines.
            members: cells.
            seeds: (S, members, T) that count.
        """
        scale = self._scale(front, self.measured.stl)
        alone = front.members[0].units
        return [
            self.cases.difference(("mtl", unit), ("stl", alone[task]), scale[task], seeds[:, number, task])
            for number, member in enumerate(members)
            for task, unit in enumerate(member.units)
        ]

    def bounds(self, front: Side, seeds: NDArray[np.bool_] | None = None) -> Bounds:
        """Return what gives intervals of columns of leads by the study's test, as it is for a front's suite.

        Leads of a setting over itself are 0 in every seed and case, and so are their bounds.

        Args:
            front: the front.
            seeds: (S,) those that the columns have; None for all.
        """
        unit = front.members[0].units[0]
        ratio = float(self.layout.units["ratio"].iloc[unit])
        split = splits_of(self.layout, self.measured)[unit]
        split = split if seeds is None else split[seeds]

        def of(d: Array, layouts: Sequence[Sequence[Array]], level: float) -> tuple[Array, Array]:
            columns = d.shape[1]
            found = Differences(
                d=d,
                size=np.full(columns, 100.0),
                layouts=layouts,
                ratio=np.full(columns, ratio),
                split=np.broadcast_to(split, d.T.shape),
            )
            low, high = tests_of(found, self.settings, stream(0, "report/frontier")).interval(level)
            nothing = (np.abs(np.nan_to_num(d)) <= TOLERANCE).all(axis=0) & np.array(
                [all(np.abs(layout).max(initial=0.0) <= TOLERANCE for layout in one) for one in layouts]
            )
            nothing &= ~np.isnan(d).all(axis=0)
            return np.where(nothing, 0.0, low), np.where(nothing, 0.0, high)

        return of

    def _scale(self, front: Side, stl: Array) -> Array:
        """Return what makes oriented percent of a task's metric (T,): 100 sign / |mean of stl|."""
        at = front.members[0].units
        about = self.layout.units.iloc[at]
        _, mean, sd = moments(stl[:, at])
        percent = has_percent(about["natural_zero"].to_numpy(dtype=bool), stl[:, at], mean, sd)
        return 100 * about["sign"].to_numpy() / np.where(percent, np.abs(mean), np.nan)

    def time(self, members: Sequence[Member]) -> float:
        """Return the seconds of one seed of all trials of some cells."""
        return sum(member.trials * self.wall_s[member.cell_id] for member in members)


def study_of(
    manifest: Mapping[str, Any],
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    scores: ScoreTable,
    settings: Statistics,
) -> FrontStudy:
    """Return what a study measured; arguments as of `mtlrun.report.analysis.summary.summarise`."""
    layout = lay_out(manifest, whole=True)
    measured = measure(layout, runs, curves)
    wall_s = make_cost(layout, runs).set_index("cell_id")["wall_s"].to_dict()
    val, stl_val = (_matrix(measured, name) for name in ("val", "stl_val"))
    cases = CaseLayouts.of(layout.units, measured, scores)
    return FrontStudy(layout, measured, cases, val, stl_val, wall_s, settings)


def _matrix(measured: Measured, name: str) -> Array:
    """Return a column of the pairs as (S, U)."""
    found = np.full(measured.mtl.shape, np.nan)
    row = np.searchsorted(measured.seeds, measured.pairs["seed"].to_numpy())
    found[row, measured.pairs["unit"].to_numpy()] = measured.pairs[name]
    return found
