"""Amounts that `mtlrun predict` and `mtlrun export` give: metrics recomputed from them are those of the report."""

import csv
import io
import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from support.commands import mtlrun
from support.saved import loaded, trained

from mtlrun.store.store import Store
from mtlrun.trained.export import export

OFFSETS, SCALES = (0.0, -1e3, 2e7, 1e12), (1e-9, 1e-3, 1.0, 1e9)
UNIX_TIME, JULIAN_DAY = 1.7e9, 2_460_000
DIGITS = 1e-12  # of an offset: much finer differences are none in double precision


def amounts(path):
    """Write a table with amounts of every offset and scale that doubles can hold together; return it."""
    rng = np.random.default_rng(11)
    inputs = rng.normal(size=(200, 4))
    signal = inputs[:, 0] - inputs[:, 1] + 0.3 * rng.normal(size=200)
    table = pd.DataFrame(inputs, columns=list("wxyz"))
    pairs = [p for p in itertools.product(OFFSETS, SCALES) if p[1] >= DIGITS * abs(p[0])]
    for k, (offset, scale) in enumerate(pairs):
        table[f"t{k}"] = offset + scale * signal
    table = table.assign(time=UNIX_TIME + signal, day=JULIAN_DAY + signal, hour=JULIAN_DAY + signal / 24)
    table.to_csv(path, index=False)
    return table


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("amounts")
    table = amounts(folder / "amounts.csv")
    targets = ", ".join(f"{name}: {name}" for name in table.columns[4:])
    own = (f"suite.path={folder / 'amounts.csv'}", f"suite.targets={{{targets}}}", "suite.inputs=[w,x,y,z]")
    return trained(folder / "runs", "suite=table", *own, "budget.steps=60"), table, folder


def measured(run, table, predicted):
    """Return RMSE, MAE and R2 of test rows by task, in double precision."""
    rows, found = run.data.sources[0].splits["test"], {}
    for task in run.info.tasks:
        true, guess = (np.asarray(t[task.name], dtype=np.float64)[rows] for t in (table, predicted))
        error = guess - true
        found[task.name, "rmse"] = math.sqrt(np.mean(error**2))
        found[task.name, "mae"] = np.mean(np.abs(error))
        found[task.name, "r2"] = 1 - np.sum(error**2) / np.sum((true - true.mean()) ** 2)
    return found


def read_text(text, delimiter=","):
    """Return a table of numbers, each read as the nearest double."""
    rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
    return pd.DataFrame({name: [float(row[name]) for row in rows] for name in rows[0]})


def stored(run, folder):
    curves = Store(folder / "runs").curves({run.run_id})
    curves = curves[(curves["split"] == "test") & (curves["step"] == curves["task"].map(run.saved.steps))]
    return curves.set_index(["task", "metric"])["value"].to_dict()


def is_as_reported(run, folder, found):
    reported = stored(run, folder)
    for (task, metric), value in found.items():
        close = pytest.approx(reported[task, metric], rel=2e-5, abs=2e-5 if metric == "r2" else 0)
        assert value == close, (task, metric)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "feather", "json"])
def test_metrics_of_a_file_of_predictions_are_the_reports(study, ending):
    run, table, folder = study
    out = folder / f"out.{ending}"
    command = ("predict", run.run_id, str(folder / "amounts.csv"), "--store", str(folder / "runs"))
    assert mtlrun(*command, "-o", str(out)).code == 0
    read = {
        "csv": lambda: read_text(out.read_text()),
        "tsv": lambda: read_text(out.read_text(), "\t"),
        "parquet": lambda: pd.read_parquet(out),
        "feather": lambda: pd.read_feather(out),
        "json": lambda: pd.DataFrame(json.loads(out.read_text())),
    }
    found = read[ending]()
    assert set(found.dtypes) == {np.dtype(np.float64)}
    assert found.nunique().min() > 100  # not all 2e+07
    is_as_reported(run, folder, measured(run, table, found))
    shown = read_text(mtlrun(*command).out)
    pd.testing.assert_frame_equal(found, shown, check_exact=True)


def test_metrics_of_an_exported_model_are_the_reports(study, tmp_path):
    run, table, folder = study
    export(run, tmp_path / "model")
    for model in (loaded(tmp_path / "model"), loaded(tmp_path / "model").double().float()):
        with torch.no_grad():
            outputs = model(torch.tensor(run.data.sources[0].inputs))
        assert {out.dtype for out in outputs.values()} == {torch.float64}
        found = {name: out[:, 0].numpy() for name, out in outputs.items()}
        is_as_reported(run, folder, measured(run, table, found))
