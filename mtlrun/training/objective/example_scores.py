"""Scores of single examples under every metric: outputs (..., N, outputs) and targets to (..., N).

A verdict about new examples must count the error that is due to those that happen to be in the test set, so it
needs a value for each example. Where a metric is a mean over examples, that is the example's own. Elsewhere it is
the jackknife pseudo-value `m theta - (m - 1) theta_without` (Tukey 1958; for areas under curves Dorfman, Berbaum &
Metz, Investigative Radiology 27, 1992): theta is the metric on the m examples that have a label, theta_without the
metric when one example is left out with all its labels. The mean of the pseudo-values is close to theta, and their
variance over m estimates that of theta.

Without an example the rest may lack something that the metric needs. A class of which it was the only example then
counts as 0 and the number of classes stays, likewise the columns of a mean area; R2 counts as 0 where the remaining
targets do not differ. To drop the class would give no value, or let a metric improve by losing a class that it gets
wrong. The only example of a class that is got right thus has a score of the order of m: the error is finite but
large, as it should be where one example is all that is known of a class. The mean of the scores is then far from
the metric, so take differences from the metric itself and only their error from the scores.

A third argument says which targets are there, as for the metrics. Examples without any label score nan, and so do all
examples where the metric has no value. Spearman's correlation is linearised (placements.py). Shape letters as in
metrics.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtlrun.training.objective import leave_one_out as d
from mtlrun.training.objective.losses import binary_cross_entropies, cross_entropies, squared_errors
from mtlrun.training.objective.metrics import Metric


def example_scores(kind: str, metric: str) -> Metric | None:
    """Return the scores of a kind of task under a metric; None where the metric does not depend on test examples.

    That is `excess_risk`, which is exact for the population.
    """
    return SCORES.get((kind, metric))


def _jackknife(deletions: d.Deletions) -> Metric:
    """Return pseudo-values, computed in float64 and given in the outputs' type."""

    @torch.no_grad()
    def scores(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
        there = torch.ones_like(targets, dtype=torch.bool) if there is None else there
        labelled = there if targets.dim() < outputs.dim() else there.any(-1)
        more = labelled.sum(-1, keepdim=True).double() - 1
        whole, without = deletions(outputs, targets, there)
        return torch.where(labelled, whole + more * (whole - without), torch.nan).to(outputs.dtype)

    return scores


def _mean(each: d.Each) -> Metric:
    """Return scores of a mean over all targets: an example's own, unless they differ in how many they have."""
    ratio = _jackknife(d.mean_deletions(each))

    @torch.no_grad()
    def scores(outputs: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
        columns = targets.dim() == outputs.dim()
        if there is not None and columns and targets.shape[-1] > 1:
            return ratio(outputs, targets, there)
        own = each(outputs, targets)
        if columns:
            own, there = own.mean(-1), None if there is None else there.squeeze(-1)
        return own if there is None else torch.where(there, own, torch.nan)

    return scores


def _class_hits(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.argmax(-1) == targets).to(outputs.dtype)


def _label_hits(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs > 0) == (targets > 0.5)).to(outputs.dtype)


def _absolute_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).abs()


SCORES: dict[tuple[str, str], Metric] = {
    ("multiclass", "accuracy"): _mean(_class_hits),
    ("binary", "accuracy"): _mean(_label_hits),
    ("multilabel", "accuracy"): _mean(_label_hits),
    ("multiclass", "balanced_accuracy"): _jackknife(d.macro_deletions(d.of_classes, d.recall)),
    ("binary", "balanced_accuracy"): _jackknife(d.macro_deletions(d.of_both, d.recall)),
    ("multilabel", "balanced_accuracy"): _jackknife(d.macro_deletions(d.of_both, d.recall)),
    ("multiclass", "macro_f1"): _jackknife(d.macro_deletions(d.of_classes, d.f1)),
    ("binary", "macro_f1"): _jackknife(d.macro_deletions(d.of_both, d.f1)),
    ("multilabel", "macro_f1"): _jackknife(d.macro_deletions(d.of_labels, d.f1)),
    ("multiclass", "auroc"): _jackknife(d.class_area_deletions),
    ("binary", "auroc"): _jackknife(d.label_area_deletions),
    ("multilabel", "auroc"): _jackknife(d.label_area_deletions),
    ("multiclass", "log_loss"): _mean(cross_entropies),
    ("binary", "log_loss"): _mean(binary_cross_entropies),
    ("multilabel", "log_loss"): _mean(binary_cross_entropies),
    ("regression", "mse"): _mean(squared_errors),
    ("regression", "rmse"): _jackknife(d.rmse_deletions),
    ("regression", "mae"): _mean(_absolute_errors),
    ("regression", "r2"): _jackknife(d.r2_deletions),
    ("regression", "spearman"): _jackknife(d.spearman_deletions),
}
"""By the task's kind and the metric's name."""
