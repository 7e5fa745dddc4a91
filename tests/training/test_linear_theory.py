"""What the engine trains on linear teachers, against theory: X'X = n I, full batch, trained to convergence.

theta_hat_i = X_i'y_i / n is
each task's least-squares estimate. A trunk of width 1 with a scalar head per task and summed squared errors ends at
u u'theta_hat_i, u the top left singular vector of [theta_hat_1, theta_hat_2] (equal n).
"""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.config import build

SEEDS, DIM, SAMPLES = 200, 10, 50


COSINES = (0.0, 0.3, 0.5, 0.9, 1.0, -0.9)


def run_of(seed, cosine, width, tasks):
    choices = {
        "suite__tasks": list(tasks),
        "suite__cosine": cosine,
        "suite__dim": DIM,
        "suite__samples": SAMPLES,
        "suite__design": "orthonormal",
        "model": "linear",
        "model__width": width,
        "model__bias": False,
        "heads__bias": False,
        "optimizer": "sgd",
        "optimizer__lr": 0.03,
        "budget__batch_size": "full",
        "budget__evaluations": 1,
    }
    return run_config(seed, 1000, suite="linear_teachers", **choices)


def trained_risks(cosines, width, tasks=("a", "b")):
    """Excess risk on test after the last step, (cosines, seeds, tasks): all lanes in one cohort."""
    torch.set_num_threads(1)
    configs = [run_of(seed, cosine, width, tasks) for cosine in cosines for seed in range(SEEDS)]
    results = cohort_of(configs, torch.device("cpu")).train()
    place = [results[0].names.index((task, "excess_risk")) for task in tasks]
    return np.array([r.values[-1, 2, place] for r in results]).reshape(len(cosines), SEEDS, len(tasks))


@pytest.fixture(scope="module")
def width_1():
    return dict(zip(COSINES, trained_risks(COSINES, width=1), strict=True))


def estimates(suite, seed):
    """Least-squares estimates and true vectors of one seed, each (tasks, d)."""
    found = []
    for source in suite.load(seed).sources:
        rows = source.splits["train"]
        (target,) = source.targets.values()
        found.append(source.inputs[rows].T.astype(float) @ target[rows, 0] / len(rows))
    return np.array(found), suite.true_vectors(seed)


def standard_error(values):
    return values.std(0, ddof=1) / np.sqrt(len(values))


@pytest.mark.slow
@pytest.mark.parametrize("cosine", COSINES)
def test_width_1_ends_at_each_seeds_own_optimum(width_1, cosine):
    risks, suite = width_1[cosine], build(run_of(0, cosine, 1, ("a", "b"))["suite"])
    optimum = np.empty_like(risks)
    for seed in range(SEEDS):
        estimate, truth = estimates(suite, seed)
        top = np.linalg.svd(estimate.T)[0][:, 0]
        optimum[seed] = ((estimate @ np.outer(top, top) - truth) ** 2).sum(1)
    assert (np.abs((risks - optimum).mean(0)) < 0.2 * standard_error(optimum)).all()
    if abs(cosine) >= 0.5:
        # n (R_1 + R_2) is about mu2^2 + sigma^2 (d + kappa); unit norms: mu^2 = n (1 +- |cosine|)
        low, high = SAMPLES * (1 - abs(cosine)), SAMPLES * (1 + abs(cosine))
        expected = (low + DIM + (high + low) / (high - low)) / SAMPLES
        assert risks.sum(1).mean() == pytest.approx(expected, rel=0.05)


def test_a_single_task_and_enough_width_are_least_squares():
    expected = DIM / SAMPLES  # sigma^2 d / n
    configs = [run_of(seed, 0.5, 1, (task,)) for task in ("a", "b") for seed in range(SEEDS)]
    results = cohort_of(configs, torch.device("cpu")).train()
    alone = np.array([r.values[-1, 2, 0] for r in results]).reshape(2, SEEDS)
    (wide,) = trained_risks([0.5], width=2)
    for risks, shared in zip(alone, wide.T, strict=True):
        assert abs(risks.mean() - expected) < 3 * standard_error(risks)
        assert shared.mean() == pytest.approx(risks.mean(), rel=0.01)
