"""An exported model needs torch and safetensors alone, and gives what the run gave."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from support.commands import mtlrun, tiny

from mtlrun.errors import DataError
from mtlrun.launch.export import export
from mtlrun.launch.predict import outputs_of, predict
from mtlrun.launch.saved import SavedRun, saved_run
from mtlrun.store.store import Store
from mtlrun.store.weights import Weights

PLAIN = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from model import load
model = load()
outputs = model(torch.ones(3, 1, 8, 8))
print({task: tuple(out.shape) for task, out in outputs.items()}, "mtlrun" in sys.modules)
"""


def trained(store: Path, *overrides: str) -> SavedRun:
    """Return the multi-task run of a tiny study."""
    overrides = ("save=best", "seeds=1", "budget.steps=12", "budget.evaluations=6", *overrides)
    assert mtlrun("run", *tiny(store, *overrides)).code == 0
    return next(
        run
        for run in (saved_run(Store(store), run_id) for run_id in Weights(store).names())
        if len(run.info.tasks) > 1
    )


def loaded(folder: Path) -> torch.nn.Module:
    spec = importlib.util.spec_from_file_location("exported", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


@pytest.mark.parametrize(
    "overrides",
    (
        ("model=convnet",),
        ("sharing=mmoe", "suite=digits_permuted"),
        ("sharing=cross_stitch",),
        ("sharing=ltb",),
        ("sharing=mtan",),
    ),
    ids="-".join,
)
def test_it_gives_what_the_run_gives(tmp_path, overrides):
    run = trained(tmp_path / "runs", *overrides)
    export(run, tmp_path / "model")
    inputs = [np.random.default_rng(7).normal(size=(5, *s.input_shape)) for s in run.info.sources]
    found = loaded(tmp_path / "model")(*(torch.from_numpy(x).float() for x in inputs))
    expected = outputs_of(run, [x.astype(np.float32) for x in inputs])
    assert list(found) == [task.name for task in run.info.tasks]
    for out, wanted in zip(found.values(), expected, strict=True):
        torch.testing.assert_close(out, wanted, rtol=1e-5, atol=1e-6)


def test_it_loads_in_a_process_without_mtlrun(tmp_path):
    run = trained(tmp_path / "runs")
    result = mtlrun("export", run.run_id, "-o", str(tmp_path / "m"), "--store", str(tmp_path / "runs"))
    assert result.code == 0 and run.run_id in result.err
    command = [sys.executable, "-c", PLAIN, str(tmp_path / "m")]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert out.strip() == "{'digit': (3, 10), 'parity': (3, 1)} False"


def test_predictions_are_a_table(tmp_path):
    run = trained(tmp_path / "runs")
    inputs = np.random.default_rng(0).random((4, 1, 8, 8))
    np.save(tmp_path / "x.npy", inputs)
    pd.DataFrame(inputs.reshape(4, -1)).to_csv(tmp_path / "x.csv", index=False)
    digit, parity = outputs_of(run, [inputs.astype(np.float32)])
    for name in ("x.npy", "x.csv"):
        store = ("--store", str(tmp_path / "runs"), "-o", str(tmp_path / "out.csv"))
        assert mtlrun("predict", run.run_id[:12], str(tmp_path / name), *store).code == 0
        table = pd.read_csv(tmp_path / "out.csv")
        assert list(table.columns) == ["digit", *(f"digit_p{k}" for k in range(10)), "parity", "parity_p"]
        np.testing.assert_array_equal(table["digit"], digit.argmax(1))
        np.testing.assert_allclose(table["digit_p3"], digit.softmax(1)[:, 3], rtol=1e-5)
        np.testing.assert_allclose(table["parity_p"], parity.sigmoid()[:, 0], rtol=1e-5)


def test_files_that_do_not_fit_are_told(tmp_path):
    run = trained(tmp_path / "runs")
    bad = {
        "narrow.csv": "a,b\n1,2\n",
        "text.csv": "a\nx\n",
        "empty.csv": "",
        "holes.csv": ",".join(map(str, range(64))) + "\n" + "1," * 63 + "nan\n",
    }
    for name, text in bad.items():
        (tmp_path / name).write_text(text)
    messages = ("64 numbers each", "must hold numbers", "cannot be read", "finite numbers", "cannot be read")
    for name, message in zip([*bad, "absent.csv"], messages, strict=True):
        with pytest.raises(DataError, match=message):
            predict(run, [tmp_path / name])
    with pytest.raises(DataError, match="reads 1 inputs"):
        predict(run, [tmp_path / "narrow.csv"] * 2)
