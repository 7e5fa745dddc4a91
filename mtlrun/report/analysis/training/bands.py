"""Means over seeds with their 95 % intervals, as pictures and diagnostics show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import special  # not scipy.stats, which takes a second to import

from mtlrun.statistics.judge import INTERVAL_LEVEL

if TYPE_CHECKING:
    import pandas as pd


def mean_band(values: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the mean of `value` in each group, with Student's t interval over its values, one per seed.

    Args:
        values: the columns `by`, and `value`.
        by: columns that make a group; groups stay in the order of their first rows.

    Returns:
        `by`, `mean`, `low`, `high` (NaN for a single value) and `n`.
    """
    known = values[np.isfinite(values["value"].to_numpy(dtype=float))]
    groups = known.groupby(list(by), sort=False, observed=True)["value"]
    found = groups.agg(mean="mean", sd="std", n="count").reset_index()
    n = found["n"].to_numpy(dtype=float)
    reach = special.stdtrit(np.maximum(n - 1, 1), 0.5 + INTERVAL_LEVEL / 2) * found["sd"] / np.sqrt(n)
    band = found.assign(low=found["mean"] - reach, high=found["mean"] + reach)
    return band[[*by, "mean", "low", "high", "n"]]
