"""Gradient methods at the shared representation, asked for on the command line."""

import pytest
import torch
from support.commands import mtlrun, reported, tiny
from support.configs import run_config
from support.weighting import first_step

METHODS = ("pcgrad", "mgda", "upgrad", "dualproj", "config")


def test_both_subjects_are_cells_of_one_study(tmp_path):
    choices = ["weighting=pcgrad,mgda", "weighting.on=parameters,representation", "seeds=2"]
    result = mtlrun("sweep", *tiny(tmp_path / "store", *choices))
    assert result.code == 0, result.err
    rows = [row for row in reported(tmp_path / "store")["rows"] if row["task"] == "digit"]
    assert len(rows) == 4
    cells = {(row["weighting"], row["hyper"].get("weighting.on")) for row in rows}
    assert cells == {(m, on) for m in ("pcgrad", "mgda") for on in ("parameters", "representation")}
    of_mgda = [row["mtl_mean"] for row in rows if row["weighting"] == "mgda"]
    assert of_mgda[0] != of_mgda[1]


@pytest.mark.parametrize("method", METHODS)
def test_weights_found_at_the_representation_serve_for_the_parameters(method):
    """Sums go through the encoder as they are, so the update is that of the same weights fixed."""
    on = {subject: run_configs(method, weighting__on=subject) for subject in ("parameters", "representation")}
    gradients, _, weights = first_step(on["representation"])
    fixed = [run_config(s, weighting="static", weighting__weights=w.tolist()) for s, w in enumerate(weights)]
    expected, _, _ = first_step(fixed)
    shared = [name for name in gradients if "heads" not in name]
    assert shared
    for name in shared:
        torch.testing.assert_close(gradients[name], expected[name])
    if method in ("mgda", "config"):
        assert not weights.allclose(first_step(on["parameters"])[2], rtol=1e-3)


def run_configs(method, **choices):
    return [run_config(seed, weighting=method, **choices) for seed in range(3)]


def test_another_subject_is_a_fault(tmp_path):
    result = mtlrun("run", *tiny(tmp_path, "weighting=pcgrad", "weighting.on=activations"))
    assert result.code == 2
    assert "weighting.on" in result.err and "representation" in result.err
