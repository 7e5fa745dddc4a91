"""Metrics over training: of every multi-task run of a report, and of its baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.report.analysis.pairs.layout import LABELS
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.training.phases import with_phases

if TYPE_CHECKING:
    import pandas as pd


def curve_table(summary: Summary) -> pd.DataFrame:
    """Return one row per metric value, of the multi-task run (`side` is `mtl`) and of its baseline (`stl`).

    `phase` is the number of the schedule's phase that the step is of, and `trained` says whether that phase trains
    the task.
    """
    import pandas as pd

    about = [*LABELS, "hyper", "cell_id", "task", "seed"]
    texts = dict.fromkeys(("run_id", "task", "split", "metric"), "str")
    curves = summary.curves.astype(texts)
    sides = []
    for side, column in (("mtl", "run_id"), ("stl", "stl_run_id")):
        keys = summary.pairs[[*about, column]].rename(columns={column: "run_id"}).assign(side=side)
        sides.append(keys.merge(curves, on=["run_id", "task"]))
    joined = with_phases(pd.concat(sides, ignore_index=True), summary.phases)
    return joined[[*about, "side", "run_id", "split", "metric", "step", "value", "phase", "trained"]]
