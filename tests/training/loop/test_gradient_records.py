"""Records of the tasks' gradients: their values by plain autograd, and that recording changes no result."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.cohorts import cohort_of
from support.configs import run_config
from torch.func import functional_call

from mtlrun.training.loop.gradient_records import GradientRecords, layer_products
from mtlrun.training.network import Parts, build_network

CPU = torch.device("cpu")
PLAIN = {"optimizer": "sgd", "optimizer__momentum": 0.0, "optimizer__lr": 0.05}
STEPS = 4


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def trained(every, *seeds, **choices):
    """Train a cohort and return its results."""
    return cohort_of([run_config(seed, **choices) for seed in seeds or (0,)], CPU, every=every).train()


class PlainRun:
    """One run's gradients by ordinary autograd, flat, of the shared parameters."""

    def __init__(self, config, cohort, lane):
        self.network = build_network(Parts.of(config), cohort.info, config["seed"]).double()
        owners = self.network.owners()
        self.shared = [n for n, owner in owners.items() if owner is None]
        self.layers = self.network.layers()
        self.cohort, self.lane = cohort, lane

    def parameters(self):
        return {n: p[self.lane].detach().clone() for n, p in self.cohort.parameters.items()}

    def losses(self, parameters, batch):
        inputs, targets, _ = batch.examples
        outputs = functional_call(self.network, parameters, ([x[self.lane] for x in inputs],))
        return [
            F.cross_entropy(out, y[self.lane])
            if task.kind == "multiclass"
            else F.binary_cross_entropy_with_logits(out, y[self.lane])
            for task, out, y in zip(self.cohort.info.tasks, outputs, targets, strict=True)
        ]

    def gradients(self, parameters, batch):
        """Return each task's gradient by name."""
        named = {n: p.clone().requires_grad_() for n, p in parameters.items()}
        shared = [named[n] for n in self.shared]
        found = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in self.losses(named, batch)]
        return [dict(zip(self.shared, own, strict=True)) for own in found]

    def flat(self, gradients, layer=None):
        names = [n for n in self.shared if layer in (None, self.layers[n])]
        return torch.cat([gradients[n].flatten() for n in names])


def recorded(choices, seeds=(3, 4)):
    """Train by hand and record every step; return plain gradients and curvatures by lane, and what is kept."""
    configs = [run_config(seed, STEPS, **PLAIN, **choices) for seed in seeds]
    cohort = cohort_of(configs, CPU)
    (phase,) = cohort.phases
    names = [[task.name for task in data.tasks] for data in cohort.data]
    records = GradientRecords(1, cohort.network.layers(), names)
    trainer = cohort.begin(phase)
    runs = [PlainRun(config, cohort, lane) for lane, config in enumerate(configs)]
    expected = [[] for _ in runs]
    for step, batch in enumerate(cohort.batches(phase, 0)):
        before = [run.parameters() for run in runs]
        found = [run.gradients(p, batch) for run, p in zip(runs, before, strict=True)]
        records.before(trainer.program, trainer.lanes, batch, step + 1, evaluated=True)
        _, weights = trainer.step(batch, step)
        records.after(weights)
        for lane, run in enumerate(runs):
            now = run.parameters()
            ahead = before[lane] | {n: now[n] for n in run.shared}
            change = sum(map(run.flat, run.gradients(ahead, batch))) - sum(map(run.flat, found[lane]))
            update = run.flat(now) - run.flat(before[lane])
            curvature = (update @ change / (update @ update)).item()
            expected[lane].append((found[lane], curvature, weights[lane].tolist()))
    return runs, expected, records.told()


CASES = {
    "hard": ({}, ["layer 1", "layer 2"]),
    "three tasks": (
        {"suite": "digits_attributes", "suite__tasks": ["digit", "even", "prime"]},
        ["layer 1", "layer 2"],
    ),
    "pcgrad": ({"weighting": "pcgrad"}, ["layer 1", "layer 2"]),
    "at the representation": (
        {"weighting": "cagrad", "weighting__gradients_at": "representation"},
        ["layer 1", "layer 2"],
    ),
    "convnet": ({"model": "convnet"}, ["layer 1", "layer 2", "layer 3"]),
    "branched": (
        {"model": "convnet", "sharing": "branched", "sharing__shared_layers": 2},
        ["layer 1", "layer 2"],
    ),
    "experts": (
        {"sharing": "mmoe", "sharing__experts": 2},
        [f"expert {k} layer {b}" for k in (1, 2) for b in (1, 2)],
    ),
    "towers": (
        {"sharing": "cross_stitch"},
        [*(f"tower {k} layer {b}" for k in (1, 2) for b in (1, 2)), "mix 1 layer 1", "mix 2 layer 1"],
    ),
}


