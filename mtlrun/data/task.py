"""What a task, a source of examples and a suite's data are.

Shape letters: N examples of a source, C classes, L labels, K regression outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Metric(NamedTuple):
    """How a metric is read; how it is computed stands in `mtlrun.training`.

    Attributes:
        name: Name in config, store and report.
        direction: `higher` or `lower`, whichever is better.
        natural_zero: Whether a percentage of the metric has a meaning; false for R2, whose zero is arbitrary.
    """

    name: str
    direction: str
    natural_zero: bool


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "higher", True),
        Metric("log_loss", "lower", True),
        Metric("mse", "lower", True),
        Metric("rmse", "lower", True),
        Metric("mae", "lower", True),
        Metric("r2", "higher", False),
        Metric("excess_risk", "lower", True),
    )
}

DEFAULT_METRICS: dict[str, tuple[str, ...]] = {
    "multiclass": ("accuracy", "log_loss"),
    "binary": ("accuracy", "log_loss"),
    "multilabel": ("accuracy", "log_loss"),
    "regression": ("mse", "r2"),
}


@dataclass(frozen=True)
class Task:
    """One prediction target.

    Attributes:
        name: Unique in its suite.
        kind: `multiclass`, `binary`, `multilabel` or `regression`.
        outputs: C for multiclass, 1 for binary, L for multilabel, K for regression.
        source: Which entry of the suite's `sources` it reads.
        metrics: Names from `METRICS`; the first is the primary one.
    """

    name: str
    kind: str
    outputs: int
    source: int
    metrics: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Source:
    """One stream of examples; batches are drawn per source.

    Two sources are equal only if they are the same object. Arrays that are the same for every seed are the
    same read-only objects in every load, so that one copy serves all lanes.

    Attributes:
        name: Unique in its suite; names the stream of batches.
        inputs: float32 (N, *input_shape); images are (N, 1, height, width).
        targets: By task name, N rows each: int64 (N,) for multiclass, float32 (N, 1) in {0, 1} for binary,
            float32 (N, L) in {0, 1} for multilabel, float32 (N, K) for regression.
        splits: `train`, `val` and `test` to int64 row numbers, disjoint.
    """

    name: str
    inputs: np.ndarray
    targets: dict[str, np.ndarray]
    splits: dict[str, np.ndarray]


@dataclass(frozen=True)
class SourceInfo:
    """Sizes of a source: `input_shape` of one example, and the number of rows of each part."""

    name: str
    input_shape: tuple[int, ...]
    rows: dict[str, int]


@dataclass(frozen=True)
class SuiteInfo:
    """What is known of a suite without building the data of a run."""

    tasks: tuple[Task, ...]
    sources: tuple[SourceInfo, ...]


@dataclass(frozen=True)
class SuiteData:
    """The data of one seed: the selected tasks, and the sources that they read."""

    tasks: tuple[Task, ...]
    sources: tuple[Source, ...]
