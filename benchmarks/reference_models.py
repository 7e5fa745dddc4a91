"""What scikit-learn's models reach on the tasks of a suite, trained until they converge."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import accuracy_score, roc_auc_score, root_mean_squared_error
from sklearn.neural_network import MLPClassifier, MLPRegressor

from mtlrun.data.task import SuiteData, Task

WIDTHS = (64, 64)
STATES = 3
"""Random states over which an MLP's values are averaged."""


def reference_values(data: SuiteData) -> dict[str, dict[str, float]]:
    """Return by task the test values of a linear model with a tuned penalty and of an MLP of mtlrun's default size.

    Both are trained on the training rows, of inputs standardised as mtlrun does it, and read on the test rows.
    """
    found = {}
    for task in data.tasks:
        source = data.sources[task.source]
        inputs = source.inputs.astype(float)
        if source.scaling is not None:
            inputs = (inputs - source.scaling[0]) / source.scaling[1]
        inputs = inputs.reshape(len(inputs), -1)
        targets = source.targets[task.name].reshape(len(inputs))
        parts = [(inputs[rows], targets[rows]) for rows in (source.splits["train"], source.splits["test"])]
        unit = float(source.units[task.name][1][0]) if task.name in source.units else 1.0
        found[task.name] = {
            "linear": _value(_linear(task), task, parts, unit),
            "mlp": float(np.mean([_value(_mlp(task, state), task, parts, unit) for state in range(STATES)])),
        }
    return found


def _linear(task: Task) -> Any:
    if task.kind == "regression":
        return RidgeCV(alphas=np.logspace(-3, 4, 30))
    return LogisticRegressionCV(Cs=8, max_iter=2000, scoring="neg_log_loss")


def _mlp(task: Task, state: int) -> Any:
    kind = MLPRegressor if task.kind == "regression" else MLPClassifier
    return kind(hidden_layer_sizes=WIDTHS, max_iter=2000, random_state=state)


def _value(model: Any, task: Task, parts: list[tuple[np.ndarray, np.ndarray]], unit: float) -> float:
    (x, y), (test_x, test_y) = parts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        model.fit(x, y)
    metric = task.metrics[0]
    if metric == "rmse":
        return unit * float(root_mean_squared_error(test_y, model.predict(test_x)))
    if metric == "auroc":
        return float(roc_auc_score(test_y, model.predict_proba(test_x)[:, 1]))
    if metric == "accuracy":
        return float(accuracy_score(test_y, model.predict(test_x)))
    raise ValueError(f"no reference for metric {metric}")