def pair_values(run, by_task, layer):
    """Return the cosines and magnitude similarities of all pairs."""
    rows = [run.flat(own, layer) for own in by_task]
    pairs = list(itertools.combinations(rows, 2))
    cosines = [F.cosine_similarity(a, b, dim=0).item() for a, b in pairs]
    alike = [(2 * a.norm() * b.norm() / (a.norm() ** 2 + b.norm() ** 2)).item() for a, b in pairs]
    return cosines, alike


@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_plain_autograd(case):
    choices, layers = CASES[case]
    runs, expected, kept = recorded(choices)
    close = {"rel": 1e-3, "abs": 1e-9}
    for run, steps, told in zip(runs, expected, kept, strict=True):
        found = told["gradients"]
        assert found["layers"] == layers
        assert found["steps"] == [1, 2, 3, 4]
        for step, (by_task, curvature, weights) in enumerate(steps):
            cosines, alike = pair_values(run, by_task, None)
            assert found["cosine"][step] == pytest.approx(cosines, **close)
            assert told["gradient_cosines"][step] == pytest.approx(cosines, rel=1e-6)
            assert found["magnitude_similarity"][step] == pytest.approx(alike, **close)
            norms = [run.flat(own).norm().item() for own in by_task]
            assert found["norm"][step] == pytest.approx(norms, **close)
            assert found["weight"][step] == pytest.approx(weights, **close)
            assert told["weights"][step] == weights
            assert told["curvature"][step] == pytest.approx(curvature, **close)
            for place, layer in enumerate(layers):
                cosines, alike = pair_values(run, by_task, layer)
                assert found["layer_cosine"][step][place] == pytest.approx(cosines, **close)
                assert found["layer_magnitude_similarity"][step][place] == pytest.approx(alike, **close)
        share = np.mean(np.array(found["cosine"]) < 0, axis=0)
        assert found["conflict_share"] == pytest.approx(share.tolist(), rel=1e-3)
        assert told["active"] == [list(range(len(norms)))] * STEPS


def test_the_curvature_is_that_of_the_hessian_along_a_small_step():
    small = {"optimizer__lr": 1e-5}
    config = run_config(3, 1, **{**PLAIN, **small})
    cohort = cohort_of([config], CPU)
    run = PlainRun(config, cohort, 0)
    named = {n: p.requires_grad_() for n, p in run.parameters().items()}
    (batch,) = cohort.batches(cohort.phases[0], 0)
    shared = [named[n] for n in run.shared]
    slopes = torch.autograd.grad(sum(run.losses(named, batch)), shared, create_graph=True)
    size = sum((g.detach() ** 2).sum() for g in slopes)
    along = torch.autograd.grad(sum((g * g.detach()).sum() for g in slopes), shared)
    expected = sum((h * g).sum() for h, g in zip(along, slopes, strict=True)) / size  # g'Hg / g'g
    (result,) = cohort_of([config], CPU).train()
    assert result.diagnostics["curvature"] == [pytest.approx(expected.item(), rel=2e-3)]


SETTINGS = (
    {},
    {"weighting": "pcgrad"},
    {"weighting": "famo", "regularization": "dropout"},
    {"weighting": "random", "sharing": "ltb"},
    {"weighting": "modo", "model": "convnet"},
    {"schedule": "fork_merge", "suite": "digits_attributes", "suite__primary": "digit"},
    {"model": "resnet18", "model__norm": "batch", "steps": 5},
    {"suite": "digits_permuted", "sharing": "mmoe", "optimizer": "sgd"},
)


@pytest.mark.sample(5)
@pytest.mark.parametrize("choices", SETTINGS, ids=lambda c: "-".join(map(str, c.values())) or "plain")
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_results_are_bit_equal_with_any_setting(choices, seeds):
    choices = {"steps": 12, "dtype": "float32", **choices}
    expected = trained(0, *seeds, **choices)
    for every in (None, 1, 5):
        for one, other in zip(trained(every, *seeds, **choices), expected, strict=True):
            assert np.array_equal(one.values, other.values)
            assert one.steps == other.steps
            assert one.merges == other.merges
            for name, value in other.parameters.items():
                assert np.array_equal(one.parameters[name], value), name


