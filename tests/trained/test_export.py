"""An exported model needs torch and safetensors alone, and gives what the run gave."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.commands import mtlrun, reported
from support.saved import houses, loaded, trained

from mtlrun.trained.export import export
from mtlrun.trained.predict import outputs_of
from mtlrun.trained.saved_run import SavedRun
from mtlrun.training.objective.metrics import METRICS
from mtlrun.training.objective.missing_labels import filled, present

PLAIN = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from model import load
model = load()
outputs = model(torch.ones(3, 1, 8, 8))
print({task: tuple(out.shape) for task, out in outputs.items()}, "mtlrun" in sys.modules)
"""
OWN = ("model=custom",)
MODELS = (
    ("model=convnet",),
    ("model=linear",),
    ("model=convnet_deep", "model.channels=8", "model.groups=2"),
    ("model=transformer_tabular", "model.heads=2", "model.depth=2"),
    (*OWN, "model.encoder._target_=support.own_encoders.Rows"),
    (*OWN, "model.encoder._target_=support.own_encoders.Map", "regularization=dropout"),
    (*OWN, "model.encoder._target_=support.own_encoders.sequence", "sharing=branched"),
    ("model=resnet18", "model.norm=batch", "model.channels=2", "model.groups=1"),
    ("sharing=mmoe", "suite=digits_permuted"),
    ("sharing=cross_stitch",),
    ("sharing=ltb",),
    ("sharing=mtan",),
    ("sharing=cgc",),
    ("sharing=separate", "heads=mlp"),
    ("regularization=dropout", "sharing=branched"),
    ("dtype=float64", "budget.select=joint"),
)


@pytest.mark.sample(8)
@pytest.mark.parametrize("overrides", MODELS, ids="-".join)
def test_it_gives_what_the_run_gives(tmp_path, overrides):
    run = trained(tmp_path / "runs", *overrides)
    export(run, tmp_path / "model")
    inputs = [np.random.default_rng(7).normal(size=(5, *s.input_shape)) for s in run.info.sources]
    found = loaded(tmp_path / "model")(*(torch.from_numpy(x).float() for x in inputs))
    expected = outputs_of(run, [x.astype(np.float32) for x in inputs])
    assert list(found) == [task.name for task in run.info.tasks]
    for out, wanted in zip(found.values(), expected, strict=True):
        torch.testing.assert_close(out.double(), wanted, rtol=1e-5, atol=1e-6)


def test_an_encoder_that_branches_on_values_predicts_and_is_no_file(tmp_path):
    own = ("model=custom", "model.encoder._target_=support.own_encoders.Branching", "model.encoder.width=8")
    run = trained(tmp_path / "runs", *own)
    inputs = [np.random.default_rng(7).normal(size=(5, 1, 8, 8)).astype(np.float32)]
    assert [out.shape for out in outputs_of(run, inputs)] == [(5, 10), (5, 1)]
    command = ("export", run.run_id, "--store", str(tmp_path / "runs"), "-o", str(tmp_path / "model"))
    assert "add `--trust support.own_encoders`" in mtlrun(*command).err
    refused = mtlrun(*command, "--trust", "support.own_encoders")
    assert refused.code == 2
    assert "torch cannot trace the network" in refused.err


def test_names_of_somebody_else_are_text_in_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = trained(tmp_path / "runs")
    hostile = replace(run.spec, run_id='x"""\nopen("RAN", "w")\n"""\\')
    export(replace(run, spec=hostile), tmp_path / "model")
    assert loaded(tmp_path / "model").__class__.__name__ == "Model"
    assert not (tmp_path / "RAN").exists()


@torch.no_grad()
def measured(run: SavedRun, model: torch.nn.Module) -> dict[str, float]:
    """Return each task's primary metric on test, of a model that takes the inputs as the suite has them."""
    data, found = run.data, {}
    outputs = model(*(torch.tensor(s.inputs[s.splits["test"]]) for s in data.sources))
    for task in data.tasks:
        source = data.sources[task.source]
        target = torch.tensor(source.targets[task.name][source.splits["test"]])
        if task.name in source.units:
            mean, std = (torch.tensor(number) for number in source.units[task.name])
            target = target * std + mean
        out = outputs[task.name].to(target.dtype if target.is_floating_point() else torch.float32)
        seen = (out, filled(target), present(target)) if task.partial else (out, target)
        found[task.name] = float(METRICS[task.kind, task.metrics[0]](*seen))
    return found


@pytest.mark.sample(4)
@pytest.mark.parametrize("suite", ("digits_parity", "digits_permuted", "linear_teachers", "table"))
def test_it_measures_what_the_report_reads(tmp_path, suite):
    """The report reads what the lane engine measured, in the units of the data."""
    houses(tmp_path / "houses.csv")
    own = ("suite.path=" + str(tmp_path / "houses.csv"), "suite.targets={price: price, cold: cold, sky: sky}")
    run = trained(tmp_path / "runs", f"suite={suite}", *(own if suite == "table" else ()))
    export(run, tmp_path / "model")
    rows = reported(tmp_path / "runs", "--level", "runs")["runs"]
    assert measured(run, loaded(tmp_path / "model")) == {
        row["task"]: pytest.approx(row["mtl"], rel=1e-5) for row in rows
    }


def test_it_loads_in_a_process_without_mtlrun(tmp_path):
    run = trained(tmp_path / "runs")
    result = mtlrun("export", run.run_id, "-o", str(tmp_path / "m"), "--store", str(tmp_path / "runs"))
    assert result.code == 0 and run.run_id in result.err
    command = [sys.executable, "-c", PLAIN, str(tmp_path / "m")]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert out.strip() == "{'digit': (3, 10), 'parity': (3, 1)} False"


def test_it_can_be_trained_on_and_used_in_another_precision(tmp_path):
    run = trained(tmp_path / "runs")
    export(run, tmp_path / "model")
    model = loaded(tmp_path / "model").double()
    out = model(torch.ones(2, 1, 8, 8))
    assert out["digit"].dtype == torch.float64
    out["digit"].sum().backward()
    held = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any("body" in name for name in held)


def test_what_it_is_stands_beside_it(tmp_path):
    houses(tmp_path / "houses.csv")
    own = ("suite.path=" + str(tmp_path / "houses.csv"), "suite.targets={price: price, sky: sky}")
    run = trained(tmp_path / "runs", "suite=table", *own)
    export(run, tmp_path / "model")
    about = json.loads((tmp_path / "model" / "about.json").read_text())
    assert [task["classes"] for task in about["tasks"]] == [None, ["blue", "grey", "red"]]
    assert about["steps"] == run.saved.steps and about["run_id"] == run.run_id
    assert "price: amounts in the unit of the data" in (tmp_path / "model" / "model.py").read_text()
