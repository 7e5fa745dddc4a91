"""Aligned-MTL: hand values, TorchJD, orthogonality, and lanes that cannot be decomposed."""

import numpy as np
import pytest
import torch
from support.weighting import gradient_families, make_case, run_case, run_stacked, weights_of
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_map
from torchjd.aggregation import AlignedMTLWeighting

from mtlrun.weighting.aligned_mtl import AlignedMTL
from mtlrun.weighting.base import Signals


def test_two_orthogonal_tasks():
    # G = diag(4, 1): G^(-1/2) = diag(1/2, 1), times sqrt(min) = 1, times (1/2, 1/2); median: the lower; mean 5/2
    assert weights_of(AlignedMTL(), [[4, 0], [0, 1]]) == pytest.approx([1 / 4, 1 / 2])
    assert weights_of(AlignedMTL("median"), [[4, 0], [0, 1]]) == pytest.approx([1 / 4, 1 / 2])
    expected = np.sqrt(5 / 2) * np.array([1 / 4, 1 / 2])
    assert weights_of(AlignedMTL("rmse"), [[4, 0], [0, 1]]) == pytest.approx(expected)


def test_two_tasks_in_conflict():
    # G = [[5, -3], [-3, 5]]: eigenvalues 2 along (1, 1) and 8 along (1, -1). The preference (1/2, 1/2) lies along
    # the first: sqrt(2) * (1/2, 1/2) / sqrt(2). In [[5, 3], [3, 5]] that one has 8: sqrt(2) * (1/2, 1/2) / sqrt(8).
    assert weights_of(AlignedMTL(), [[5, -3], [-3, 5]]) == pytest.approx([1 / 2, 1 / 2])
    assert weights_of(AlignedMTL(), [[5, 3], [3, 5]]) == pytest.approx([1 / 4, 1 / 4])


@pytest.mark.parametrize("scale", ("min", "median", "rmse"))
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks, scale):
    oracle, rng = AlignedMTLWeighting(scale_mode=scale), np.random.default_rng(tasks)
    rows = [rng.standard_normal((tasks, 12)) * 10.0 ** rng.uniform(-1, 1, (tasks, 1)) for _ in range(180)]
    rows += [
        rng.standard_normal((tasks, tasks - 1)) @ rng.standard_normal((tasks - 1, 12)) for _ in range(20)
    ]
    method = AlignedMTL(scale)
    found = run_stacked(method, [make_case(method, np.ones((1, tasks)), g, rng) for g in rows])[:, 0]
    for weights, gradients in zip(found, rows, strict=True):
        gramian = torch.from_numpy(gradients @ gradients.T)
        expected = oracle(gramian)
        torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_it_is_the_mean_of_orthogonal_components(tasks):
    # All G^(-1/2) g_i are orthonormal, so the update has length sqrt(min eigenvalue) / sqrt(T).
    gradients = np.random.default_rng(0).standard_normal((tasks, 30))
    update = weights_of(AlignedMTL(), gradients @ gradients.T) @ gradients
    shortest = np.linalg.svd(gradients, compute_uv=False).min()
    assert np.linalg.norm(update) == pytest.approx(shortest / np.sqrt(tasks))


@pytest.mark.parametrize("value", (torch.nan, torch.inf))
@pytest.mark.parametrize("tasks", (2, 3))
def test_a_lane_that_is_not_finite_stays_so_and_stops_no_other(tasks, value):
    method, rng = AlignedMTL(), np.random.default_rng(0)
    cases = [make_case(method, np.ones((1, tasks)), rng.standard_normal((tasks, 12)), rng) for _ in range(3)]
    cases[1] = cases[1]._replace(gramian=torch.full((tasks, tasks), value, dtype=torch.float64))
    found = run_stacked(method, cases)
    traced = make_fx(torch.vmap(lambda case: run_case(method, case)))  # as a compiled step is
    stacked = tree_map(lambda *leaves: torch.stack(leaves), *cases)
    assert torch.equal(traced(stacked)(stacked).nan_to_num(), found.nan_to_num())
    assert found.isfinite().all(2).flatten().tolist() == [True, False, True]


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_zero_gradients_leave_the_preference_and_dependent_ones_their_mean(tasks):
    assert weights_of(AlignedMTL(), np.zeros((tasks, tasks))) == pytest.approx(np.full(tasks, 1 / tasks))
    # one direction: eigenvalue T along (1, ..., 1), sqrt(T) / sqrt(T)
    assert weights_of(AlignedMTL(), np.ones((tasks, tasks))) == pytest.approx(np.full(tasks, 1 / tasks))
    for name, gradients in gradient_families(tasks, np.random.default_rng(0)).items():
        weights = weights_of(AlignedMTL(), gradients @ gradients.T)
        assert np.isfinite(weights).all(), name
        # no update is longer than the preference's longest component
        update = np.linalg.norm(weights @ gradients)
        assert update <= (1 + 1e-6) * np.linalg.norm(gradients, 2) / np.sqrt(tasks), name


@pytest.mark.parametrize(("dtype", "tolerance"), ((torch.float32, 1e-3), (torch.float64, 1e-9)), ids=str)
def test_agrees_with_torchjd_on_nearly_parallel_gradients_of_two_tasks(dtype, tolerance):
    # Eigenvalues down to 3e-7 of the largest, as in the ravine of experiments/landscape: at float32's threshold of
    # 2 eps = 2.4e-7 either rounding may leave a component out, which is why descents drift apart there.
    oracle, rng = AlignedMTLWeighting(), np.random.default_rng(0)
    for ratio in np.geomspace(1e-6, 1, 50):
        turn = np.linalg.qr(rng.standard_normal((2, 2)))[0]
        gradients = torch.from_numpy(turn @ np.diag([1, ratio**0.5])).to(dtype)
        gramian = gradients @ gradients.T
        signals = Signals(torch.ones(2), gramian, None, {}, torch.tensor(False))
        weights, expected = AlignedMTL().weigh(signals, {})[0], oracle(gramian)
        assert (weights - expected).norm() <= tolerance * expected.norm(), ratio
