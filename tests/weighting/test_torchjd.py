"""TorchJD's aggregators and scalarizers in the engine: TorchJD's own results, lanes apart, faults."""

import sys

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.commands import mtlrun, reported, tiny
from support.configs import run_config
from support.weighting import SIZE, first_step
from torchjd import aggregation

from mtlrun.weighting.base import Signals
from mtlrun.weighting.torchjd import TorchJD, aggregators, scalarizers

CALLS = {
    "AlignedMTL": "",
    "ConFIG": "pref_vector=[1,2,3]",
    "Constant": "weights=[0.5,1,2]",
    "GradDrop": "",
    "IMTLG": "",
    "MGDA": "epsilon=1e-4 max_iters=20",
    "Mean": "",
    "PCGrad": "",
    "Random": "",
    "Sum": "",
    "TrimmedMean": "trim_number=1",
}


def aggregate(method, rows, draw=0.25):
    signals = Signals(torch.ones(len(rows)).to(rows), None, torch.tensor([draw]), {}, torch.tensor(False))
    return method.aggregate(rows, signals, {})[:2]


def test_a_hand_value():
    # (g1 + g2) / 2 of g1 = (1, 0), g2 = (0, 2)
    update, weights = aggregate(TorchJD("Mean"), torch.tensor([[1.0, 0], [0, 2]]))
    assert (update.tolist(), weights.tolist()) == ([0.5, 1], [0.5, 0.5])


@pytest.mark.parametrize("name", CALLS)
def test_updates_are_those_of_torchjd(name):
    method = TorchJD(name, CALLS[name])
    rows = torch.from_numpy(np.random.default_rng(0).standard_normal((3, SIZE)))
    before = torch.get_rng_state()
    update, weights = aggregate(method, rows)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng([]):
        torch.manual_seed(2**29)  # a quarter of 2^31
        assert torch.equal(update, method.build(rows)(rows))
    assert update.dtype == weights.dtype == torch.float64


SCALARIZERS = {
    "COSMOS": "lambda_=0.5 weights=[1,2,3]",
    "GeometricMean": "",
    "PBI": "theta=5 weights=[1,2,3]",
    "STCH": "mu=0.1",
    "scalarization.Constant": "weights=[0.5,1,2]",
    "scalarization.Mean": "",
    "scalarization.Random": "",
    "scalarization.Sum": "",
}


def weigh(method, losses, draw=0.25):
    signals = Signals(torch.tensor(losses).double(), None, torch.tensor([draw]), {}, torch.tensor(False))
    return method.weigh(signals, {})[0]


@pytest.mark.parametrize("name", SCALARIZERS)
def test_tasks_weigh_as_the_slopes_of_scalarizers(name):
    method = TorchJD(name, SCALARIZERS[name])
    assert method.needs == "losses"
    losses, before = torch.tensor([0.5, 1, 2]).double().requires_grad_(), torch.get_rng_state()
    with torch.random.fork_rng([]):
        torch.manual_seed(2**29)
        (expected,) = torch.autograd.grad(method.build(losses)(losses), losses)
    with torch.no_grad():
        torch.testing.assert_close(weigh(method, losses.tolist()), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_hand_values_of_scalarizers():
    # (L1 L2)^(1/2) for L = (1, 4): slopes (L2, L1) / (2 * 2)
    assert weigh(TorchJD("GeometricMean"), [1, 4]).tolist() == pytest.approx([1, 1 / 4])
    assert weigh(TorchJD("scalarization.Mean"), [1, 4]).tolist() == [1 / 2, 1 / 2]
    assert weigh(TorchJD("scalarization.Mean"), [1, torch.nan]).isnan().all()


def test_every_scalarizer_without_a_memory_is_offered():
    named = {name for name in scalarizers() if "." not in name}
    assert {name.split(".")[-1] for name in SCALARIZERS} == named
    assert {"scalarization." + name for name in named} == set(scalarizers()) - named
    assert not {"UW", "FAMO", "DWA", "IMTLL", "Scalarizer"} & named


def test_random_aggregators_draw_from_the_run():
    rows = torch.from_numpy(np.random.default_rng(0).standard_normal((3, SIZE)))
    first, same, other = (aggregate(TorchJD("Random"), rows, draw)[0] for draw in (0.25, 0.25, 0.75))
    assert torch.equal(first, same) and not torch.allclose(first, other)


def test_a_broken_run_gets_no_finite_update():
    update, _ = aggregate(TorchJD(), torch.full((3, SIZE), torch.nan))
    assert update.isnan().all()


def test_lanes_of_a_cohort_are_those_of_runs_alone():
    configs = [run_config(s, 10, weighting="torchjd", weighting__name="MGDA") for s in range(3)]
    together = cohort_of(
        configs, torch.device("cpu"), "eager"
    ).train()  # a compiler that does not serve is no fault
    for config, ours in zip(configs, together, strict=True):
        (alone,) = cohort_of([config], torch.device("cpu")).train()
        for name, values in alone.parameters.items():
            assert np.linalg.norm(ours.parameters[name] - values) <= 1e-10 * np.linalg.norm(values)


def test_the_sum_is_equal():
    ours = first_step([run_config(s, weighting="torchjd", weighting__name="Sum") for s in range(2)])[0]
    equal = first_step([run_config(s, weighting="equal") for s in range(2)])[0]
    for name, gradient in equal.items():
        torch.testing.assert_close(ours[name], gradient)


def test_a_scalarizer_weighs_the_tasks_own_parameters_too():
    choices = {"weighting": "torchjd", "weighting__name": "GeometricMean"}
    ours = first_step([run_config(s, **choices) for s in range(2)])[0]
    expected = first_step([run_config(s, weighting="gls") for s in range(2)])[0]
    assert set(ours) == set(expected)
    for name, gradient in expected.items():
        torch.testing.assert_close(ours[name], gradient)


def test_by_the_command_line(tmp_path):
    bad = mtlrun("run", *tiny(tmp_path, "weighting=torchjd", "weighting.name=TrimmedMean"))
    assert bad.code == 2 and "weighting.settings" in bad.err
    choices = ["weighting=torchjd", "weighting.name=Constant", 'weighting.settings="weights=[2,1]"']
    good = mtlrun("run", *tiny(tmp_path, *choices, "seeds=2"))
    assert good.code == 0, good.err
    assert len(reported(tmp_path)["rows"]) == 2


@pytest.mark.parametrize(
    ("method", "key"),
    [
        (TorchJD("GradVac"), "name"),
        (TorchJD("Nothing"), "name"),
        (TorchJD("CAGrad"), "settings"),
        (TorchJD("UW"), "name"),
        (TorchJD("STCH"), "settings"),
        (TorchJD("MGDA", "epsilon=-1"), "settings"),
        (TorchJD("Mean", "c=1"), "settings"),
    ],
    ids=str,
)
def test_faults(method, key):
    assert [fault.key for fault in method.faults()] == [key]


def test_without_the_package_the_fault_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchjd", None)
    (fault,) = TorchJD().faults()
    assert fault.key == "name" and "mtlrun[torchjd]" in fault.rule


def test_every_aggregator_without_a_memory_is_offered():
    assert set(CALLS) < set(aggregators())
    assert not {"GradVac", "NashMTL", "Aggregator", "WeightedAggregator"} & set(aggregators())
    assert set(aggregators()) < set(aggregation.__all__)
