"""Training losses: class weights by hand and by torch, losses of a user's own, missing targets, baselines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.config import build
from mtlrun.data.suite import Suite
from mtlrun.data.task import Source, SuiteData, Task
from mtlrun.errors import ConfigError
from mtlrun.training.loop.task_losses import check_losses, losses_of
from mtlrun.training.objective.losses import loss_of

CPU = torch.device("cpu")
CLASSES = Task("c", "multiclass", 3, 0, ("accuracy",))
BINARY = Task("b", "binary", 1, 0, ("accuracy",))
LABELS = Task("l", "multilabel", 2, 0, ("accuracy",))
TARGETS = {
    "c": np.array([0, 0, 0, 1, 2, 2, 1, 1]),
    "b": np.array([[0], [0], [0], [1], [0], [1], [1], [1]], np.float32),
    "l": np.array([[0, 1], [0, 1], [1, 1], [0, 0], [0, 0], [1, 1], [1, 1], [1, 1]], np.float32),
}


def data(task: Task, targets=None) -> SuiteData:
    """Eight rows of which the first six train."""
    rows = {"train": np.arange(6), "val": np.array([6]), "test": np.array([7])}
    own = {task.name: TARGETS[task.name] if targets is None else targets}
    return SuiteData((task,), (Source("s", np.zeros((8, 2), np.float32), own, rows),))


def loss(task: Task, outputs, targets, *, lanes=None):
    (found,) = losses_of([task], [data(task)] * len(outputs) if lanes is None else lanes, CPU, torch.float64)
    return found(outputs, targets)


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def test_balanced_weights_are_of_training_rows_and_have_mean_1():
    task = replace(CLASSES, class_weights="balanced")
    outputs, targets = numbers(2, 5, 3), torch.tensor([[0, 1, 2, 2, 0], [1, 1, 1, 0, 2]])
    weights = torch.tensor([6 / 9, 6 / 3, 6 / 6], dtype=torch.float64)  # 3, 1 and 2 of 6 training rows
    each = torch.stack(
        [F.cross_entropy(o, t, weights, reduction="none") for o, t in zip(outputs, targets, strict=True)]
    )
    torch.testing.assert_close(loss(task, outputs, targets), each.mean(1))
    rows = torch.from_numpy(TARGETS["c"][:6])
    assert weights[rows].mean() == pytest.approx(1)


@pytest.mark.parametrize(
    ("task", "weights"),
    [
        (replace(BINARY, class_weights="balanced"), [[6 / 8, 6 / 4]]),
        (replace(BINARY, class_weights=(1.0, 3.0)), [[1, 3]]),
        (replace(LABELS, class_weights="balanced"), [[6 / 8, 6 / 4], [6 / 4, 6 / 8]]),
        (replace(LABELS, class_weights=(2.0, 5.0)), [[1, 2], [1, 5]]),
    ],
)
def test_weights_of_labels(task, weights):
    outputs = numbers(2, 4, task.outputs)
    targets = (numbers(8 * task.outputs).reshape(outputs.shape) > 0).double()
    w = torch.tensor(weights, dtype=torch.float64)
    each = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    expected = (torch.where(targets == 1, w[:, 1], w[:, 0]) * each).mean((1, 2))
    torch.testing.assert_close(loss(task, outputs, targets), expected)


def test_every_lane_has_the_weights_of_its_own_rows():
    task = replace(CLASSES, class_weights="balanced")
    other = np.array([2, 2, 2, 1, 0, 0, 1, 1])
    outputs, targets = numbers(1, 5, 3).expand(2, 5, 3), torch.tensor([[0, 1, 2, 2, 0]]).expand(2, 5)
    lanes = [data(task), data(task, other)]
    both = loss(task, outputs, targets, lanes=lanes)
    for lane, own in enumerate(lanes):
        torch.testing.assert_close(both[lane : lane + 1], loss(task, outputs[:1], targets[:1], lanes=[own]))
    assert both[0] != both[1]


def test_missing_targets_have_no_part_in_weights_or_losses():
    task = replace(CLASSES, class_weights="balanced", partial=True)
    kept = np.array([0, -1, 0, 1, 2, 2, -1, -1])
    outputs, targets = numbers(1, 4, 3), torch.tensor([[0, -1, 1, -1]])
    w = torch.tensor([5 / 6, 5 / 3, 5 / 6], dtype=torch.float64)
    expected = F.cross_entropy(outputs[0, ::2], targets[0, ::2], w, reduction="none").mean()
    torch.testing.assert_close(loss(task, outputs, targets, lanes=[data(task, kept)])[0], expected)
    none = torch.full((1, 4), -1)
    assert loss(task, outputs, none, lanes=[data(task, kept)]).tolist() == [0.0]


def test_a_class_without_training_rows_weighs_nothing_and_breaks_nothing():
    task = replace(CLASSES, class_weights="balanced")
    found = loss(task, numbers(1, 2, 3), torch.tensor([[1, 1]]), lanes=[data(task, np.array([0, 2] * 4))])
    assert found.tolist() == [0.0]


def test_without_weights_the_loss_is_the_kinds_own():
    for task in (CLASSES, BINARY, LABELS, replace(CLASSES, partial=True)):
        (found,) = losses_of([task], [data(task)], CPU, torch.float32)
        assert getattr(found, "__code__", found) is getattr(loss_of(task), "__code__", loss_of(task))


def own(task: Task, name: str, **arguments) -> Task:
    import json

    node = {"_target_": f"support.own_losses.{name}", **arguments}
    return replace(task, loss=json.dumps(node, sort_keys=True))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("focal", {}), ("focal", {"gamma": 0.5}), ("Scaled", {"factor": 3.0}), ("branching", {})],
)
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_users_loss_is_called_with_one_runs_outputs(name, arguments, lanes):
    from support import own_losses

    task = own(CLASSES, name, **arguments)
    outputs = (torch.arange(1, lanes + 1).view(-1, 1, 1) * numbers(lanes, 5, 3)).requires_grad_()
    targets = torch.tensor([[0, 1, 2, 2, 0]]).expand(lanes, 5)
    found = loss(task, outputs, targets, lanes=[data(task)] * lanes)
    called = getattr(own_losses, name)
    if isinstance(called, type):
        expected = [called(**arguments)(o, t) for o, t in zip(outputs, targets, strict=True)]
    else:
        expected = [called(o, t, **arguments) for o, t in zip(outputs, targets, strict=True)]
    torch.testing.assert_close(found, torch.stack(expected))
    (gradient,) = torch.autograd.grad(found.sum(), outputs)
    assert gradient.abs().sum() > 0


def test_a_value_for_each_example_passes_over_missing_targets():
    task = own(Task("r", "regression", 2, 0, ("mse",), partial=True), "each_absolute")
    outputs = torch.zeros(1, 3, 2, dtype=torch.float64)
    targets = torch.tensor([[[1, torch.nan], [3, 4], [torch.nan, torch.nan]]], dtype=torch.float64)
    (found,) = losses_of([task], [], CPU, torch.float64)
    assert found(outputs, targets).tolist() == [pytest.approx(8 / 3)]


@pytest.mark.parametrize(
    ("name", "task", "words"),
    [
        ("constant", CLASSES, "must be differentiable"),
        ("noisy", LABELS, "must draw no random numbers"),
        ("wrong_shape", CLASSES, r"4 examples gave the shape, found \(3,\)"),
        ("no_tensor", CLASSES, "must give a scalar tensor"),
        ("failing", CLASSES, "ValueError: these targets are not for me"),
        ("focal", replace(CLASSES, partial=True), "a value for each example where targets are missing"),
    ],
)
def test_what_is_no_loss_is_told(name, task, words):
    with pytest.raises(ConfigError, match=words) as error:
        check_losses([own(task, name)])
    assert f"`suite.losses.{task.name}`" in str(error.value)


def suite(**settings) -> Suite:
    node = {"_target_": "mtlrun.data.digits_parity.DigitsParity", **settings}
    return build(node)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"losses": {"digits": "a.b"}}, "did you mean digit?"),
        ({"losses": {"digit": "nowhere.loss"}}, "suite.losses.digit._target_"),
        ({"losses": {"digit": 3}}, "as my_package.my_loss"),
        ({"losses": {"digit": {"_target_": "support.own_losses.focal", "gama": 1}}}, "did you mean gamma?"),
        ({"losses": {"digit": "support.own_losses.Scaled"}}, "`suite.losses.digit.factor` must be given"),
        ({"class_weights": "balance"}, "must be balanced"),
        ({"class_weights": {"digit": [1, 2]}}, "balanced or 10 numbers from 0, one for each class"),
        ({"class_weights": {"parity": [1, -2]}}, "balanced or 2 numbers"),
        ({"class_weights": {"odd": "balanced"}}, "must name selected tasks"),
        (
            {"class_weights": {"digit": "balanced"}, "losses": {"digit": "support.own_losses.focal"}},
            "must not be given beside",
        ),
    ],
)
def test_faults_of_settings(settings, words):
    with pytest.raises(ConfigError) as error:
        suite(**settings).info()
    assert words in str(error.value)


def test_a_task_alone_has_its_own_loss_and_weights_and_forgets_those_of_others():
    both = suite(losses={"digit": "support.own_losses.focal"}, class_weights={"parity": "balanced"})
    alone = both.narrowed(["digit"])
    assert (alone.losses, alone.class_weights) == (
        {"digit": {"_target_": "support.own_losses.focal"}},
        None,
    )
    parity = both.narrowed(["parity"])
    assert (parity.losses, parity.class_weights) == (None, {"parity": "balanced"})
    everywhere = suite(losses=both.losses, class_weights="balanced")
    assert everywhere.narrowed(["parity"]) == parity and everywhere.narrowed(["digit"]) == alone


def config(seed=3, **settings):
    return run_config(seed, 6, **{f"suite__{k}": v for k, v in settings.items()})


def test_a_run_on_a_loss_that_is_the_kinds_own_is_the_plain_run():
    same = {"digit": {"_target_": "torch.nn.functional.cross_entropy"}}
    plain = cohort_of([config(1), config(3)], CPU).train()
    ours = cohort_of([config(1, losses=same), config(3, losses=same)], CPU).train()
    for name, values in plain[1].parameters.items():
        np.testing.assert_allclose(ours[1].parameters[name], values, rtol=1e-9, atol=1e-11)
    weighted = cohort_of([config(3, class_weights={"digit": [1.0] * 10, "parity": [1.0, 1.0]})], CPU).train()
    for name, values in plain[1].parameters.items():
        np.testing.assert_allclose(weighted[0].parameters[name], values, rtol=1e-9, atol=1e-11)
    other = cohort_of([config(3, class_weights={"digit": "balanced", "parity": [1, 4]})], CPU).train()
    assert not np.allclose(
        other[0].parameters["heads.tasks.1.bias"], plain[1].parameters["heads.tasks.1.bias"]
    )


@pytest.mark.parametrize("choices", [{"weighting": "auto_lambda"}, {"schedule": "fork_merge"}])
def test_every_place_that_asks_for_losses_gets_them(choices):
    scaled = {"digit": {"_target_": "support.own_losses.Scaled", "factor": 1.0}}
    plain = cohort_of([run_config(3, 6, **choices)], CPU).train()
    ours = cohort_of([run_config(3, 6, suite__losses=scaled, **choices)], CPU).train()
    for name, values in plain[0].parameters.items():
        np.testing.assert_allclose(ours[0].parameters[name], values, rtol=1e-9, atol=1e-11)
