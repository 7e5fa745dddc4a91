"""Label smoothing by hand and against torch's own, and that evaluations are of the labels themselves."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.cohorts import cohort_of
from support.configs import run_config
from support.weighting import first_step

from mtlrun.regularization.label_smoothing import LabelSmoothing
from mtlrun.training.loop.evaluate import evaluate
from mtlrun.training.objective.losses import LOSSES

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)


def smoothed(kind, outputs, targets, smoothing):
    return LabelSmoothing(smoothing).loss(kind, LOSSES[kind](outputs, targets), outputs, targets)


def test_pinned_value_multiclass():
    # Probabilities 1/2, 1/4, 1/4 and the label 0: the loss is log 2, with the other labels log 4. Their mean is
    # (1 + 2 + 2) / 3 log 2 = 5/3 log 2; smoothing 0.3: (0.7 + 0.3 * 5/3) log 2 = 1.2 log 2.
    outputs = torch.tensor([[2.0, 1.0, 1.0]]).double().log()
    found = smoothed("multiclass", outputs, torch.tensor([0]), 0.3)
    assert found.item() == pytest.approx(1.2 * math.log(2))


@pytest.mark.parametrize("kind", ("binary", "multilabel"))
def test_pinned_value_binary(kind):
    # Probability 3/4 and the label 1: loss log 4/3, with label 0 log 4; smoothing 0.5 makes the target 3/4:
    # 3/4 log 4/3 + 1/4 log 4 = 2 log 2 - 3/4 log 3.
    outputs = torch.tensor([[3.0]]).double().log()
    found = smoothed(kind, outputs, torch.ones(1, 1).double(), 0.5)
    assert found.item() == pytest.approx(2 * math.log(2) - 0.75 * math.log(3))


def test_agrees_with_torch():
    outputs = torch.from_numpy(RNG.standard_normal((9, 5)) * 4)
    classes = torch.from_numpy(RNG.integers(0, 5, 9))
    labels = torch.from_numpy(RNG.integers(0, 2, (9, 5)).astype(float))
    torch.testing.assert_close(
        smoothed("multiclass", outputs, classes, 0.2), F.cross_entropy(outputs, classes, label_smoothing=0.2)
    )
    soft = F.binary_cross_entropy_with_logits(outputs, 0.8 * labels + 0.1)
    torch.testing.assert_close(smoothed("multilabel", outputs, labels, 0.2), soft)


def test_regression_is_left_alone_and_so_is_everything_without_smoothing():
    outputs, targets = (torch.from_numpy(RNG.standard_normal((4, 2))) for _ in range(2))
    assert smoothed("regression", outputs, targets, 0.5) == LOSSES["regression"](outputs, targets)
    classes = torch.tensor([0, 1, 1, 0])
    assert smoothed("multiclass", outputs, classes, 0.0) == LOSSES["multiclass"](outputs, classes)


def test_huge_scores_give_finite_losses_and_gradients():
    outputs = torch.tensor([[1e4, -1e4]], requires_grad=True)
    for kind, targets in (("multiclass", torch.tensor([1])), ("multilabel", torch.tensor([[0.0, 1.0]]))):
        loss = smoothed(kind, outputs, targets, 0.1)
        (gradient,) = torch.autograd.grad(loss, outputs)
        assert loss.isfinite() and gradient.isfinite().all()


def test_faults():
    assert [f.key for f in LabelSmoothing(1.0).faults()] == ["smoothing"]
    assert [f.key for f in LabelSmoothing(-0.1).faults()] == ["smoothing"]
    assert not list(LabelSmoothing(0.0).faults())


@pytest.mark.parametrize("weighting", ("equal", "pcgrad"))
def test_the_step_trains_on_smoothed_losses_lane_by_lane(weighting):
    amounts = (0.0, 0.4)
    runs = [
        run_config(7, regularization="label_smoothing", regularization__smoothing=a, weighting=weighting)
        for a in amounts
    ]
    gradients, losses, _ = first_step(runs)
    cohort = cohort_of(runs, CPU)
    examples = next(cohort.batches(cohort.phases[0], 0)).examples
    outputs = cohort.forward(examples.inputs)
    for lane, amount in enumerate(amounts):
        expected = [
            smoothed(task.kind, out[lane], y[lane], amount)
            for task, out, y in zip(cohort.info.tasks, outputs, examples.targets, strict=True)
        ]
        torch.testing.assert_close(losses[lane], torch.stack(expected).detach())
        name = "heads.tasks.0.bias"
        (own,) = torch.autograd.grad(expected[0], cohort.forward.leaves[name], retain_graph=True)
        torch.testing.assert_close(gradients[name][lane], own[lane])


def test_metrics_are_of_the_labels_themselves():
    torch.set_num_threads(1)
    cohort = cohort_of([run_config(regularization="label_smoothing", regularization__smoothing=0.5)], CPU)
    (result,) = cohort.train()
    plain = cohort_of([run_config()], CPU)
    for name, values in plain.parameters.items():
        values.data.copy_(cohort.parameters[name])
    expected = evaluate(plain.forward, plain.bank, plain.bank.split("val")).values
    assert np.array_equal(result.values[-1, 1], expected[0])


def test_a_suite_of_regressions_trains_as_without():
    torch.set_num_threads(1)
    runs = [run_config(suite="linear_teachers", regularization=r) for r in ("none", "label_smoothing")]
    none, some = (cohort_of([run], CPU).train()[0].parameters for run in runs)
    assert all(np.array_equal(some[n], v) for n, v in none.items())
