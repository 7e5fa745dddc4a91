"""The picture of theory.csv: measured gains against each seed's own optimum, and against the formula.

python -m experiments.linear_theory.picture
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
NETWORKS = {
    ("hard", "linear", 1): ("width 1, a head a task", "#c8401e", "v"),
    ("hard", "linear", 2): ("width 2, a head a task", "#77716a", "s"),
    ("hard", "identity", 1): ("one predictor for both", "#0067a5", "o"),
    ("soft", "identity", 1): ("two drawn together", "#00795c", "^"),
}
"""Label, colour and marker by sharing, heads and width."""

PANELS = {
    "diff_optimum": "mean of each seed's own optimum",
    "diff_expectation": "formula for all seeds",
}


def draw(theory: pd.DataFrame, file: Path) -> None:
    """Write an SVG with a panel for each of `PANELS`: a point per row, its measured gain with 2 standard errors."""
    figure = Figure(figsize=(9.5, 4.6), layout="constrained")
    for panel, (column, label) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
        _panel(panel, theory.dropna(subset=[column]), column)
        panel.set_xlabel(f"gain by the {label}")
        panel.set_ylabel("measured gain")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle("Gains in excess risk, 30 seeds; bars: two standard errors")
    with matplotlib.rc_context({"svg.hashsalt": "linear_theory"}):
        figure.savefig(file, metadata={"Date": None})


def _panel(panel: Axes, theory: pd.DataFrame, column: str) -> None:
    panel.axline((0, 0), slope=1, color="#d9d5ce", zorder=0)
    width = theory["hyper"].map(lambda text: json.loads(text)["model.width"])
    for (sharing, heads, units), (label, colour, marker) in NETWORKS.items():
        rows = theory[(theory["sharing"] == sharing) & (theory["heads"] == heads) & (width == units)]
        bars = {"yerr": 2 * rows["diff_se"], "ecolor": colour, "elinewidth": 0.8}
        look = {"fmt": marker, "color": colour, "markersize": 4.5, "markerfacecolor": "white", "label": label}
        panel.errorbar(rows[column], rows["diff"], **bars, **look)


if __name__ == "__main__":
    draw(pd.read_csv(HERE / "theory.csv"), HERE / "measured.svg")
