"""Measured against theory: rows whose suite knows what training must come to (docs/theory.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.report.analysis.pairs.layout import IDENTITY, Layout
from mtlrun.report.analysis.pairs.paired_values import Measured
from mtlrun.statistics.paired_tests.student import Array, moments
from mtlrun.text.pluralize import pluralize

if TYPE_CHECKING:
    import pandas as pd

CLEAR, NEAR = 3, 2
"""Standard errors above which a predicted gain has a sign, and within which a formula for all seeds counts as met."""

THEORY_COLUMNS = (
    *(*IDENTITY, "cell_id", "n_seeds"),
    *("mtl_mean", "mtl_se", "mtl_optimum", "mtl_expectation"),
    *("stl_mean", "stl_se", "stl_optimum", "stl_expectation"),
    *("diff", "diff_se", "diff_optimum", "diff_expectation"),
    *("off_se", "off_pct", "stl_off_se", "stl_off_pct", "expectation_off_se", "expectation_off_pct", "sign"),
)


def make_theory(layout: Layout, measured: Measured, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per unit for which the manifest has expected values; over the seeds that have both runs.

    `*_mean` and `*_se` are mean and standard error of the values; `*_optimum` is the mean of each of these seeds' own
    optimum, `*_expectation` the mean over all possible seeds by a formula; `diff*` are oriented, positive is better.
    `off_se` and `off_pct` say how far the mean lies from the optimum, in standard errors and in percent, `stl_off_*`
    the same of the baseline, `expectation_off_*` how far it lies from the formula. `sign` says of a gain that is
    predicted to be above `CLEAR` standard errors, by the formula or else by the optimum, whether the measured one is
    `right` or `wrong`.
    """
    import pandas as pd

    told: Mapping[str, Any] = manifest.get("expected") or {}
    cells = layout.units["cell_id"].tolist()
    tasks, signs = layout.units["task"].tolist(), layout.units["sign"].tolist()
    asked = {cell["cell_id"]: cell["seeds"] for cell in manifest["cells"]}
    at, rows = [], []
    for unit, (cell, task) in enumerate(zip(cells, tasks, strict=True)):
        if cell in told:
            places = np.searchsorted(measured.seeds, asked[cell])
            mtl, stl, d = (matrix[places, unit] for matrix in (measured.mtl, measured.stl, measured.d))
            at.append(unit)
            rows.append(_row(mtl, stl, d, told[cell]["mtl"][task], told[cell]["stl"][task], signs[unit]))
    about = layout.units[[*IDENTITY, "cell_id"]].iloc[at].reset_index(drop=True)
    figures = pd.DataFrame(rows, columns=[name for name in THEORY_COLUMNS if name not in about])
    figures["sign"] = figures["sign"].astype(object).where(figures["sign"].notna(), None)
    return about.join(figures)[list(THEORY_COLUMNS)]


def _row(
    mtl: Array, stl: Array, d: Array, mtl_told: Mapping[str, Any], stl_told: Mapping[str, Any], sign: float
) -> dict[str, Any]:
    """Return the figures of one unit from its values (S,) and what theory says of them."""
    there = ~np.isnan(d)
    row: dict[str, Any] = {"n_seeds": int(there.sum())}
    for side, values, told in (("mtl", mtl, mtl_told), ("stl", stl, stl_told)):
        optimum = np.array(told["optimum"])[there]
        expectation = np.nan if told["expectation"] is None else told["expectation"]
        _, mean, sd = (float(part[0]) for part in moments(values[there][:, None]))
        row |= {
            f"{side}_mean": mean,
            f"{side}_se": sd / max(len(optimum), 1) ** 0.5,
            f"{side}_optimum": optimum.mean() if len(optimum) else np.nan,
            f"{side}_expectation": expectation,
        }
    _, mean, sd = (float(part[0]) for part in moments(d[there][:, None]))
    row |= {"diff": mean, "diff_se": sd / max(int(there.sum()), 1) ** 0.5}
    for source in ("optimum", "expectation"):
        row[f"diff_{source}"] = sign * (row[f"mtl_{source}"] - row[f"stl_{source}"])
    row["off_se"], row["off_pct"] = _off(row, "mtl", "optimum")
    row["stl_off_se"], row["stl_off_pct"] = _off(row, "stl", "optimum")
    row["expectation_off_se"], row["expectation_off_pct"] = _off(row, "mtl", "expectation")
    predicted = row["diff_optimum"] if np.isnan(row["diff_expectation"]) else row["diff_expectation"]
    clear = abs(predicted) > CLEAR * row["diff_se"]
    row["sign"] = ("right" if predicted * row["diff"] > 0 else "wrong") if clear else None
    return row


def _off(row: Mapping[str, Any], side: str, source: str) -> tuple[float, float]:
    """Return how far a mean lies from what theory says, in standard errors and in percent; NaN without meaning."""
    off, se, told = row[f"{side}_mean"] - row[f"{side}_{source}"], row[f"{side}_se"], row[f"{side}_{source}"]
    return (off / se if se > 0 else np.nan), (100 * off / abs(told) if told else np.nan)


def theory_sentence(theory: pd.DataFrame) -> str:
    """Return how measured values and theory agree, or "" where theory says nothing."""
    off, near = theory["off_se"].abs().dropna(), theory["expectation_off_se"].abs().dropna()
    if off.empty:
        return ""
    begin = f"Measured against theory, {pluralize(len(off), 'row')}: {off.mean():.2f} standard errors"
    parts = [f"{begin} from the seeds' own optimum on average, {off.max():.2f} at most"]
    if len(near):
        met = f"{(near <= NEAR).sum()} of {len(near)} within {NEAR} standard errors"
        parts.append(f"{met} of the formula for all seeds")
    signs = theory["sign"].dropna()
    if len(signs):
        known = f"of {pluralize(len(signs), 'gain')} predicted above {CLEAR} standard errors"
        parts.append(f"{known}, {(signs == 'right').sum()} have the right sign")
    return "; ".join(parts) + "."
