"""GradDrop: hand values, the hashed numbers, TorchJD with the same numbers."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torchjd.aggregation import GradDrop as Oracle

from mtlrun.weighting.base import Signals
from mtlrun.weighting.graddrop import GradDrop, uniforms


def update(method, gradients, draw=0.3):
    """Return the shared gradient and the reported weights."""
    rows = torch.as_tensor(gradients, dtype=torch.float64)
    signals = Signals(
        torch.ones(len(rows)).double(), None, torch.tensor([draw]).double(), {}, torch.tensor(False)
    )
    return method.aggregate(rows, signals, {})[:2]


def test_each_element_keeps_one_sign():
    # Elements (3, -1): P = (1 + 2/4) / 2 = 3/4, so 3 where U < 3/4, else -1. Element 0 decides by its own U.
    (number,) = uniforms(torch.tensor([0.3]).double(), 1).tolist()
    expected, weights = ([3.0], [1, 0]) if number < 0.75 else ([-1.0], [0, 1])
    found = update(GradDrop(), [[3], [-1]])
    assert found[0].tolist() == expected
    assert found[1].tolist() == weights
    # leak 1/2 and 0: half of the dropped 3 stays, or nothing of the dropped -1
    assert update(GradDrop([0.5, 0.0]), [[3], [-1]])[0].item() == (3 if number < 0.75 else 0.5)


def test_without_conflict_it_is_the_sum():
    rows = np.array([[1.0, -2, 0, 0], [3, -4, 5, 0]])
    found, weights = update(GradDrop(), rows)
    assert found.tolist() == rows.sum(0).tolist()
    assert weights.tolist() == [1, 1]


def test_a_leak_of_1_is_the_sum():
    rows = np.random.default_rng(0).standard_normal((3, 50))
    assert update(GradDrop(1.0), rows)[0].numpy() == pytest.approx(rows.sum(0))


def test_the_mean_over_draws():
    # 3 stays with probability 3/4 and -1 else: mean 3 * 3/4 - 1/4 = 2
    rows = np.array([[3.0], [-1.0]]).repeat(40000, 1)
    assert update(GradDrop(), rows)[0].mean().item() == pytest.approx(2, abs=0.04)


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64), ids=str)
def test_numbers_are_uniform_and_unlike_in_elements_and_steps(dtype):
    draws = torch.tensor([0.1, 0.1 + 1e-6, 0.7], dtype=dtype).unsqueeze(1)
    found = torch.vmap(lambda draw: uniforms(draw, 20000))(draws).double().numpy()
    assert found.min() > 0 and found.max() < 1
    for row in found:
        assert kstest(row, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(row[1:], row[:-1])[0, 1]) < 0.03
    assert np.abs(np.corrcoef(found) - np.eye(3)).max() < 0.03


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_updates_agree_with_torchjd(tasks, monkeypatch):
    rng, leak = np.random.default_rng(tasks), [0.1 * t for t in range(tasks)]
    oracle = Oracle(leak=torch.tensor(leak).double())
    for draw in rng.random(200):
        rows = torch.from_numpy(rng.standard_normal((tasks, 12)))
        numbers = uniforms(torch.tensor([draw]), 12)
        monkeypatch.setattr(torch, "rand", lambda *_, numbers=numbers, **__: numbers)
        torch.testing.assert_close(update(GradDrop(leak), rows, draw)[0], oracle(rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("leak", (-0.1, 1.1, [0.5, 2.0], []))
def test_faults(leak):
    assert [fault.key for fault in GradDrop(leak).faults()] == ["leak"]
    assert not list(GradDrop([0.0, 1.0]).faults())
