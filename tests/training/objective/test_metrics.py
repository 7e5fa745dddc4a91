"""Metrics and losses, by hand."""

import math

import pytest
import torch

from mtlrun.data.task import DEFAULT_METRICS
from mtlrun.data.task import METRICS as KNOWN
from mtlrun.training.objective.losses import LOSSES
from mtlrun.training.objective.metrics import METRICS


def metric(kind, name, outputs, targets):
    given = [
        torch.tensor(v, dtype=torch.float64 if isinstance(v[0], list) else None) for v in (outputs, targets)
    ]
    return METRICS[kind, name](*given).item()


def test_accuracy_counts_the_largest_output():
    outputs = [[0.1, 0.9, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 5.0], [1.0, 0.0, 0.5]]
    assert metric("multiclass", "accuracy", outputs, [1, 1, 2, 0]) == 0.75


def test_accuracy_of_logits():
    assert metric("binary", "accuracy", [[2.0], [-2.0], [0.5], [-0.1]], [[1.0], [0.0], [0.0], [0.0]]) == 0.75
    # of every label: 5 of 6
    outputs = [[1.0, -1.0, 1.0], [-1.0, -1.0, 3.0]]
    assert metric("multilabel", "accuracy", outputs, [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]) == pytest.approx(
        5 / 6
    )


def test_log_loss():
    # logits (ln 3, 0): probabilities 3/4 and 1/4
    outputs = [[math.log(3), 0.0]] * 2
    expected = (-math.log(3 / 4) - math.log(1 / 4)) / 2
    assert metric("multiclass", "log_loss", outputs, [0, 1]) == pytest.approx(expected)
    logits = [[math.log(3)], [math.log(3)]]
    assert metric("binary", "log_loss", logits, [[1.0], [0.0]]) == pytest.approx(expected)
    assert metric("multilabel", "log_loss", [[math.log(3)] * 2], [[1.0, 0.0]]) == pytest.approx(expected)


def test_the_loss_of_a_sure_and_right_answer_is_small_but_not_0():
    # ln(1 + e^-x) of a logit x: nothing may be lost by taking the difference of two large numbers
    for logit in (15.0, 25.0, 40.0):
        found = LOSSES["binary"](torch.tensor([[logit], [-logit]]), torch.tensor([[1.0], [0.0]]))
        assert found.item() == pytest.approx(math.log1p(math.exp(-logit)), rel=1e-5)
        wrong = LOSSES["binary"](torch.tensor([[-logit]]), torch.tensor([[1.0]]))
        assert wrong.item() == pytest.approx(logit, rel=1e-6)


# residuals (1, -1, 2, 0): squares 1 + 1 + 4 + 0
OUTPUTS, TARGETS = [[2.0], [1.0], [5.0], [4.0]], [[1.0], [2.0], [3.0], [4.0]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", 6 / 4),
        ("excess_risk", 6 / 4),
        ("rmse", math.sqrt(6 / 4)),
        ("mae", 4 / 4),
        ("r2", 1 - 6 / 5),  # targets about their mean 2.5: 2.25 + 0.25 + 0.25 + 2.25
    ],
)
def test_regression(name, expected):
    assert metric("regression", name, OUTPUTS, TARGETS) == pytest.approx(expected)


def test_r2_of_the_best_and_of_the_mean():
    assert metric("regression", "r2", TARGETS, TARGETS) == 1
    assert metric("regression", "r2", [[2.5]] * 4, TARGETS) == 0
    # two outputs, each about its own mean: 1 - 1 / (0.5 + 50)
    found = metric("regression", "r2", [[0.0, 10.0], [2.0, 20.0]], [[0.0, 10.0], [1.0, 20.0]])
    assert found == pytest.approx(1 - 1 / 50.5)


def test_r2_has_no_value_where_targets_do_not_differ():
    assert math.isnan(metric("regression", "r2", OUTPUTS, [[2.0]] * 4))


def test_every_metric_of_a_suite_can_be_computed():
    for kind, names in DEFAULT_METRICS.items():
        assert all((kind, name) in METRICS for name in names)
    assert {name for _, name in METRICS} == set(KNOWN)
    assert {kind for kind, _ in METRICS} == set(LOSSES) == set(DEFAULT_METRICS)


def test_losses_are_means_over_examples():
    outputs, targets = (
        torch.randn(6, 3, generator=torch.Generator().manual_seed(0)),
        torch.tensor([0, 1, 2, 0, 1, 2]),
    )
    halves = [LOSSES["multiclass"](outputs[part], targets[part]) for part in (slice(0, 3), slice(3, 6))]
    torch.testing.assert_close(LOSSES["multiclass"](outputs, targets), sum(halves) / 2)
    labels = (outputs > 0).float()
    for kind in ("binary", "multilabel", "regression"):
        halves = [LOSSES[kind](outputs[part], labels[part]) for part in (slice(0, 3), slice(3, 6))]
        torch.testing.assert_close(LOSSES[kind](outputs, labels), sum(halves) / 2)


@pytest.mark.parametrize(("kind", "name"), METRICS)
def test_leading_axes_are_lanes(kind, name):
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(4, 6, 3, generator=generator)
    if kind == "multiclass":
        targets = torch.randint(3, (4, 6), generator=generator)
    else:
        targets = torch.randn(4, 6, 3, generator=generator)
        targets = targets if kind == "regression" else (targets > 0).float()
    together = METRICS[kind, name](outputs, targets)
    alone = [METRICS[kind, name](o, t) for o, t in zip(outputs, targets, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone))
