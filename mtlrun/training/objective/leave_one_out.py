"""Metrics with each example left out, in closed form from sums: what their jackknife pseudo-values are made of.

Each takes outputs, targets and which of these are there, and returns the metric, (..., 1), and the metric without
each example, (..., N), in float64; leaving an example out leaves out all its targets. What a class, a column or R2
counts as where nothing is left of it: see example_scores.py. Shape letters as in metrics.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from mtlrun.training.objective.losses import squared_errors
from mtlrun.training.objective.metrics import ALL
from mtlrun.training.objective.placements import area_deletions, rank_correlation_deletions

Each = Callable[[Tensor, Tensor], Tensor]
"""Outputs and targets to a value for each target, in their shape."""

Deletions = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]

SPREAD_ROUNDING = 1e-12
"""The part of the targets' spread below which what remains without an example is rounding, not spread."""


def mean_deletions(each: Each) -> Deletions:
    """Return those of a mean over targets: a ratio of sums, since examples may differ in how many they have."""

    def deletions(outputs: Tensor, targets: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        value = torch.where(there, each(outputs, targets), 0).double().sum(-1)
        number = there.sum(-1).double()
        values, numbers = value.sum(-1, keepdim=True), number.sum(-1, keepdim=True)
        return values / numbers.clamp(min=1), (values - value) / (numbers - number).clamp(min=1)

    return deletions


def rmse_deletions(outputs: Tensor, targets: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Return those of the root mean squared error."""
    whole, without = mean_deletions(squared_errors)(outputs, targets, there)
    return whole.sqrt(), without.clamp(min=0).sqrt()  # a remainder of 0 may be rounded to below it


def r2_deletions(outputs: Tensor, targets: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Return those of R2 over all columns together; the mean that targets are compared with changes too."""
    outputs, targets = outputs.double(), targets.double()
    count = there.sum(-2, keepdim=True).double()
    centre = torch.where(there, targets, 0).sum(-2, keepdim=True) / count.clamp(min=1)
    about = torch.where(there, targets - centre, 0).square()
    residual = torch.where(there, squared_errors(outputs, targets), 0).sum(-1)
    residuals, spread = residual.sum(-1, keepdim=True), about.sum(ALL).unsqueeze(-1)
    rest = spread - (about * (count / (count - 1).clamp(min=1))).sum(-1)
    whole = torch.where(spread > 0, 1 - residuals / spread, torch.nan)
    return whole, torch.where(rest > SPREAD_ROUNDING * spread, 1 - (residuals - residual) / rest, 0)


def spearman_deletions(outputs: Tensor, targets: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Return those of the mean over outputs of Spearman's correlation, to first order."""
    columns = zip(outputs.unbind(-1), targets.unbind(-1), there.unbind(-1), strict=True)
    found = [rank_correlation_deletions(*column) for column in columns]
    whole, without = (torch.stack(parts).mean(0) for parts in zip(*found, strict=True))
    return whole, without


Sides = Callable[[Tensor, Tensor, Tensor], Iterator[tuple[Tensor, Tensor]]]
"""To, for each class or label, whether an example is there and of it, and there and predicted to be, (..., N)."""


def of_classes(outputs: Tensor, targets: Tensor, there: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Return the sides of classes."""
    guess = outputs.argmax(-1)
    return ((there & (targets == c), there & (guess == c)) for c in range(outputs.shape[-1]))


def of_labels(outputs: Tensor, targets: Tensor, there: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Return the sides of labels."""
    true, guess = there & (targets > 0.5), there & (outputs > 0)
    return zip(true.unbind(-1), guess.unbind(-1), strict=True)


def of_both(outputs: Tensor, targets: Tensor, there: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Return the sides of labels and of their opposites."""
    for here, true, guess in zip(*(x.unbind(-1) for x in (there, targets > 0.5, outputs > 0)), strict=True):
        yield here & true, here & guess
        yield here & ~true, here & ~guess


def recall(true: Tensor, guess: Tensor) -> tuple[Tensor, Tensor]:
    """Return what each example adds to the numerator and to the denominator."""
    return (true & guess).double(), true.double()


def f1(true: Tensor, guess: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same for F1."""
    return 2 * (true & guess).double(), true.double() + guess.double()


def macro_deletions(sides: Sides, terms: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Deletions:
    """Return those of a mean over classes or labels of a ratio of sums, over those whose denominator is not 0."""

    def deletions(outputs: Tensor, targets: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        whole = without = counted = torch.zeros((), dtype=torch.double)
        for true, guess in sides(outputs, targets, there):
            part, base = terms(true, guess)
            parts, bases = part.sum(-1, keepdim=True), base.sum(-1, keepdim=True)
            whole = whole + parts / bases.clamp(min=1)
            without = without + (parts - part) / (bases - base).clamp(min=1)
            counted = counted + (bases > 0)
        return whole / counted.clamp(min=1), without / counted.clamp(min=1)

    return deletions


def class_area_deletions(outputs: Tensor, targets: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Return those of the mean area under the curve of each class's probability against the rest."""
    chances = outputs.softmax(-1).unbind(-1)
    return _mean_area((p, there & (targets == c), there & (targets != c)) for c, p in enumerate(chances))


def label_area_deletions(outputs: Tensor, targets: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Return those of the mean over labels of the area under the curve."""
    true = targets > 0.5
    columns = (x.unbind(-1) for x in (outputs, there & true, there & ~true))
    return _mean_area(zip(*columns, strict=True))


def _mean_area(columns: Iterator[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the mean over the columns that have both positives and negatives; nan where none has."""
    whole = without = counted = torch.zeros((), dtype=torch.double)
    for scores, true, false in columns:
        area, areas = area_deletions(scores, true, false)
        whole, without = whole + area, without + areas
        counted = counted + (true.any(-1, keepdim=True) & false.any(-1, keepdim=True))
    return whole / counted, without / counted
