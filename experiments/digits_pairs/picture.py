"""The picture of aggregates.csv: what each mitigation does over all nine pairs.

python -m experiments.digits_pairs.picture

The same as `mtlrun report --level aggregates --format svg` after the sweep.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from mtlrun.report.figures.aggregates import draw_settings
from mtlrun.report.figures.drawing import USUAL_SIZE
from mtlrun.report.figures.style import styled

HERE = Path(__file__).parent
TOLD = "95 % intervals; accuracy (higher is better); 20 seeds."


def draw(file: Path) -> None:
    """Write the picture as SVG."""
    settings = pd.read_csv(HERE / "aggregates.csv", keep_default_na=False)
    settings["hyper"] = settings["hyper"].map(json.loads)
    with styled():
        figure = draw_settings(settings, None, USUAL_SIZE, TOLD)
        figure.savefig(file, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    draw(HERE / "all_pairs.svg")
