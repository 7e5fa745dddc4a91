"""Simulated studies of seeds crossed with test examples: outputs of two procedures whose true difference is known.

Each procedure makes of an example something of its own, whatever the seed; each seed adds noise. Drawn from the same
distribution, two procedures are equal on the population, under every metric, though not on any test set. Scores are
those of `mtlrun.training.objective.example_scores`, gathered into cases as in training and centred as in a report.

Shape letters: B studies, n seeds, m examples, M cases, C outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from mtlrun.data.task import METRICS, Source
from mtlrun.statistics.evidence import Differences
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.training.objective.cases import Cases
from mtlrun.training.objective.example_scores import example_scores
from mtlrun.training.objective.metrics import METRICS as VALUES

_AT_ONCE = 6_000_000
OWN, NOISE, SEED = 0.8, 1.0, 0.1
"""Standard deviations: of what a procedure makes of an example, of a seed's noise on it, and of a seed's strength."""


@dataclass(frozen=True)
class World:
    """A task, its metric, and how well it is solved.

    Attributes:
        kind, metric: as of `mtlrun.data.task.Task`.
        strength: how far classes lie apart, or how much of a regression target is predicted.
        outputs: C.
        rare: share of positives, of binary targets.
        better: how much of its noise a better procedure lacks, where one is to be found.
    """

    kind: str
    metric: str
    strength: float
    outputs: int = 1
    rare: float = 0.5
    better: float = 0.2

    @property
    def sign(self) -> float:
        """Return 1 where higher is better, -1 where lower is."""
        return 1.0 if METRICS[self.metric].direction == "higher" else -1.0

    def targets(self, rng: np.random.Generator, studies: int, m: int) -> tuple[Array, Array]:
        """Return targets (B, m, C), or (B, m) of classes, and what outputs should be (B, m, C)."""
        shape = (studies, m, self.outputs)
        if self.kind == "multiclass":
            label = rng.integers(self.outputs, size=shape[:2])
            return label, np.eye(self.outputs)[label]
        if self.kind == "regression":
            truth = rng.normal(size=shape)
            return truth, truth
        truth = (rng.random(shape) < self.rare) * 1.0
        return truth, 2 * truth - 1


WORLDS = {
    "accuracy, chance": World("binary", "accuracy", 0.0),
    "accuracy near .75": World("binary", "accuracy", 0.87),
    "accuracy near .9": World("binary", "accuracy", 1.65),
    "accuracy near .98": World("binary", "accuracy", 2.7),
    "balanced accuracy": World("multiclass", "balanced_accuracy", 1.5, 4),
    "macro-F1": World("multiclass", "macro_f1", 1.5, 4),
    "AUROC": World("binary", "auroc", 0.6, better=0.4),
    "AUROC, one in ten positive": World("binary", "auroc", 0.6, 1, 0.1, 0.35),
    "log-loss": World("binary", "log_loss", 0.8, better=0.3),
    "RMSE": World("regression", "rmse", 0.8, better=0.07),
    "MAE": World("regression", "mae", 0.8, better=0.07),
    "R2": World("regression", "r2", 0.8, better=0.07),
    "Spearman": World("regression", "spearman", 0.8, better=0.3),
    "accuracy of 5 labels": World("multilabel", "accuracy", 0.8, 5),
}


class Groups(NamedTuple):
    """Rows of one group share part of what a procedure makes of them.

    Attributes:
        of: (m,) the group of each row.
        share: of the variance of what a procedure makes of an example, how much is the group's.
    """

    of: np.ndarray
    share: float = 0.7


def uneven_groups(count: int, mean: float, rng: np.random.Generator) -> Groups:
    """Return so many groups of 1 + Poisson rows."""
    return Groups(np.repeat(np.arange(count), 1 + rng.poisson(mean - 1, count)))


class Sides(NamedTuple):
    """Values (B, n) and scores by case (B, n, M) of both procedures; NaN in cases without a label."""

    values: tuple[Array, Array]
    scores: tuple[Array, Array]


def draw(
    world: World,
    n: int,
    m: int,
    studies: int,
    rng: np.random.Generator,
    *,
    groups: Groups | None = None,
    as_groups: bool = True,
    better: float = 0.0,
) -> Iterator[Sides]:
    """Yield studies, some at a time.

    Args:
        world: the task.
        n, m, studies: sizes.
        rng: draws them.
        groups: of the rows; None where each is independent.
        as_groups: whether cases are the groups; else groups are there and nobody was told.
        better: how much of its noise the second procedure lacks.
    """
    cases = _cases(m, groups if as_groups else None)
    at_once = max(1, min(studies, _AT_ONCE // (n * m * world.outputs)))
    for begin in range(0, studies, at_once):
        count = min(at_once, studies - begin)
        targets, centre = world.targets(rng, count, m)
        values, scores = [], []
        for side in range(2):
            noise = 1.0 - side * better
            outputs = _outputs(world, centre, n, noise, groups, rng)
            value, score = _scored(world, outputs, targets, cases)
            values.append(value)
            scores.append(score)
        yield Sides((values[0], values[1]), (scores[0], scores[1]))


def differences(world: World, sides: Sides) -> Differences:
    """Return the studies as columns: what `mtlrun.report.analysis.rows` makes of stored scores."""
    (one, two), (first, second) = sides
    d = world.sign * (two - one)
    layouts = world.sign * (centred(second, two) - centred(first, one))
    columns = [[layout[:, ~np.isnan(layout).any(axis=0)]] for layout in layouts]
    return Differences(d.T, np.abs(one.mean(axis=1)), columns)


def centred(scores: Array, values: Array) -> Array:
    """Return scores (..., M) moved so that their mean is the metric's value (...), as a report does."""
    return scores + (values - np.nanmean(scores, axis=-1))[..., None]


def _outputs(
    world: World, centre: Array, n: int, noise: float, groups: Groups | None, rng: np.random.Generator
) -> Array:
    studies, m, outputs = centre.shape
    own = rng.normal(size=(studies, m, outputs))
    if groups is not None:
        common = rng.normal(size=(studies, groups.of.max() + 1, outputs))[:, groups.of]
        own = np.sqrt(groups.share) * common + np.sqrt(1 - groups.share) * own
    strength = world.strength * (1 + SEED * rng.normal(size=(studies, n, 1, 1)))
    found = noise * NOISE * rng.standard_normal((studies, n, m, outputs))
    return found + strength * centre[:, None] + noise * OWN * own[:, None]


def _scored(world: World, outputs: Array, targets: Array, cases: Cases) -> tuple[Array, Array]:
    studies, n, m, _ = outputs.shape
    wide = np.repeat(targets[:, None], n, axis=1).reshape(studies * n, *targets.shape[1:])
    given = torch.from_numpy(outputs.reshape(studies * n, m, -1)), torch.from_numpy(wide)
    find = example_scores(world.kind, world.metric)
    assert find is not None
    value = VALUES[world.kind, world.metric](*given).double().reshape(studies, n)
    scores = cases.gather(find(*given)).reshape(studies, n, -1)
    return value.numpy(), scores.numpy()


def _cases(m: int, groups: Groups | None) -> Cases:
    source = Source(
        "source", np.empty((m, 1)), {}, {"test": np.arange(m)}, groups=None if groups is None else groups.of
    )
    return Cases.of_source(source, torch.device("cpu"))
