"""Metrics against scikit-learn and SciPy: ties, classes that a part lacks, missing labels, float32 and float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import spearmanr
from sklearn import metrics as sk

from mtlrun.training.objective.metrics import METRICS
from mtlrun.training.objective.missing_labels import filled, present

ROWS, CLASSES, LABELS = 60, 4, 3

CASES = ("plain", "ties", "sure", "lacking", "rare", "gaps")


def multiclass(case, rng):
    outputs, targets = rng.normal(size=(ROWS, CLASSES)), rng.integers(0, CLASSES, ROWS)
    if case == "ties":
        outputs = outputs.round()
    if case == "sure":
        outputs *= 15
    if case == "lacking":  # a class that is never there, and one that is never predicted
        targets[targets == 2] = 1
        outputs[:, 3] = -9
    if case == "rare":
        targets[targets == 2] = 0
        targets[7] = 2
    if case == "gaps":
        targets[rng.random(ROWS) < 0.5] = -1
    return outputs, targets


def labels(case, rng, columns):
    outputs = rng.normal(size=(ROWS, columns))
    targets = (outputs + rng.normal(size=outputs.shape) > 0.3).astype(float)
    if case == "ties":
        outputs = outputs.round(1)
    if case == "sure":
        outputs *= 15
    if case == "lacking":
        outputs[:, 0] = -1  # never predicted
    if case == "rare":
        targets[:, 0] = 0
        targets[7, 0] = 1
    if case == "gaps":
        targets[rng.random(targets.shape) < 0.5] = np.nan
    return outputs, targets


def amounts(case, rng):
    outputs = rng.normal(100, 20, (ROWS, 2))
    targets = outputs + rng.normal(0, 15, outputs.shape)
    if case == "ties":
        outputs, targets = outputs.round(-1), targets.round(-1)
    if case == "sure":
        outputs = targets.copy()
    if case == "lacking":
        outputs[:, 1] = 7.0  # the same for all: no order
    if case == "rare":
        targets[3] = 1e4
    if case == "gaps":
        targets[rng.random(targets.shape) < 0.5] = np.nan
    return outputs, targets


def found(kind, name, outputs, targets, dtype):
    y = torch.tensor(targets).to(dtype if np.issubdtype(targets.dtype, np.floating) else torch.int64)
    missing = () if present(y).all() else (present(y),)
    return METRICS[kind, name](torch.tensor(outputs, dtype=dtype), filled(y), *missing).item()


def mean_of(function, outputs, targets):
    """Return the mean over columns, each over the rows that are there and only where it has a value."""
    values = []
    for out, true in zip(outputs.T, targets.T, strict=True):
        there = ~np.isnan(true)
        if len(np.unique(true[there])) > 1:
            values.append(function(true[there], out[there]))
    return np.mean(values)


def of_classes(outputs, targets, dtype):
    kept = targets >= 0
    outputs, targets = outputs[kept], targets[kept]
    guess = outputs.argmax(1)
    one_hot = (targets[:, None] == np.arange(CLASSES)).astype(float)
    chances = (
        torch.tensor(outputs, dtype=dtype).softmax(1).double().numpy()
    )  # with the ties that rounding makes
    log_chances = torch.tensor(outputs).log_softmax(1).numpy()
    return {
        "accuracy": sk.accuracy_score(targets, guess),
        "balanced_accuracy": sk.recall_score(
            targets, guess, labels=np.unique(targets), average="macro", zero_division=0
        ),
        "macro_f1": sk.f1_score(targets, guess, average="macro", zero_division=0),
        "auroc": mean_of(sk.roc_auc_score, chances, one_hot),
        "log_loss": -log_chances[np.arange(len(targets)), targets].mean(),
    }


def of_labels(outputs, targets):
    there = ~np.isnan(targets)
    flat, guess = targets[there], (outputs > 0)[there]
    columns = [(t[~np.isnan(t)], (o > 0)[~np.isnan(t)]) for t, o in zip(targets.T, outputs.T, strict=True)]
    recalls = [sk.recall_score(t, g, pos_label=side) for t, g in columns for side in (0, 1)]
    one = targets.shape[1] == 1
    f1 = [sk.f1_score(t, g, average="macro" if one else "binary", zero_division=0) for t, g in columns]
    return {
        "accuracy": sk.accuracy_score(flat, guess),
        "balanced_accuracy": np.mean(recalls),
        "macro_f1": np.mean(f1),
        "auroc": mean_of(sk.roc_auc_score, outputs, targets),
        "log_loss": sk.log_loss(flat, np.clip(expit(outputs[there]), 1e-300, 1 - 1e-16), labels=[0, 1]),
    }


def of_amounts(outputs, targets):
    there = ~np.isnan(targets)
    means = np.broadcast_to(np.nanmean(targets, 0), targets.shape)
    spread = ((targets - means)[there] ** 2).sum()
    pairs = [(o[~np.isnan(t)], t[~np.isnan(t)]) for o, t in zip(outputs.T, targets.T, strict=True)]
    orders = [0.0 if np.ptp(o) == 0 else spearmanr(o, t).statistic for o, t in pairs]
    mse = sk.mean_squared_error(targets[there], outputs[there])
    return {
        "mse": mse,
        "rmse": mse**0.5,
        "mae": sk.mean_absolute_error(targets[there], outputs[there]),
        "r2": 1 - mse * there.sum() / spread
        if not there.all()
        else sk.r2_score(targets, outputs, multioutput="variance_weighted"),
        "spearman": np.mean(orders),
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["multiclass", "binary", "multilabel", "regression"])
def test_they_agree(kind, case, dtype):
    rng = np.random.default_rng(3)
    if kind == "multiclass":
        outputs, targets = multiclass(case, rng)
        expected = of_classes(outputs, targets, dtype)
    elif kind == "regression":
        outputs, targets = amounts(case, rng)
        expected = of_amounts(outputs, targets)
    else:
        outputs, targets = labels(case, rng, 1 if kind == "binary" else LABELS)
        expected = of_labels(outputs, targets)
    rel = 1e-5 if dtype == torch.float32 else 1e-10
    for name, value in expected.items():
        assert found(kind, name, outputs, targets, dtype) == pytest.approx(value, rel=rel, abs=1e-6), name
