"""Values of cells as a front sees them: oriented, in percent of its single-task means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.cost import make_cost
from mtlrun.report.fronts import Member, Side
from mtlrun.report.layout import Layout, lay_out
from mtlrun.report.measured import Measured, measure
from mtlrun.report.rows import has_percent
from mtlrun.statistics.methods import Method, make_method
from mtlrun.statistics.settings import Statistics
from mtlrun.statistics.student import Array, moments
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
        settings: method, level and margin.
    """

    layout: Layout
    measured: Measured
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

    def method(self, front: Side) -> Method:
        """Return the study's test, as it is for a front's suite."""
        ratio = float(self.layout.units["ratio"].iloc[front.members[0].units[0]])
        return make_method(self.settings.method, ratio, stream(0, "report/frontier"))

    def _scale(self, front: Side, stl: Array) -> Array:
        """Return what makes oriented percent of a task's metric (T,): 100 sign / |mean of stl|."""
        at = front.members[0].units
        about = self.layout.units.iloc[at]
        _, mean, sd = moments(stl[:, at])
        percent = has_percent(about["natural_zero"].to_numpy(dtype=bool), mean, sd)
        return 100 * about["sign"].to_numpy() / np.where(percent, np.abs(mean), np.nan)

    def time(self, members: Sequence[Member]) -> float:
        """Return the seconds of one seed of all trials of some cells."""
        return sum(member.trials * self.wall_s[member.cell_id] for member in members)


def study_of(
    manifest: Mapping[str, Any], runs: pd.DataFrame, curves: pd.DataFrame, settings: Statistics
) -> FrontStudy:
    """Return what a study measured; arguments as of `mtlrun.report.summary.summarise`."""
    layout = lay_out(manifest, whole=True)
    measured = measure(layout, runs, curves)
    wall_s = make_cost(layout, runs).set_index("cell_id")["wall_s"].to_dict()
    val, stl_val = (_matrix(measured, name) for name in ("val", "stl_val"))
    return FrontStudy(layout, measured, val, stl_val, wall_s, settings)


def _matrix(measured: Measured, name: str) -> Array:
    """Return a column of the pairs as (S, U)."""
    found = np.full(measured.mtl.shape, np.nan)
    row = np.searchsorted(measured.seeds, measured.pairs["seed"].to_numpy())
    found[row, measured.pairs["unit"].to_numpy()] = measured.pairs[name]
    return found
