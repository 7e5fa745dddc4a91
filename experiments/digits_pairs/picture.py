"""The picture of aggregates.csv: what each mitigation does over all nine pairs.

python -m experiments.digits_pairs.picture

The same as `mtlrun report --level aggregates --format svg` after the sweep.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
import pandas as pd

from mtlrun.report.figures.aggregates import draw_settings

HERE = Path(__file__).parent


def draw(file: Path) -> None:
    """Write the picture as SVG."""
    settings = pd.read_csv(HERE / "aggregates.csv", keep_default_na=False)
    settings["hyper"] = settings["hyper"].map(json.loads)
    with matplotlib.rc_context({"svg.hashsalt": "digits_pairs", "font.size": 9}):
        draw_settings(settings).savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    draw(HERE / "all_pairs.svg")
