"""Arrays from the command line: a study's table, worker processes, predictions for other files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun, planned, reported, tiny
from support.own_suites import write_files

from mtlrun.data.arrays.memory import ArraySuite
from mtlrun.data.given import suite_node
from mtlrun.store.store import Store
from mtlrun.trained.saved_run import saved_run
from mtlrun.user_code import find

ROWS = 160


def arrays():
    rng = np.random.default_rng(2)
    inputs = rng.normal(1000, 5, (ROWS, 6))
    price = 3e6 + 1000 * (inputs[:, 0] - inputs[:, 1])
    return inputs, {
        "price": price,
        "sky": np.array(["blue", "grey", "red"])[np.digitize(inputs[:, 2], [997, 1003])],
    }


def stored_file(folder):
    inputs, targets = arrays()
    np.savez(folder / "my.npz", inputs=inputs, **targets)
    return f"suite.path={folder / 'my.npz'}"


def test_a_study_ends_in_its_table_and_is_reused(tmp_path):
    own = ("suite=arrays", stored_file(tmp_path), "suite.name=weather")
    done = mtlrun("run", *tiny(tmp_path / "runs", *own))
    assert done.code == 0, done.err
    assert done.out.startswith("weather  sharing hard") and "STL: each" in " ".join(done.out.split())
    rows = reported(tmp_path / "runs")["rows"]
    assert {(row["suite"], row["task"], row["kind"], row["metric"]) for row in rows} == {
        ("weather", "price", "regression", "rmse"),
        ("weather", "sky", "multiclass", "accuracy"),
    }
    inputs, targets = arrays()
    node = ArraySuite(pd.DataFrame(inputs), targets).save(tmp_path / "other")
    again = planned(*tiny(tmp_path / "runs", "suite=arrays", f"suite.path={node['path']}"))
    assert (again["runs_new"], again["runs_reused"]) == (0, 9)


def test_worker_processes_give_the_same_values(tmp_path):
    path = ArraySuite(*arrays(), groups=np.arange(ROWS) // 4).save(tmp_path / "data")["path"]
    tables = []
    for processes in (1, 2):
        store = tmp_path / str(processes)
        command = tiny(store, "suite=arrays", f"suite.path={path}", "mitigation=pcgrad", "launch.width=2")
        done = mtlrun("run", *command, f"launch.processes={processes}")
        assert done.code == 0, done.err
        tables.append(reported(store)["rows"])
    assert tables[0] == tables[1]


def test_spawned_workers_find_a_suite_class_beside_the_script(tmp_path, monkeypatch):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "beside_the_script.py").write_text(
        "from dataclasses import dataclass\nfrom support.own_suites import Files\n"
        "@dataclass\nclass Mine(Files):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "code")
    write_files(tmp_path)
    node = suite_node(find("beside_the_script.Mine")(folder=str(tmp_path)), tmp_path)
    own = (f"suite._target_={node['_target_']}", f"+suite.folder={tmp_path}", "budget.batch_size=5")
    done = mtlrun("run", *tiny(tmp_path / "runs", *own), "launch.processes=2", "launch.width=2")
    assert done.code == 0, done.err
    assert [row["n_seeds"] for row in reported(tmp_path / "runs")["rows"]] == [3, 3]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "sweep", ["suite.train_size=40,0.5", "suite.pairs=all", "suite.splits=2", "suite.resplit=true"]
)
def test_settings_of_every_suite_are_overrides(tmp_path, sweep):
    inputs, targets = arrays()
    np.savez(tmp_path / "my.npz", inputs=inputs, **targets, deep=inputs[:, 3] > 1000)
    done = mtlrun(
        "sweep",
        *tiny(tmp_path / "runs", "suite=arrays", f"suite.path={tmp_path / 'my.npz'}", "seeds=2", sweep),
    )
    assert done.code == 0, done.err
    assert reported(tmp_path / "runs")["rows"]


@pytest.mark.parametrize("kind", ["npy", "npz", "csv"])
def test_predictions_for_other_files_are_in_the_unit_of_the_data(tmp_path, kind):
    own = (
        "suite=arrays",
        stored_file(tmp_path),
        "save=last",
        "seeds=1",
        "budget.steps=400",
        "optimizer.lr=0.01",
    )
    assert mtlrun("run", *tiny(tmp_path / "runs", *own)).code == 0
    run_id = reported(tmp_path / "runs", "--level", "runs")["runs"][0]["run_id"]
    inputs, targets = arrays()
    new = tmp_path / f"new.{kind}"
    if kind == "csv":
        pd.DataFrame(inputs[::-1]).to_csv(new, index=False)
    else:
        np.save(new, inputs[::-1]) if kind == "npy" else np.savez(new, inputs=inputs[::-1])
    done = mtlrun(
        "predict", run_id, str(new), "--store", str(tmp_path / "runs"), "-o", str(tmp_path / "out.csv")
    )
    assert done.code == 0, done.err
    found = pd.read_csv(tmp_path / "out.csv")[::-1].reset_index(drop=True)
    assert np.corrcoef(found["price"], targets["price"])[0, 1] > 0.95
    assert found["price"].mean() == pytest.approx(targets["price"].mean(), rel=1e-3)
    assert (found["sky"] == targets["sky"]).mean() > 0.8


def test_predictions_for_images_take_raw_bytes(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (ROWS, 1, 6, 6), dtype=np.uint8)
    path = ArraySuite(images, {"a": images.mean((1, 2, 3)) > 127, "b": images[:, 0, 0, 0] > 100}).save(
        tmp_path
    )["path"]
    own = ("suite=arrays", f"suite.path={path}", "save=last", "seeds=1", "budget.steps=60")
    assert mtlrun("run", *tiny(tmp_path / "runs", *own)).code == 0
    run_id = reported(tmp_path / "runs", "--level", "runs")["runs"][0]["run_id"]
    np.savez(tmp_path / "new.npz", inputs=images[:7])
    store = ("--store", str(tmp_path / "runs"))
    done = mtlrun("predict", run_id, str(tmp_path / "new.npz"), *store, "-o", str(tmp_path / "out.csv"))
    assert done.code == 0, done.err
    assert len(pd.read_csv(tmp_path / "out.csv")) == 7
    for wrong, told in (
        ({"x": images[:7]}, "must have an array `inputs`, found x"),
        ({"inputs": images[:7] + 0.5}, "must hold pixels as whole numbers"),
        ({"inputs": images[:7, :, :3]}, "must have examples of shape (1, 6, 6)"),
    ):
        np.savez(tmp_path / "bad.npz", **wrong)
        refused = mtlrun("predict", run_id, str(tmp_path / "bad.npz"), *store)
        assert refused.code == 2 and told in refused.err


def test_a_run_whose_arrays_have_changed_is_refused(tmp_path):
    own = ("suite=arrays", stored_file(tmp_path), "save=last", "seeds=1")
    assert mtlrun("run", *tiny(tmp_path / "runs", *own)).code == 0
    run_id = reported(tmp_path / "runs", "--level", "runs")["runs"][0]["run_id"]
    assert saved_run(Store(tmp_path / "runs"), run_id).suite.called() == "arrays"
    inputs, targets = arrays()
    np.savez(tmp_path / "my.npz", inputs=inputs + 1, **targets)
    np.save(tmp_path / "new.npy", inputs)
    refused = mtlrun("predict", run_id, str(tmp_path / "new.npy"), "--store", str(tmp_path / "runs"))
    assert refused.code == 2 and "my.npz has changed since this run was trained" in refused.err


def test_faults_of_a_file_are_one_message_without_a_traceback(tmp_path):
    np.savez(tmp_path / "bad.npz", inputs=np.array([{}] * 9), a=np.array([None] * 9))
    done = mtlrun("run", "suite=arrays", f"suite.path={tmp_path / 'bad.npz'}", "seeds=2")
    assert (
        done.code == 2 and "Traceback" not in done.err and done.err.count("must not hold Python objects") == 2
    )
    absent = mtlrun("plan", "suite=arrays", stored_file(tmp_path), "suite.tasks=[price,sun]")
    assert absent.code == 2 and "`suite.tasks` must name tasks of the suite, found 'sun'" in absent.err
