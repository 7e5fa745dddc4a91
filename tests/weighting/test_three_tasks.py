"""Every weighting through the engine with three tasks (tests/training/test_lanes.py has two)."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.catalog import options

TASKS = ["digit", "even", "prime"]


@pytest.mark.sample(4)
@pytest.mark.parametrize("weighting", options("weighting"))
def test_a_run_of_three_tasks_is_the_same_alone_and_in_company(weighting):
    torch.set_num_threads(1)
    choices = {"suite": "digits_attributes", "suite__tasks": TASKS, "weighting": weighting, "steps": 15}
    one, *others = [
        run_config(seed, optimizer__lr=lr, **choices) for seed, lr in ((3, 3e-3), (4, 1e-2), (5, 3e-2))
    ]
    (alone,) = cohort_of([one], torch.device("cpu")).train()
    together = cohort_of([others[0], one, others[1]], torch.device("cpu")).train()
    assert [result.diverged_at for result in together] == [None] * 3
    for name, values in alone.parameters.items():
        found = together[1].parameters[name]
        assert np.linalg.norm(found - values) <= 1e-10 * np.linalg.norm(values), name
    weights = np.array(together[1].diagnostics["weights"])
    assert weights.shape == (2, 3)
    assert np.isfinite(weights).all()