@pytest.mark.parametrize("weighting", ["equal", "pcgrad"])
def test_a_compiled_step_is_recorded_and_stays_as_it_is(weighting):
    configs = [run_config(seed, 9, weighting=weighting, dtype="float32") for seed in (0, 1)]
    found = [cohort_of(configs, CPU, "eager", every=every).train() for every in (0, 2)]
    for off, on in zip(*found, strict=True):
        assert all(np.array_equal(off.parameters[n], on.parameters[n]) for n in off.parameters)
        assert on.diagnostics["gradients"]["steps"] == [2, 4, 6, 8, 9]


def test_a_run_has_the_same_records_alone_and_in_company():
    (alone,) = trained(3, 1)
    together = trained(3, 0, 1, 2)[1]
    assert together.diagnostics["gradients"].keys() == alone.diagnostics["gradients"].keys()
    for name in ("cosine", "norm", "layer_cosine", "layer_magnitude_similarity", "weight"):
        found, expected = (np.array(r.diagnostics["gradients"][name]) for r in (together, alone))
        np.testing.assert_allclose(
            found, expected, rtol=1e-3
        )  # four digits, of which the last may round elsewhere
    for name in ("gradient_cosines", "weights"):
        np.testing.assert_allclose(together.diagnostics[name], alone.diagnostics[name], rtol=1e-9)


def test_steps_between_records_are_counted_over_the_run_and_evaluations_belong_to_them():
    (result,) = trained(7)
    assert result.diagnostics["gradients"]["steps"] == [7, 10, 14, 20]
    assert len(result.diagnostics["gradient_cosines"]) == len(result.steps) == 2
    (result,) = trained(None)
    assert result.diagnostics["gradients"]["steps"] == result.steps == [10, 20]


def test_off_keeps_nothing():
    assert [result.diagnostics for result in trained(0, 0, 1)] == [{}, {}]


@pytest.mark.parametrize(
    "choices", [{"sharing": "separate"}, {"suite__tasks": ["digit"]}, {"schedule": "alternating"}], ids=str
)
def test_where_nothing_is_shared_there_are_weights_alone(choices):
    (result,) = trained(5, **choices)
    found = result.diagnostics
    assert found["gradients"] == {}
    assert found["gradient_cosines"] == found["curvature"] == [None, None]
    assert all(len(w) == len(a) > 0 for w, a in zip(found["weights"], found["active"], strict=True))


def test_a_phase_that_freezes_what_is_shared_is_not_recorded():
    (result,) = trained(
        1, suite="digits_attributes", suite__tasks=["digit", "even"], schedule="feature_extraction"
    )
    assert result.diagnostics["gradients"] == {}


def test_a_layer_that_is_frozen_has_no_values():
    ones = torch.ones(2, 3)
    by_task = [{"a": ones}, {"a": -ones}]
    found = layer_products(by_task, {"a": "layer 1", "b": "layer 2"})
    assert found.shape == (2, 2, 2, 2)
    assert found[0, 0].tolist() == [[3, -3], [-3, 3]]
    assert not found[:, 1].any()
    assert torch.equal(layer_products(by_task, {})[:, 0], found[:, 0])


def test_a_diverged_run_has_no_numbers_and_its_neighbour_has():
    good = run_config(0, optimizer="sgd", dtype="float32")
    bad = run_config(0, optimizer="sgd", optimizer__lr=1e30, dtype="float32")
    one, other = cohort_of([good, bad], CPU).train()
    assert other.diverged_at is not None
    assert other.diagnostics["gradients"]["cosine"][-1] == [None]
    assert np.isfinite(np.array(one.diagnostics["gradients"]["cosine"], dtype=float)).all()


def test_of_many_tasks_layers_are_not_told_apart(monkeypatch):
    (expected,) = trained(5)
    monkeypatch.setattr("mtlrun.training.loop.gradient_records.MOST_TASKS", 1)
    (result,) = trained(5)
    found = result.diagnostics["gradients"]
    assert found["layers"] == []
    assert found["layer_cosine"] == [[]] * 4  # steps 5, 10, 15 and 20
    assert found["layer_conflict_share"] == []
    for name in ("cosine", "magnitude_similarity", "norm", "conflict_share"):
        whole = np.array(expected.diagnostics["gradients"][name])
        np.testing.assert_allclose(np.array(found[name]), whole, rtol=1e-3)
