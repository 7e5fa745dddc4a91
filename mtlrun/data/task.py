"""What a task, a source of examples and a suite's data are.

Shape letters: N examples of a source, C classes, L labels, K regression outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


class Metric(NamedTuple):
    """How a metric is read; how it is computed stands in `mtlrun.training`.

    Attributes:
        name: Name in config, store and report.
        direction: `higher` or `lower`, whichever is better.
        natural_zero: Whether a percentage of the metric has a meaning; false for R2, whose zero is arbitrary.
        exact: Whether a suite computes it for the population, so that no test examples are drawn.
    """

    name: str
    direction: str
    natural_zero: bool
    exact: bool = False


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "higher", True),
        Metric("balanced_accuracy", "higher", True),
        Metric("macro_f1", "higher", True),
        Metric("auroc", "higher", True),
        Metric("log_loss", "lower", True),
        Metric("mse", "lower", True),
        Metric("rmse", "lower", True),
        Metric("mae", "lower", True),
        Metric("r2", "higher", False),
        Metric("spearman", "higher", False),
        Metric("excess_risk", "lower", True, exact=True),
    )
}

DEFAULT_METRICS: dict[str, tuple[str, ...]] = {
    "multiclass": ("accuracy", "log_loss"),
    "binary": ("accuracy", "log_loss"),
    "multilabel": ("accuracy", "log_loss"),
    "regression": ("mse", "r2"),
}

ALL_METRICS: dict[str, tuple[str, ...]] = {
    "multiclass": ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss"),
    "binary": ("auroc", "accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
    "multilabel": ("auroc", "accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
    "regression": ("rmse", "mae", "r2", "spearman", "mse"),
}
"""Every metric of a kind that tells tasks of a user's own data; the first is the primary one unless set."""


ClassWeights = str | tuple[float, ...]


@dataclass(frozen=True)
class Task:
    """One prediction target.

    Attributes:
        name: Unique in its suite.
        kind: `multiclass`, `binary`, `multilabel` or `regression`.
        outputs: C for multiclass, 1 for binary, L for multilabel, K for regression.
        source: Which entry of the suite's `sources` it reads.
        metrics: Names from `METRICS`; the first is the primary one.
        partial: Whether some rows lack the target: it is NaN there, or -1 for multiclass.
        loss: A loss of the user's own in place of the kind's, a node as JSON; None for the kind's.
        class_weights: `balanced`, or what examples count in the loss by their class; None for all alike.
    """

    name: str
    kind: str
    outputs: int
    source: int
    metrics: tuple[str, ...]
    partial: bool = False
    loss: str | None = None
    class_weights: ClassWeights | None = None


@dataclass(frozen=True)
class Augment:
    """How the images of training batches are varied, anew in every batch; evaluations see them as they are.

    Attributes:
        flip: mirror every second one, on average, from left to right.
        crop: pad by so many black pixels on every side, and cut out an image of the same size anywhere.
    """

    flip: bool = False
    crop: int = 0


@dataclass(frozen=True, eq=False)
class Source:
    """One stream of examples; batches are drawn per source.

    Two sources are equal only if they are the same object. Arrays that are the same for every seed are the
    same read-only objects in every load, so that one copy serves all lanes.

    Attributes:
        name: Unique in its suite; names the stream of batches.
        inputs: float32 (N, *input_shape), or uint8 for images that become float on the device; images are
            (N, colours, height, width).
        targets: By task name, N rows each: int64 (N,) for multiclass, float32 (N, 1) in {0, 1} for binary,
            float32 (N, L) in {0, 1} for multilabel, float32 (N, K) for regression.
        splits: `train`, `val` and `test` to int64 row numbers, disjoint.
        units: By task name, for regression targets that are standardised: the mean and the standard deviation, each
            float64 (K,), that give back what was measured. Metrics are in these units.
        scaling: The mean and the standard deviation with which inputs are standardised on the device, each float32
            and a number for each entry of an example's first axis (colours, columns); None leaves inputs as they are.
        augment: Of training batches; None for none.
        groups: int64 (N,), the group of each row where rows of one group are not independent; None for none.
    """

    name: str
    inputs: np.ndarray
    targets: dict[str, np.ndarray]
    splits: dict[str, np.ndarray]
    units: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    scaling: tuple[np.ndarray, np.ndarray] | None = None
    augment: Augment | None = None
    groups: np.ndarray | None = None


@dataclass(frozen=True)
class SourceInfo:
    """Sizes of a source.

    Attributes:
        name: as of `Source`.
        input_shape: of one example.
        rows: of each part.
        stem: how many numbers the source's own first layer makes of an example; None where it has none, so that all
            sources must have inputs of one shape.
        embedded: of the last numbers of an example, which are ones and zeros, (how many tell one category, how many
            its embedding has); the network begins with these embeddings.
        pixels: whether inputs are uint8.
        augment: as of `Source`.
    """

    name: str
    input_shape: tuple[int, ...]
    rows: dict[str, int]
    stem: int | None = None
    pixels: bool = False
    augment: Augment | None = None
    embedded: tuple[tuple[int, int], ...] = ()


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


def labelled_rows(data: SuiteData, task: Task) -> int:
    """Return the number of training rows that have a target of the task, or any of its targets."""
    source = data.sources[task.source]
    rows = source.splits["train"]
    if not task.partial:
        return len(rows)
    return int(labelled(task, source.targets[task.name][rows]).sum())


def labelled(task: Task, targets: np.ndarray) -> np.ndarray:
    """Return which rows have a target of the task, or any of its targets, (N,)."""
    if not task.partial:
        return np.ones(len(targets), dtype=bool)
    return targets >= 0 if task.kind == "multiclass" else ~np.isnan(targets).all(1)
