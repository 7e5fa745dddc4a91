"""Gains against a numeric setting: how a gain changes with training set size, label noise, width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.errors import ConfigError, Fault
from mtlrun.report.analysis.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

_THEORY = ("expectation", "optimum")


def gain_over_table(summary: Summary) -> pd.DataFrame:
    """Return the rows whose setting `summary.over` is a number, with it as `over` (its name) and `at` (its value).

    Rows come by suite, task and value. `theory_pct` is the gain that theory expects, in percent of what it expects of
    the baseline, or by the seeds' own optimum where it has no formula; missing for other suites.

    Raises:
        ConfigError: several settings vary and none is named, or the named one does not vary.
    """
    rows = summary.rows
    key = over_key(rows, summary.over)
    if key is None:
        return rows[:0].assign(over="", at=np.nan, theory_pct=np.nan)
    at = np.array([_number(hyper.get(key)) for hyper in rows["hyper"]], dtype=float)
    found = rows.assign(over=key, at=at)[np.isfinite(at)]
    place = found.groupby(["suite", "task"], sort=False).ngroup()
    found = found.assign(theory_pct=_theory(summary.theory, found))
    order = np.lexsort((found["at"].to_numpy(), place.to_numpy()))
    return found.iloc[order].reset_index(drop=True)


def over_key(rows: pd.DataFrame, named: str | None) -> str | None:
    """Return the whole name of the setting that gains are set against; None where none varies and none is named.

    Raises:
        ConfigError: as of `gain_over_table`.
    """
    known = numeric_settings(rows)
    if not known and named is None:
        return None
    meant = [key for key in known if named in (key, key.rpartition(".")[2])] if named else known
    if len(meant) == 1:
        return meant[0]
    if named is None:
        rule = "must name the setting that gains are set against, since several vary"
        raise ConfigError([Fault("--over", rule, None, known)])
    raise ConfigError(
        [Fault("--over", "must name a numeric setting that varies in this study", named, known)]
    )


def numeric_settings(rows: pd.DataFrame) -> list[str]:
    """Return the settings of which rows have two or more numbers."""
    keys = sorted({key for hyper in rows["hyper"] for key in hyper})
    values = {key: {_number(hyper.get(key)) for hyper in rows["hyper"]} for key in keys}
    return [key for key, found in values.items() if sum(np.isfinite(v) for v in found) > 1]


def _number(value: Any) -> float:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain else float("nan")


def _theory(theory: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """Return by row the gain that theory expects in percent; NaN where it says nothing or there is no percentage."""
    told: dict[tuple[str, str], float] = {}
    for row in theory.to_dict("records"):
        for source in _THEORY:
            gain, alone = row[f"diff_{source}"], row[f"stl_{source}"]
            if np.isfinite(gain) and alone:
                told[row["cell_id"], row["task"]] = 100 * gain / abs(alone)
                break
    keys = zip(rows["cell_id"], rows["task"], strict=True)
    found = np.array([told.get(key, np.nan) for key in keys], dtype=float)
    return rows["gain_pct"].where(rows["gain_pct"].isna(), found)
