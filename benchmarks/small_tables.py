"""Small tables with two tasks each: scikit-learn's bundled ones, and made ones whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets

BUNDLED: dict[str, dict[str, str]] = {
    "iris": {"species": "target", "petal": "petal width (cm)"},
    "wine": {"cultivar": "target", "proline": "proline"},
    "breast_cancer": {"benign": "target", "area": "worst area"},
    "diabetes": {"progression": "target", "pressure": "bp"},
    "linnerud": {"weight": "Weight", "waist": "Waist"},
}
"""Of each table its two tasks: `target` is scikit-learn's own, the other was an input."""


def write_tables(folder: Path) -> dict[str, dict[str, str]]:
    """Write every table to `folder` as NAME.csv, and return by name its tasks and their columns."""
    tasks = dict(BUNDLED)
    for name in BUNDLED:
        frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        if name in ("iris", "wine", "breast_cancer"):
            frame["target"] = [f"class {number}" for number in frame["target"]]
        frame.to_csv(folder / f"{name}.csv", index=False)
    for name, frame in made_tables().items():
        frame.round(5).to_csv(folder / f"{name}.csv", index=False)
        tasks[name] = {"a": "a", "b": "b"}
    return tasks


def made_tables() -> dict[str, pd.DataFrame]:
    """Return tables whose tasks are the columns a and b, by name: what they are, and how many rows."""
    return {
        "under_trained_103": under_trained(103),
        "friedman_100": friedman(100),
        "friedman_400": friedman(400),
        "friedman_2000": friedman(2000),
        "large_units_300": large_units(300),
        "clusters_200": clusters(200),
        "clusters_1000": clusters(1000),
        "coins_600": coins(600),
    }


def under_trained(rows: int, seed: int = 0) -> pd.DataFrame:
    """Return two targets far from 0, of seven inputs: one nearly linear, one a sine."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 7))
    noise = rng.normal(size=(2, rows))
    a = 30 + 8 * x[:, 0] + 5 * x[:, 1] * x[:, 2] + 2 * x[:, 3] ** 2 + 0.5 * noise[0]
    b = 18 + 6 * np.sin(2 * x[:, 4]) + 4 * x[:, 5] + 2 * noise[1]
    return _frame(x, a, b)


def friedman(rows: int) -> pd.DataFrame:
    """Return the first function of Friedman (1991) with noise, and another of the same inputs."""
    x, a = datasets.make_friedman1(rows, n_features=10, noise=1.0, random_state=rows)
    b = np.cos(3 * x[:, 0]) + x[:, 5] * x[:, 6] + 0.3 * np.random.default_rng(rows).normal(size=rows)
    return _frame(x, a, b)


def large_units(rows: int) -> pd.DataFrame:
    """Return linear targets in units of a thousand and of a thousandth."""
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, 12))
    both = x @ rng.normal(size=(12, 2)) + rng.normal(size=(rows, 2))
    return _frame(x, 1e3 * both[:, 0], 1e-3 * both[:, 1])


def clusters(rows: int) -> pd.DataFrame:
    """Return four classes of several clusters each, and a binary target of the same inputs."""
    x, label = datasets.make_classification(
        *(rows, 12), n_informative=6, n_classes=4, n_clusters_per_class=2, random_state=rows
    )
    score = x[:, 0] * x[:, 1] + np.random.default_rng(rows).normal(size=rows)
    return _frame(x, np.array(list("pqrs"))[label], np.where(score > 0, "u", "v"))


def coins(rows: int) -> pd.DataFrame:
    """Return two targets that no input tells anything of: training has nothing to improve."""
    rng = np.random.default_rng(rows)
    a, b = np.where(rng.random((2, rows)) < 0.5, "u", "v")
    return _frame(rng.normal(size=(rows, 8)), a, b)


def _frame(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]).assign(a=a, b=b)
