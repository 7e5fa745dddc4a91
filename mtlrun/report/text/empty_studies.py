"""Studies that can say nothing of sharing, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    import pandas as pd

_LEVEL = 0.95
"""Of the intervals of the means; a mean whose interval lies above a constant guess has learned something."""

_SOME = 0.1
"""Part of the way from a constant guess to the best value of a metric. A mean that is further has learned something,
however wide its interval: two seeds give one that reaches almost anywhere."""


def says_nothing(rows: pd.DataFrame) -> list[str]:
    """Return why a study, or a part of it, says nothing of sharing: sentences, each with what to do.

    Args:
        rows: of the report.
    """
    trained = rows[rows["n_seeds"] + rows["n_diverged"] > 0]
    found = [_no_baselines(rows, trained), _one_task(rows), _one_seed(trained), _constant(trained)]
    return [text for text in found if text]


def _no_baselines(rows: pd.DataFrame, trained: pd.DataFrame) -> str:
    if len(trained) or not rows["mtl_mean"].notna().any():
        return ""
    return "Without single-task baselines there is no gain, and no verdict: repeat the study's command to train them."


def _one_task(rows: pd.DataFrame) -> str:
    alone = rows[rows["n_together"] == 1]
    if alone.empty:
        return ""
    names = ", ".join(dict.fromkeys(alone["task"]))
    return f"Trained alone, {names} shares nothing with another task: choose two or more (suite.tasks)."


def _one_seed(trained: pd.DataFrame) -> str:
    if trained.empty or trained["n_seeds"].max() != 1:
        return ""
    return "With one seed nothing tells how much results differ between seeds: use seeds=10 or more."


def _constant(trained: pd.DataFrame) -> str:
    """Say that no model has learned anything, on either side."""
    known = trained[trained["constant_guess"].notna() & (trained["n_seeds"] > 1)]
    if known.empty or len(known) < len(trained):
        return ""
    if any(_learned(known, side).any() for side in ("stl", "mtl")):
        return ""
    row = known.iloc[0]
    shown = f"{row['task']}: {row['stl_mean']:.4g}, a constant guess {row['constant_guess']:.4g}"
    return (
        f"No model is shown to do better than a constant guess on any task ({shown}), so sharing had nothing to "
        "change."
    )


def _learned(rows: pd.DataFrame, side: str) -> np.ndarray:
    """Return for each row whether its mean over seeds is better than a constant guess, (rows,).

    Args:
        rows: with more than one seed, and a constant guess.
        side: `stl` or `mtl`.
    """
    higher = rows["direction"].to_numpy() == "higher"
    guess = rows["constant_guess"].to_numpy(dtype=float)
    better = np.where(higher, 1.0, -1.0) * (rows[f"{side}_mean"].to_numpy(dtype=float) - guess)
    n = rows["n_seeds"].to_numpy(dtype=float)
    error = special.stdtrit(n - 1, (1 + _LEVEL) / 2) * rows[f"{side}_sd"].to_numpy(dtype=float) / np.sqrt(n)
    best = np.where(higher, 1.0, 0.0)  # of all metrics with a constant guess
    return (better > error) | (better > _SOME * np.abs(best - guess))
