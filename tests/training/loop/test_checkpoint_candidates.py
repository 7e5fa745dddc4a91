"""Copies at evaluations: those that a rule may still choose, and no others."""

import numpy as np
import torch

from mtlrun.catalog import load_option
from mtlrun.config import build
from mtlrun.planning.settings.saving import Rule
from mtlrun.training.loop.checkpoint_candidates import Kept

SUITE = build(load_option("suite", "digits_parity"))  # digit and parity: accuracy and log-loss each


def kept(rule: Rule, *evaluations: tuple[float, float]) -> list[int]:
    """Return the steps of which copies are left after evaluations with these accuracies of the two tasks."""
    copies = Kept([[rule]], [SUITE], SUITE.info().tasks)
    for step, (digit, parity) in enumerate(evaluations, start=1):
        copies.offer(step, torch.tensor([[digit, 0.0, parity, 0.0]]), {"w": torch.full((1, 2), float(step))})
    assert all((tensors["w"] == step).all() for step, tensors in copies.copies[0].items())
    return sorted(copies.copies[0])


def test_one_that_is_beaten_in_every_task_is_dropped():
    assert kept(Rule("per_task"), (0.1, 0.1), (0.2, 0.3), (0.3, 0.2), (0.25, 0.25)) == [2, 3, 4]
    assert kept(Rule("joint"), (0.5, 0.5), (0.4, 0.4)) == [1]
    assert kept(Rule("joint"), (0.4, 0.4), (0.5, 0.5)) == [2]


def test_of_equal_ones_the_earliest_is_kept():
    assert kept(Rule("per_task"), (0.5, 0.1), (0.5, 0.1)) == [1]
    assert kept(Rule("per_task"), (0.5, 0.1), (0.5, 0.2)) == [
        1,
        2,
    ]  # digit is read at step 1, parity at step 2


def test_values_that_are_not_finite_are_never_best():
    assert kept(Rule("per_task"), (0.1, 0.1), (float("nan"), 0.05)) == [1]


def test_after_patience_nothing_counts():
    better_too_late = [(0.5, 0.5), (0.4, 0.4), (0.4, 0.4), (0.9, 0.9)]
    assert kept(Rule("joint", patience=2), *better_too_late) == [1]
    assert kept(Rule("joint", patience=3), *better_too_late) == [4]
    assert kept(Rule("joint", patience=2, after=1), *better_too_late) == [
        4
    ]  # the first has no part in patience
    assert kept(Rule("last", patience=2), *better_too_late) == [3]


def test_lanes_are_copied_apart():
    copies = Kept([[Rule("joint")], []], [SUITE, SUITE], SUITE.info().tasks)
    values = torch.tensor([[0.5, 0.0, 0.5, 0.0]] * 2)
    held = torch.zeros(2, 3)
    copies.offer(1, values, {"w": held})
    held += 1
    assert copies.copies[1] == {}
    np.testing.assert_array_equal(copies.copies[0][1]["w"], [0.0, 0.0, 0.0])
