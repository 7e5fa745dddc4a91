"""A linear model on a table is reduced-rank regression: width 1 and 2 against the closed forms, by NumPy.

Two targets, standardised on the training part, with equal weights: the objective is the sum of their mean squared
errors, so width 2 is least squares for each, and width 1 is least squares projected on the first principal direction
of its fitted values (Izenman, Reduced-rank regression for the multivariate linear model, Journal of Multivariate
Analysis 5, 1975).
"""

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun, reported

from mtlrun.data.tables.table import Table

TARGETS = {"one": "y1", "two": "y2"}


@pytest.fixture
def path(tmp_path):
    """Return a table of two targets that want different directions of five inputs, on scales of their own."""
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(400, 5)) * [1, 10, 0.1, 3, 5] + [0, 5, -1, 0, 2]
    scaled = (inputs - inputs.mean(0)) / inputs.std(0)
    weights = np.array([[1.0, 0.5, 0, -0.5, 0.2], [0.3, -0.8, 0.9, 0.1, 0]])
    values = scaled @ weights.T + 0.5 * rng.normal(size=(400, 2))
    frame = pd.DataFrame(inputs, columns=[f"x{k}" for k in range(5)])
    frame.assign(y1=100 + 30 * values[:, 0], y2=values[:, 1] / 50).to_csv(tmp_path / "two.csv", index=False)
    return tmp_path / "two.csv"


def closed_form(path, rank):
    """Return the test MSE of each target, in its unit, of the best linear map of some rank."""
    frame = pd.read_csv(path)
    rows = Table(path=str(path), targets=TARGETS).load(0).sources[0].splits
    inputs, targets = frame.filter(like="x").to_numpy(), frame[["y1", "y2"]].to_numpy()
    centre, mean, std = (
        inputs[rows["train"]].mean(0),
        targets[rows["train"]].mean(0),
        targets[rows["train"]].std(0),
    )
    x, y = inputs - centre, (targets - mean) / std
    map_, *_ = np.linalg.lstsq(x[rows["train"]], y[rows["train"]], rcond=None)
    _, _, directions = np.linalg.svd(x[rows["train"]] @ map_, full_matrices=False)
    kept = directions[:rank]
    fitted = x[rows["test"]] @ map_ @ kept.T @ kept * std + mean
    return ((fitted - targets[rows["test"]]) ** 2).mean(0)


@pytest.mark.sample(2)
@pytest.mark.parametrize("width", (1, 2))
def test_a_linear_model_of_a_width_is_the_best_map_of_that_rank(path, tmp_path, width):
    wanted = ("suite.targets={one: y1, two: y2}", "suite.metrics={regression: mse}", f"suite.path={path}")
    model = ("model=linear", f"model.width={width}", "optimizer=adam", "optimizer.lr=0.02")
    budget = ("budget=steps", "budget.steps=1500", "budget.batch_size=full", "budget.select=last")
    store = tmp_path / "runs"
    done = mtlrun(
        "run", "suite=table", *wanted, *model, *budget, "budget.evaluations=1", "seeds=2", f"store={store}"
    )
    assert done.code == 0, done.err
    rows = {row["task"]: row for row in reported(store)["rows"]}
    found = [rows[task]["mtl_mean"] for task in TARGETS]
    np.testing.assert_allclose(found, closed_form(path, width), rtol=0.01)
    np.testing.assert_allclose([rows[task]["stl_mean"] for task in TARGETS], closed_form(path, 2), rtol=0.01)
    if width == 1:
        assert found[0] > 1.1 * closed_form(path, 2)[0]  # the two ranks are told apart
