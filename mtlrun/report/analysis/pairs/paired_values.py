"""What the runs of a study measured, as matrices over seeds and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtlrun.errors import DataError
from mtlrun.report.analysis.pairs.checkpoint_selection import select
from mtlrun.report.analysis.pairs.layout import SELECTION, Layout
from mtlrun.statistics.paired_tests.student import Array

if TYPE_CHECKING:
    import pandas as pd

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """Values of a study. S is all its seeds, sorted; U its units. NaN where a run gave no finite value.

    Attributes:
        pairs: `Layout.pairs` with `status`, `stl_status` (`missing` where there is no such run), `mtl`, `stl` (test
            values), `step`, `stl_step` (where they were read), `val`, `stl_val` (validation values there), `d`
            (oriented difference, positive is better).
        seeds: (S,)
        mtl, stl, d: (S, U) in each unit's metric; d is NaN unless both sides are there.
        mtl_diverged: (S, U) whether the multi-task run diverged, or its value is not finite.
        diverged: (S, U) the same of either side.
    """

    pairs: pd.DataFrame
    seeds: NDArray[np.int64]
    mtl: Array
    stl: Array
    d: Array
    mtl_diverged: Flags
    diverged: Flags


def measure(layout: Layout, runs: pd.DataFrame, curves: pd.DataFrame) -> Measured:
    """Read each pair's values at the selected steps.

    Raises:
        DataError: a finished run lacks the values of its task's primary metric.
        ConfigError: an unknown way to select.
    """
    pairs = layout.pairs.copy()
    unit = pairs["unit"].to_numpy()
    about = layout.units[["task", "metric", "sign", *SELECTION]].iloc[unit].reset_index(drop=True)
    status = runs.set_index("run_id")["status"]
    last = about["select"] == "last"
    alone = about.assign(select=np.where(last, "last", "per_task"), after=0)  # a baseline has one phase
    for prefix, wanted in (("", about), ("stl_", alone)):
        wanted = wanted.assign(run_id=pairs[prefix + "run_id"])
        found = wanted["run_id"].map(status).astype(object)
        pairs[prefix + "status"] = found.where(found.notna(), "missing")
        chosen = _chosen(wanted, curves)
        _check_complete(wanted, pairs[prefix + "status"], chosen)
        finished = (pairs[prefix + "status"] == "finished") & np.isfinite(chosen["value"])
        pairs[prefix + "step"] = chosen["step"].where(finished).astype("Int64")
        pairs["stl" if prefix else "mtl"] = chosen["value"].where(finished)
        pairs[prefix + "val"] = chosen["val"].where(finished)
    pairs["d"] = about["sign"] * (pairs["mtl"] - pairs["stl"])
    return _matrices(pairs, len(layout.units))


def _chosen(wanted: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Select once per series, and spread the result over the pairs that share it."""
    series = ["run_id", "task", "metric", *SELECTION]
    number = wanted.groupby(series, sort=False).ngroup().to_numpy()
    distinct = wanted.drop_duplicates(series).reset_index(drop=True)
    return select(distinct, curves).iloc[number].reset_index(drop=True)


def _check_complete(wanted: pd.DataFrame, status: pd.Series, chosen: pd.DataFrame) -> None:
    lacking = wanted[(status == "finished") & chosen["step"].isna()]
    if len(lacking):
        first = lacking.iloc[0]
        raise DataError(
            f"{len(lacking)} finished runs lack values: the first is run {first.run_id}, which has no `val` and "
            f"`test` values of metric `{first.metric}` for task `{first.task}`"
        )


def _matrices(pairs: pd.DataFrame, units: int) -> Measured:
    seeds, row = np.unique(pairs["seed"].to_numpy(dtype=np.int64), return_inverse=True)
    column = pairs["unit"].to_numpy(dtype=np.int64)

    def spread(values: pd.Series, empty: float | bool) -> NDArray:
        matrix = np.full((len(seeds), units), empty)
        matrix[row, column] = values
        return matrix

    gone = {
        name: (pairs[status] == "diverged") | ((pairs[status] == "finished") & pairs[name].isna())
        for name, status in (("mtl", "status"), ("stl", "stl_status"))
    }
    values = {name: spread(pairs[name], np.nan) for name in ("mtl", "stl", "d")}
    mtl_diverged = spread(gone["mtl"], False)
    return Measured(
        pairs, seeds, **values, mtl_diverged=mtl_diverged, diverged=mtl_diverged | spread(gone["stl"], False)
    )
