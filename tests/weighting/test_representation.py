"""Gradient methods at the shared representation, asked for on the command line."""

import pytest
import torch
import torch.nn.functional as F
from support.cohorts import cohort_of
from support.commands import mtlrun, reported, tiny
from support.configs import run_config
from support.weighting import first_step, vectorised

from mtlrun.catalog import load_option
from mtlrun.config import build
from mtlrun.training.network import Parts, build_network
from mtlrun.weighting.base import Signals
from mtlrun.weighting.graddrop import GradDrop

METHODS = ("pcgrad", "mgda", "upgrad", "dualproj", "config")


def test_both_subjects_are_cells_of_one_study(tmp_path):
    choices = ["weighting=pcgrad,mgda", "weighting.gradients_at=parameters,representation", "seeds=2"]
    result = mtlrun("sweep", *tiny(tmp_path / "store", *choices))
    assert result.code == 0, result.err
    rows = [row for row in reported(tmp_path / "store")["rows"] if row["task"] == "digit"]
    assert len(rows) == 4
    cells = {(row["weighting"], row["hyper"].get("weighting.gradients_at")) for row in rows}
    assert cells == {(m, on) for m in ("pcgrad", "mgda") for on in ("parameters", "representation")}
    of_mgda = [row["mtl_mean"] for row in rows if row["weighting"] == "mgda"]
    assert of_mgda[0] != of_mgda[1]


@pytest.mark.parametrize("method", METHODS)
def test_weights_found_at_the_representation_serve_for_the_parameters(method):
    """Sums go through the encoder as they are, so the update is that of the same weights fixed."""
    on = {
        subject: run_configs(method, weighting__gradients_at=subject)
        for subject in ("parameters", "representation")
    }
    gradients, _, weights = first_step(on["representation"])
    fixed = [run_config(s, weighting="static", weighting__weights=w.tolist()) for s, w in enumerate(weights)]
    expected, _, _ = first_step(fixed)
    shared = [name for name in gradients if "heads" not in name]
    assert shared
    for name in shared:
        torch.testing.assert_close(gradients[name], expected[name])
    if method in ("mgda", "config"):
        assert not weights.allclose(first_step(on["parameters"])[2], rtol=1e-3)


def test_graddrop_keeps_signs_of_the_representation():
    torch.set_num_threads(1)
    configs = [
        run_config(s, weighting="graddrop", weighting__gradients_at="representation") for s in range(2)
    ]
    cohort = cohort_of(configs, torch.device("cpu"))
    trainer, batch = cohort.begin(cohort.phases[0]), next(cohort.batches(cohort.phases[0], 0))
    gradients, losses, weights = trainer.program.gradients(trainer.lanes, batch)
    for lane, config in enumerate(configs):
        network = build_network(Parts.of(config), cohort.info, lane).double()
        inputs = batch.examples.inputs[0][lane]
        features = network.body.trunk(inputs)
        outputs = network.heads([features, features])
        digit, parity = (y[lane] for y in batch.examples.targets)
        each = (F.cross_entropy(outputs[0], digit), F.binary_cross_entropy_with_logits(outputs[1], parity))
        rows = torch.stack([torch.autograd.grad(x, features, retain_graph=True)[0].flatten() for x in each])
        signals = Signals(losses[lane], None, batch.draws[0][lane], {}, torch.tensor(False))
        update, expected, _ = GradDrop().aggregate(rows, signals, {})
        torch.testing.assert_close(weights[lane], expected)
        assert not torch.allclose(update, rows.sum(0))
        trunk = dict(network.body.trunk.named_parameters())
        found = torch.autograd.grad(features, list(trunk.values()), update.view_as(features))
        for name, value in zip(trunk, found, strict=True):
            torch.testing.assert_close(gradients[f"body.trunk.{name}"][lane], value)


def test_every_gradient_method_without_a_memory_of_gradients_works_on_both():
    built = {name: build(load_option("weighting", name)) for name in vectorised()}
    both = {name for name, method in built.items() if "gradients_at" in vars(method)}
    remembering = {
        "moco",
        "excess_mtl",
        "db_mtl",
    }  # elements of a representation are other examples' every step
    assert both == {name for name, method in built.items() if method.needs != "losses"} - remembering


def run_configs(method, **choices):
    return [run_config(seed, weighting=method, **choices) for seed in range(3)]


def test_another_subject_is_a_fault(tmp_path):
    result = mtlrun("run", *tiny(tmp_path, "weighting=pcgrad", "weighting.gradients_at=activations"))
    assert result.code == 2
    assert "weighting.gradients_at" in result.err and "representation" in result.err
