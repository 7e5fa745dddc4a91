"""Branches of a phase: which mixture is taken, lane by lane, worked out by hand."""

import pytest
import torch

from mtlrun.training.loop.branches import mixture, search

NAN = float("nan")


def searched(ends, goal, parts):
    """Search over branches of one number, each a list by lane, whose loss is the squared distance from `goal`."""
    branches = [{"p": torch.tensor(values, dtype=torch.float64)} for values in ends]
    target, tried = torch.tensor(goal, dtype=torch.float64), []

    def loss_of(weights):
        tried.append(weights)
        loss = (mixture(branches, weights)["p"] - target) ** 2
        return torch.where(loss.isfinite(), loss, torch.inf)

    weights, loss = search(loss_of, branches, parts)
    return weights.tolist(), loss.tolist(), len(tried)


def test_two_branches_are_mixed_by_the_best_of_the_coefficients():
    # Branches at 0 and 1, fifths: nearest to 0.62 is 3/5, to 0.95 all of the second, to -1 none of it.
    weights, loss, passes = searched([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], [0.62, 0.95, -1.0], 5)
    assert weights == [pytest.approx([0.4, 0.6]), [0.0, 1.0], [1.0, 0.0]]
    assert loss == pytest.approx([0.02**2, 0.05**2, 1.0])
    assert passes == 2 + 4  # both alone, then 1/5 to 4/5


def test_three_branches_are_mixed_one_after_another():
    # Branches at 4, 0 and 10, goal 3, halves. Losses 1, 9, 49: 4 comes first. Half of 0 gives 2, no better than 4
    # (loss 1, not smaller), so 4 stays; half of 10 gives 7, which is worse. Goal 2.5: losses 2.25, 6.25, 56.25;
    # 2 is better (0.25); half of 2 and half of 10 is 6, which is worse.
    weights, loss, passes = searched([[4.0, 4.0], [0.0, 0.0], [10.0, 10.0]], [3.0, 2.5], 2)
    assert weights == [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]
    assert loss == [1.0, 0.25]
    assert passes == 3 + 1 + 1


def test_of_equal_losses_the_first_branch_counts():
    assert searched([[2.0], [2.0]], [0.0], 4)[0] == [[1.0, 0.0]]


@pytest.mark.parametrize("broken", (NAN, float("inf")))
def test_a_branch_that_diverged_has_no_part(broken):
    ends = [[broken, 0.0], [1.0, 1.0]]
    weights, loss, _ = searched(ends, [0.0, 0.0], 5)
    assert weights == [[0.0, 1.0], [1.0, 0.0]]  # its neighbour does not notice
    assert loss == [1.0, 0.0]
    branches = [{"p": torch.tensor(values)} for values in ends]
    assert mixture(branches, torch.tensor(weights))["p"].tolist() == [1.0, 0.0]
