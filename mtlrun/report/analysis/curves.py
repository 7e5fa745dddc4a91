"""Metrics over training: of every multi-task run of a report, and of its baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtlrun.report.analysis.pairs.layout import LABELS
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.phases import with_phases

if TYPE_CHECKING:
    import pandas as pd

SIDES = {"mtl": "run_id", "stl": "stl_run_id"}
"""By side the column of `Summary.pairs` that names its run."""


def curve_table(summary: Summary) -> pd.DataFrame:
    """Return one row per metric value, of the multi-task run (`side` is `mtl`) and of its baseline (`stl`).

    `phase` is the number of the schedule's phase that the step is of, and `trained` says whether that phase trains
    the task.
    """
    about = [*LABELS, "hyper", "cell_id", "task", "seed"]
    joined = with_phases(_of_sides(summary, summary.curves, about, ["run_id", "task"]), summary.phases)
    return joined[[*about, "side", "run_id", "split", "metric", "step", "value", "phase", "trained"]]


def primary_curves(summary: Summary, splits: Sequence[str]) -> pd.DataFrame:
    """Return the primary metric of each row over training, of both sides and of these parts of the data.

    One row per value: `suite`, `cell_id`, `task`, `metric`, `seed`, `side`, `split`, `step`, `value`.
    """
    about = ["suite", "cell_id", "task", "metric", "seed"]
    curves = summary.curves[summary.curves["split"].isin(splits)]
    found = _of_sides(summary, curves, about, ["run_id", "task", "metric"])
    return found[[*about, "side", "split", "step", "value"]]


def _of_sides(
    summary: Summary, curves: pd.DataFrame, about: Sequence[str], by: Sequence[str]
) -> pd.DataFrame:
    """Return the curves of both sides of all pairs, joined by columns."""
    import pandas as pd

    curves = curves.astype(dict.fromkeys(("run_id", "task", "split", "metric"), "str"))
    sides = []
    for side, column in SIDES.items():
        keys = summary.pairs[[*about, column]].rename(columns={column: "run_id"}).assign(side=side)
        sides.append(keys.merge(curves, on=list(by)))
    return pd.concat(sides, ignore_index=True)
