"""The overfitting gap: how much better a run is on its training data than on data that it was not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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

    names = ["run_id", "task", "metric", "step"]
    texts = dict.fromkeys(("run_id", "task", "metric", "split"), "str")
    known = curves[curves["split"].isin(PARTS)].astype(texts)
    by_split = {str(split): part[[*names, "value"]] for split, part in known.groupby("split", sort=False)}
    found = {}
    for side, prefix in (("mtl", ""), ("stl", "stl_")):
        wanted = pd.DataFrame(
            {
                "run_id": pairs[f"{prefix}run_id"].astype("str"),
                "task": pairs["task"].astype("str"),
                "metric": pairs["metric"].astype("str"),
                "step": pairs[f"{prefix}step"].fillna(-1).astype("int64"),
            }
        )
        for split in PARTS:
            there = by_split.get(split, known[[*names, "value"]][:0])
            values = wanted.merge(there, on=names, how="left")["value"]
            found[f"{side}_{split}"] = values.to_numpy(dtype=float)
    return pd.DataFrame(found, index=pairs.index)


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


def with_gaps(diagnostics: pd.DataFrame, pairs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return diagnostics with the gap of both sides of each pair, at the step of its run that reports read.

    Args:
        diagnostics: as of `make_diagnostics`.
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
        parts.append(about.loc[np.isfinite(gaps[name]), list(diagnostics.columns)])
    found = pd.concat(parts, ignore_index=True).astype({"step": "int64", "partner": object})
    if found.empty or diagnostics.empty:
        return diagnostics if found.empty else found
    return pd.concat([diagnostics, found], ignore_index=True)
