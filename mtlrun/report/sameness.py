"""Rows in which nothing was shared, so that both sides are the same network trained the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.case_layouts import CaseLayouts
from mtlrun.report.measured import Measured
from mtlrun.statistics.judge import ZERO

if TYPE_CHECKING:
    import pandas as pd

_METRICS = 1e-4
"""Relative distance up to which other metrics count as equal: round-off that training has amplified."""

Side = tuple[str, int]


def same_rows(
    units: pd.DataFrame, measured: Measured, cases: CaseLayouts, curves: pd.DataFrame
) -> NDArray[np.bool_]:
    """Return the rows (U,) whose multi-task and single-task sides are the same, see `same_sides`."""
    pairs: list[tuple[Side, Side]] = [(("mtl", unit), ("stl", unit)) for unit in range(len(units))]
    return same_sides(pairs, measured.d, np.abs(measured.stl), cases, curves)


def same_sides(
    pairs: list[tuple[Side, Side]], d: NDArray, size: NDArray, cases: CaseLayouts, curves: pd.DataFrame
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
    for unit in np.flatnonzero(close):
        one, other = pairs[unit]
        seeds = known[:, unit]
        found[unit] = cases.equal(one, other, seeds) and _same_metrics(one, other, seeds, cases, curves)
    return found


def _same_metrics(
    one: Side, other: Side, seeds: NDArray[np.bool_], cases: CaseLayouts, curves: pd.DataFrame
) -> bool:
    first, second = (_metrics(side, seeds, cases, curves) for side in (one, other))
    if not first.index.equals(second.index):
        return False
    a, b = first.to_numpy(), second.to_numpy()
    return bool(np.isclose(a, b, rtol=_METRICS, atol=1e-300, equal_nan=True).all())


def _metrics(side: Side, seeds: NDArray[np.bool_], cases: CaseLayouts, curves: pd.DataFrame) -> pd.Series:
    """Return every metric of a side's task at the steps that are read, by seed, split and metric."""
    import pandas as pd

    name, unit = side
    read = pd.DataFrame(
        {
            "run_id": cases.run_ids[name][seeds, unit],
            "step": cases.steps[name][seeds, unit].astype(np.int64),
            "seed": np.flatnonzero(seeds),
        }
    )
    mine = curves[(curves["task"] == cases.tasks[unit]) & curves["run_id"].isin(set(read["run_id"]))]
    texts = mine.astype({"run_id": "str", "split": "str", "metric": "str"})
    found = read.merge(texts, on=["run_id", "step"])
    return found.set_index(["seed", "split", "metric"])["value"].sort_index()
