"""Scores of single examples, against leaving each out and computing the metric again."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mtlrun.training.objective.example_scores import SCORES, example_scores
from mtlrun.training.objective.metrics import METRICS

LANES, ROWS, CLASSES = 3, 24, 4
COLUMNS = {"binary": (1,), "multilabel": (3,), "regression": (1, 2)}

MEANS = [key for key in SCORES if key[1] in ("accuracy", "log_loss", "mse", "mae")]
LINEARISED = ("regression", "spearman")
EXACT = [key for key in SCORES if key != LINEARISED]

Given = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


def task(kind: str, case: str, columns: int = 2, rows: int = ROWS, lanes: int = LANES) -> Given:
    """Return outputs, targets and which are there of a task; `case` says what is special about it."""
    rng = torch.Generator().manual_seed(5)
    width = CLASSES if kind == "multiclass" else columns
    outputs = torch.randn(lanes, rows, width, generator=rng, dtype=torch.float64)
    noise = torch.randn(lanes, rows, width, generator=rng, dtype=torch.float64)
    if case == "ties":
        outputs, noise = outputs.round(), noise.round()
    if kind == "multiclass":
        targets = (outputs + 2 * noise).argmax(-1)
    elif kind == "regression":
        targets = outputs + noise
    else:
        targets = (outputs + noise > 0.2).double()
    there = None
    if case == "gaps":
        there = torch.rand(targets.shape, generator=rng) < 0.6
        there[:, :3] = False  # examples without any label
        targets = torch.where(there, targets, 0)
    if case == "lone":
        _make_lone(kind, targets, outputs)
    return outputs, targets, there


def _make_lone(kind: str, targets: torch.Tensor, outputs: torch.Tensor) -> None:
    """Leave one example of a class (in lane 0 it is got right, in lane 1 not), or one target that differs."""
    if kind == "multiclass":
        targets[targets == 2] = 1
        targets[:, 7] = 2
        outputs[0, 7, 2], outputs[1, 7, 2] = 9, -9
    else:
        targets[..., 0] = 0
        targets[:, 7, 0] = 1
        outputs[0, 7, 0], outputs[1, 7, 0] = 9, -9


def counted(kind: str, name: str, outputs: torch.Tensor, targets: torch.Tensor, there: torch.Tensor) -> int:
    """Return over how many classes, labels or columns a metric of one lane is a mean."""
    there_ = there.numpy()
    if kind == "multiclass":
        classes = np.arange(CLASSES)
        true = targets.numpy()[:, None] == classes
        guess = outputs.argmax(-1).numpy()[:, None] == classes
        there_ = there_[:, None] & np.ones_like(true)
    else:
        true, guess = targets.numpy() > 0.5, outputs.numpy() > 0
    yes, no = (true & there_).any(0), (~true & there_).any(0)
    if name == "auroc":
        return int((yes & no).sum())
    if kind != "multiclass" and (name == "balanced_accuracy" or kind == "binary"):
        no_guess = no if name == "balanced_accuracy" else no | (~guess & there_).any(0)
        yes_guess = yes if name == "balanced_accuracy" else yes | (guess & there_).any(0)
        return int(yes_guess.sum() + no_guess.sum())
    return int(yes.sum() if name == "balanced_accuracy" else (yes | (guess & there_).any(0)).sum())


def brute_force(kind: str, name: str, given: Given) -> torch.Tensor:
    """Return pseudo-values by leaving out one example after the other; a class that is lost counts as 0."""
    outputs, targets, there = given
    there = torch.ones_like(targets, dtype=torch.bool) if there is None else there
    found = torch.full(outputs.shape[:2], torch.nan, dtype=torch.float64)
    for r, (o, t, h) in enumerate(zip(outputs, targets, there, strict=True)):
        labelled = h.reshape(len(h), -1).any(-1)
        m, whole = int(labelled.sum()), METRICS[kind, name](o, t, h).item()
        for i in labelled.nonzero().flatten().tolist():
            keep = torch.arange(len(o)) != i
            rest = METRICS[kind, name](o[keep], t[keep], h[keep]).item()
            if name in ("auroc", "balanced_accuracy", "macro_f1"):
                left = counted(kind, name, o[keep], t[keep], h[keep])
                rest = rest * left / counted(kind, name, o, t, h) if left else 0.0
            elif math.isnan(rest):
                rest = 0.0  # r2 of targets that do not differ
            found[r, i] = m * whole - (m - 1) * rest
    return found


CASES = [
    (kind, name, columns, case)
    for kind, name in EXACT
    for columns in COLUMNS.get(kind, (CLASSES,))
    for case in ("plain", "ties", "gaps", "lone")
]


@pytest.mark.parametrize(("kind", "name", "columns", "case"), CASES)
def test_they_are_what_leaving_examples_out_gives(kind, name, columns, case):
    given = task(kind, case, columns)
    expected = brute_force(kind, name, given)
    assert expected.isfinite().all() if case != "gaps" else expected.isfinite().any()
    torch.testing.assert_close(SCORES[kind, name](*given), expected, rtol=1e-9, atol=1e-9, equal_nan=True)


def test_only_an_exact_metric_has_none():
    assert set(METRICS) - set(SCORES) == {("regression", "excess_risk")}
    assert set(SCORES) <= set(METRICS)
    assert example_scores("regression", "excess_risk") is None
    assert example_scores("binary", "auroc") is SCORES["binary", "auroc"]


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("case", ["plain", "ties", "gaps"])
def test_rank_correlation_is_within_one_over_n(case, columns):
    worst = []
    for rows in (50, 200):
        given = task("regression", case, columns, rows, lanes=2)
        expected = brute_force(*LINEARISED, given)
        found = SCORES[LINEARISED](*given)
        assert torch.equal(found.isnan(), expected.isnan())
        worst.append((found - expected).nan_to_num().abs().max().item() * rows)
        spread = [x.nan_to_num().std().item() for x in (found, expected)]
        assert spread[0] == pytest.approx(spread[1], rel=10 / rows)
    assert worst[1] < 2 * worst[0] and max(worst) < 10  # n times the error does not grow with n


def test_rank_correlation_with_a_constant_side():
    outputs, targets, _ = task("regression", "plain")
    outputs[..., 0] = 0.1
    found = SCORES[LINEARISED](outputs, targets)
    alone = SCORES[LINEARISED](outputs[..., 1:], targets[..., 1:])
    torch.testing.assert_close(found, alone / 2)
    assert not SCORES[LINEARISED](outputs[..., :1], targets[..., :1]).any()


@pytest.mark.parametrize("case", ["plain", "ties", "gaps"])
@pytest.mark.parametrize(("kind", "name"), SCORES)
def test_their_mean_is_near_the_metric(kind, name, case):
    outputs, targets, there = task(kind, case, COLUMNS.get(kind, (0,))[-1], rows=400)
    metric = METRICS[kind, name](outputs, targets, there)
    found = SCORES[kind, name](outputs, targets, there)
    exact = (kind, name) == LINEARISED or (
        (kind, name) in MEANS and (there is None or kind in ("multiclass", "binary"))
    )
    torch.testing.assert_close(found.nanmean(-1), metric, rtol=0, atol=1e-12 if exact else 0.01)
    labelled = torch.ones(found.shape, dtype=torch.bool)
    if there is not None:
        labelled = there if kind == "multiclass" else there.any(-1)
    assert torch.equal(found.isnan(), ~labelled)


@pytest.mark.parametrize("kind", ["multiclass", "binary"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_example_is_right_or_wrong(kind, dtype):
    for case in ("plain", "gaps"):
        outputs, targets, there = task(kind, case, 1)
        outputs = outputs.to(dtype)
        found = SCORES[kind, "accuracy"](outputs, targets, there)
        assert found.dtype == dtype
        assert set(found[~found.isnan()].tolist()) == {0.0, 1.0}


def test_by_hand():
    # right, wrong, right, no label
    outputs = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [5.0, 0.0]])
    there = torch.tensor([True, True, True, False])
    found = SCORES["multiclass", "accuracy"](outputs, torch.tensor([1, 1, 0, 0]), there)
    assert found[:3].tolist() == [1.0, 0.0, 1.0] and found[3].isnan()
    # errors 3, 4, 0: root mean squares (25/3)^.5, without each (16/2)^.5, (9/2)^.5, (25/2)^.5
    squares = SCORES["regression", "rmse"](torch.tensor([[3.0], [4.0], [0.0]]), torch.zeros(3, 1))
    whole = 3 * (25 / 3) ** 0.5
    assert squares.tolist() == pytest.approx([whole - 2 * (rest / 2) ** 0.5 for rest in (16, 9, 25)])
    # positives 1, 3 and negatives 0, 2: 3 of 4 pairs in order; without each 2/2, 1/2, 1/2, 2/2
    area = SCORES["binary", "auroc"](
        torch.tensor([[1.0], [3.0], [0.0], [2.0]]), torch.tensor([[1.0], [1.0], [0.0], [0.0]])
    )
    assert area.tolist() == pytest.approx([3 - 3 * 1, 3 - 3 * 0.5, 3 - 3 * 0.5, 3 - 3 * 1])


def delong_components(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the components of positives and of negatives, (classifiers, m) each, of pairs compared one by one."""
    difference = scores[:, positive, None] - scores[:, None, ~positive]
    wins = (np.sign(difference) + 1) / 2
    return wins.mean(2), wins.mean(1)


