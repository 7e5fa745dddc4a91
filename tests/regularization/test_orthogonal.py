"""The difference loss by hand, its properties, and its place in the step."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.weighting import first_step

from mtlrun.errors import ConfigError
from mtlrun.regularization.orthogonal import Orthogonal

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)


def difference(shared, own, coefficient=1.0):
    return Orthogonal(coefficient).difference([shared], [own])


def features(*shape):
    return torch.from_numpy(RNG.standard_normal(shape))


def test_pinned_value():
    # Two examples. Shared features (4, 0), (0, 0), (4, 0), (0, 0) lose their mean (2, 0) and become rows
    # (1, 0), (-1, 0), (1, 0), (-1, 0). Own ones 5, 5, 1, 1 become 1, 1, -1, -1: the products' sum is 0. Own ones
    # 7, 3, 7, 7 lose their mean 6 and become 1, -1, 1, 1: the sum is (2, 0), over B = 4 it is (1/2, 0), squared 1/4.
    shared = torch.tensor([[4.0, 0], [0, 0], [4, 0], [0, 0]]).double()
    apart, alike = torch.tensor([[5.0, 5, 1, 1], [7.0, 3, 7, 7]]).double().unsqueeze(-1)
    assert difference(shared, apart).item() == pytest.approx(0)
    assert difference(shared, alike, 2.0).item() == pytest.approx(2 * 0.25)
    both = Orthogonal().difference([shared, shared], [alike, shared])  # the sum over tasks: 1/4 + 1
    assert both.item() == pytest.approx(1.25)


def test_it_lies_between_0_and_1_whatever_the_scale_the_offset_and_the_batch():
    shared, own = features(12, 5), features(12, 3)
    value = difference(shared, own)
    assert 0 < value < 1
    torch.testing.assert_close(difference(100 * shared + 7, own - 3), value)
    torch.testing.assert_close(difference(shared.repeat(3, 1), own.repeat(3, 1)), value)
    turn = torch.linalg.qr(features(5, 5))[0]
    torch.testing.assert_close(difference(shared @ turn, own), value)


def test_features_that_do_not_vary_give_0_and_a_finite_gradient():
    shared = torch.zeros(6, 4, dtype=torch.float64, requires_grad=True)
    value = difference(shared, features(6, 3))
    (gradient,) = torch.autograd.grad(value, shared)
    assert value == 0 and gradient.isfinite().all()


def test_faults():
    assert [f.key for f in Orthogonal(-1.0).faults()] == ["coefficient"]
    assert not list(Orthogonal(0.0).faults())


def sides(cohort, examples, lane):
    """Return the features of shared and own experts of two tasks, by plain layers."""
    encoders = []
    for number in range(3):  # the shared expert, then one of each task
        state = examples.inputs[0][lane].flatten(1)
        for block in range(2):
            place = f"body.experts.{number}.{block}.1."
            weight, bias = (cohort.forward.leaves[place + n][lane] for n in ("weight", "bias"))
            state = (state @ weight.T + bias).relu()
        encoders.append(state)
    return [encoders[0]] * 2, encoders[1:]


@pytest.mark.parametrize("weighting", ("equal", "static", "pcgrad", "graddrop"))
def test_its_gradient_is_added_whatever_the_weighting(weighting):
    coefficients = (0.5, 20.0)
    plain = [run_config(seed=s, sharing="cgc", weighting=weighting) for s in (0, 1)]
    settings = {"sharing": "cgc", "weighting": weighting, "regularization": "orthogonal"}
    runs = [
        run_config(seed=s, regularization__coefficient=c, **settings)
        for s, c in zip((0, 1), coefficients, strict=True)
    ]
    without, losses, weights = first_step(plain)
    found, same_losses, same_weights = first_step(runs)
    torch.testing.assert_close(losses, same_losses)
    torch.testing.assert_close(weights, same_weights)
    cohort = cohort_of(runs, CPU)
    examples = next(cohort.batches(cohort.phases[0], 0)).examples
    leaves = cohort.forward.leaves
    added = 0
    for lane, coefficient in enumerate(coefficients):
        value = Orthogonal(coefficient).difference(*sides(cohort, examples, lane))
        extra = torch.autograd.grad(value, list(leaves.values()), materialize_grads=True)
        for name, gradient in zip(leaves, extra, strict=True):
            torch.testing.assert_close(found[name][lane], without[name][lane] + gradient[lane])
            added += gradient[lane].abs().sum()
    assert added > 0.1


def test_training_takes_shared_and_own_features_apart():
    torch.set_num_threads(1)
    choices = {"sharing": "cgc", "regularization": "orthogonal", "steps": 60}
    left = []
    for coefficient in (0.0, 10.0):
        cohort = cohort_of([run_config(regularization__coefficient=coefficient, **choices)], CPU)
        cohort.train()
        examples = next(cohort.batches(cohort.phases[0], 0)).examples
        cohort.forward.leaves = {n: p.detach() for n, p in cohort.parameters.items()}
        left.append(Orthogonal().difference(*sides(cohort, examples, 0)).item())
    assert left[1] < 0.5 * left[0]


@pytest.mark.parametrize(
    "sharing", ("hard", "mmoe", "cross_stitch", "dselect_k", "adapters", "mtan", "branched")
)
def test_schemes_with_nothing_private_beside_what_is_shared_are_a_fault(sharing):
    with pytest.raises(ConfigError, match="here are none of a task's own"):
        cohort_of([run_config(sharing=sharing, regularization="orthogonal")], CPU)


@pytest.mark.parametrize("sharing", ("separate", "lateral", "soft"))
def test_schemes_with_nothing_shared_are_a_fault(sharing):
    with pytest.raises(ConfigError, match="here are no shared ones"):
        cohort_of([run_config(sharing=sharing, regularization="orthogonal")], CPU)


def test_a_baseline_has_nothing_to_compare():
    torch.set_num_threads(1)
    runs = [run_config(suite__tasks=["digit"], regularization=r) for r in ("none", "orthogonal")]
    none, some = (cohort_of([run], CPU).train()[0].parameters for run in runs)
    assert all(np.array_equal(some[n], v) for n, v in none.items())
