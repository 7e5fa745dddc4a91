"""The overfitting gap: how much better a run is on its training data than on data that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.analysis.training.diagnostics import DIAGNOSTIC_COLUMNS
from mtlrun.statistics.paired_tests.student import Array

if TYPE_CHECKING:
    import pandas as pd

GAP_MTL, GAP_STL = "overfitting_gap", "stl_overfitting_gap"
PARTS = ("train", "val")
"""Of the data: the gap is between these. Validation, since test data are there to judge and for nothing else."""


def chosen_values(pairs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return the primary metric of each pair's runs on training and validation data, at the step that reports read.

    Args:
        pairs: one row per seed of each row: `task`, `metric`, `run_id`, `step`, `stl_run_id`, `stl_step`, others.
        curves: one row per metric value: run_id, task, split, metric, step, value.

    Returns:
        A frame with the index of `pairs`: `mtl_train`, `mtl_val`, `stl_train`, `stl_val`; NaN where there is none.
    """
    import pandas as pd

    known = curves[curves["split"].isin(PARTS)]
    values, split = known["value"].to_numpy(dtype=float), known["split"].to_numpy()
    named = [known[name].astype("category").cat for name in ("run_id", "task", "metric")]
    steps = np.unique(known["step"])
    keys = _keys([one.codes for one in named], named, steps, known["step"].to_numpy())
    found = {}
    for side, prefix in (("mtl", ""), ("stl", "stl_")):
        texts = (pairs[name].astype(str) for name in (f"{prefix}run_id", "task", "metric"))
        codes = [one.categories.get_indexer(text) for one, text in zip(named, texts, strict=True)]
        wanted = _keys(codes, named, steps, pairs[f"{prefix}step"].fillna(-1).to_numpy(dtype=np.int64))
        for part in PARTS:
            own = split == part
            found[f"{side}_{part}"] = _found(wanted, keys[own], values[own])
    return pd.DataFrame(found, index=pairs.index)


_Integers = NDArray[np.int64]


def _keys(codes: Sequence[Any], named: Sequence[Any], steps: _Integers, step: _Integers) -> _Integers:
    """Return one whole number for each run, task, metric and step, given as codes; -1 for what is not known."""
    key = np.zeros(len(step), np.int64)
    unknown = np.zeros(len(step), bool)
    for one, own in zip(named, codes, strict=True):
        key = key * len(one.categories) + np.asarray(own)
        unknown |= np.asarray(own) < 0
    place = np.searchsorted(steps, step)
    unknown |= np.append(steps, -2)[place] != step
    return np.where(unknown, -1, key * len(steps) + place)


def _found(wanted: _Integers, keys: _Integers, values: Array) -> Array:
    """Return the values of the wanted keys, NaN where there is none."""
    if not len(keys):
        return np.full(len(wanted), np.nan)
    order = np.argsort(keys)
    place = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    return np.where((keys[place] == wanted) & (wanted >= 0), values[place], np.nan)


def overfitting_gaps(pairs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return the oriented gap of each pair's runs at the step that reports read: training less validation.

    Positive is better on training data, whatever the metric's direction, in its unit. Baselines that several cells
    share are there once for each.

    Args:
        pairs: as of `chosen_values`, with `direction`.
        curves: likewise.

    Returns:
        A frame with the index of `pairs`: `GAP_MTL` and `GAP_STL`; NaN where a run did not finish, or has no values.
    """
    import pandas as pd

    values = chosen_values(pairs, curves)
    sign = np.where(pairs["direction"] == "higher", 1.0, -1.0)
    gaps = {
        name: sign * (values[f"{side}_train"] - values[f"{side}_val"])
        for name, side in ((GAP_MTL, "mtl"), (GAP_STL, "stl"))
    }
    return pd.DataFrame(gaps, index=pairs.index)


def make_gaps(pairs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return the gap of both sides of each pair, at the step of its run that reports read, as rows of diagnostics.

    Args:
        pairs: as of `overfitting_gaps`, with labels, `hyper`, `cell_id` and `seed`.
        curves: likewise.
    """
    import pandas as pd

    gaps = overfitting_gaps(pairs, curves)
    parts = []
    for name, step in ((GAP_MTL, "step"), (GAP_STL, "stl_step")):
        about = pairs.drop(columns="step").assign(
            step=pairs[step], quantity=name, partner=None, value=gaps[name]
        )
        parts.append(about.loc[np.isfinite(gaps[name]), list(DIAGNOSTIC_COLUMNS)])
    return pd.concat(parts, ignore_index=True).astype({"step": "int64", "partner": object})