def test_variance_of_the_area_is_that_of_delong():
    rng = np.random.default_rng(1)
    positive = rng.random(500) < 0.3
    scores = (rng.normal(size=(3, 500)) + rng.normal(size=500) + 0.8 * positive).round(1)
    targets = torch.tensor(np.broadcast_to(positive, scores.shape).astype(float)).unsqueeze(-1)
    found = SCORES["binary", "auroc"](torch.tensor(scores).unsqueeze(-1), targets).numpy()
    of_positives, of_negatives = delong_components(scores, positive)
    delong = np.cov(of_positives) / positive.sum() + np.cov(of_negatives) / (~positive).sum()
    np.testing.assert_allclose(np.cov(found) / 500, delong, rtol=0.02)  # so that of differences agrees too


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", ["plain", "gaps"])
@pytest.mark.parametrize(("kind", "name"), SCORES)
def test_a_lane_does_not_depend_on_the_others(kind, name, case, dtype):
    outputs, targets, there = task(kind, case, COLUMNS.get(kind, (0,))[-1])
    outputs, targets = outputs.to(dtype), targets if kind == "multiclass" else targets.to(dtype)
    outputs[1], outputs[2, 5] = torch.nan, torch.inf  # lanes that diverged
    together = SCORES[kind, name](outputs, targets, there)
    assert together.shape == targets.shape[:2] and together.dtype == dtype
    lane = [None if x is None else x[:1] for x in (outputs, targets, there)]
    torch.testing.assert_close(together[:1], SCORES[kind, name](*lane), equal_nan=True)
    without_lanes = [None if x is None else x[0] for x in lane]
    torch.testing.assert_close(together[0], SCORES[kind, name](*without_lanes), equal_nan=True)
    labelled = ~together[0].isnan()
    assert labelled.sum() >= ROWS / 3 and together[0][labelled].isfinite().all()


@pytest.mark.parametrize(("kind", "name"), SCORES)
def test_what_stands_in_for_missing_labels_does_not_matter(kind, name):
    outputs, targets, there = task(kind, "gaps", COLUMNS.get(kind, (0,))[-1])
    expected = SCORES[kind, name](outputs, targets, there)
    nothing = ~there if kind != "multiclass" else ~there.unsqueeze(-1)
    other = SCORES[kind, name](outputs.masked_fill(nothing, torch.nan), targets.masked_fill(~there, 1), there)
    torch.testing.assert_close(other, expected, equal_nan=True)


@pytest.mark.parametrize(("kind", "name"), SCORES)
def test_float32_is_accurate(kind, name):
    outputs, targets, _ = task(kind, "plain", COLUMNS.get(kind, (0,))[-1], rows=3000)
    outputs = outputs.float()
    targets = targets if kind == "multiclass" else targets.float()
    found = SCORES[kind, name](outputs, targets)
    exact = SCORES[kind, name](outputs.double(), targets if kind == "multiclass" else targets.double())
    torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kind", "name"), SCORES)
def test_one_example_or_none(kind, name):
    outputs, targets, _ = task(kind, "plain", COLUMNS.get(kind, (0,))[-1])
    there = torch.zeros_like(targets, dtype=torch.bool)
    assert SCORES[kind, name](outputs, targets, there).isnan().all()
    there[:, 4] = True
    found = SCORES[kind, name](outputs, targets, there)[:, 4]
    torch.testing.assert_close(found, METRICS[kind, name](outputs, targets, there), equal_nan=True)


def test_many_examples_take_no_square_of_their_number():
    rows = 100_000
    outputs, targets, _ = task("regression", "plain", 1, rows, lanes=1)
    for name in ("spearman", "r2", "rmse"):
        found = SCORES["regression", name](outputs, targets)
        assert found.mean().item() == pytest.approx(
            METRICS["regression", name](outputs, targets).item(), abs=1e-4
        )
