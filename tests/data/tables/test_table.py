"""The suite of one table: run ids, notes, the first look, training, predictions."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun, reported

from mtlrun.config import identity, to_node
from mtlrun.data.tables.table import Table
from mtlrun.planning.runs import run_ids

TARGETS = {"heating": "heating", "cooling": "cooling", "level": "level"}


def run_id(suite):
    return run_ids({"suite": identity(to_node(suite))}, [0])[0]


def written(targets):
    return json.dumps(targets).replace('"', "")


def suite_of(path, **settings):
    return Table(path=str(path), targets=TARGETS, **settings)


def test_run_ids_tell_content_not_place_nor_form(path, frame, tmp_path):
    frame.to_csv(tmp_path / "copy.csv", index=False, sep=";")
    frame.to_parquet(tmp_path / "copy.parquet")
    first = run_id(suite_of(path).narrowed(["heating"]))
    assert run_id(suite_of(tmp_path / "copy.csv").narrowed(["heating"])) == first
    assert run_id(suite_of(tmp_path / "copy.parquet").narrowed(["heating"])) == first
    assert run_id(suite_of(path, most_categories=50).narrowed(["heating"])) == first  # the same inputs
    assert run_id(suite_of(path, ignored=["age"]).narrowed(["heating"])) != first
    frame.loc[7, "size"] += 1e-9
    frame.to_csv(path, index=False)
    assert run_id(suite_of(path).narrowed(["heating"])) != first


def test_a_baseline_is_the_same_whatever_the_other_tasks_and_columns(path, frame):
    two = Table(path=str(path), targets={"heating": "heating", "cooling": "cooling"}, ignored=["level"])
    assert run_id(two.narrowed(["heating"])) == run_id(suite_of(path).narrowed(["heating"]))
    assert "cooling" not in two.narrowed(["heating"]).input_columns()
    first = run_id(two.narrowed(["heating"]))
    frame.assign(level="other", more=1.0).to_csv(path, index=False)
    again = Table(path=str(path), targets=two.targets, ignored=["level", "more"])
    assert run_id(again.narrowed(["heating"])) == first


def test_narrowing_twice_changes_nothing(path):
    once = suite_of(path, metrics={"regression": "mae"}, types={"age": "category"}).narrowed(
        ["heating", "level"]
    )
    assert once.narrowed(["heating", "level"]) == once
    assert not list(once.faults())
    assert once.metrics == {"heating": "mae"}


def test_the_first_look_tells_columns_tasks_parts_notes_and_what_is_shared(path, frame):
    frame["rooms"] = 4
    frame["fahrenheit"] = frame["heating"] * 1.8 + 32
    frame.loc[:49, "age"] = None
    frame.loc[:19, "level"] = None
    frame.to_csv(path, index=False)
    told = mtlrun(
        "show", "suite=table", f"suite.path={path}", f"suite.targets={written(TARGETS)}", "model=linear"
    )
    assert told.code == 0, told.err
    text = " ".join(told.out.split())
    assert "200 rows, 10 columns" in text
    assert re.search(r"age input number 25.0%", text)
    assert re.search(r"town input category '(Ulm|Bonn|Köln)' \d+,", text)
    assert all(f"'{town}'" in text for town in ("Ulm", "Bonn", "Köln"))
    assert "garden input boolean" in text and "sold input date 2021-03-" in text
    assert "heating target of heating number" in text
    correlation = np.corrcoef(frame["heating"], frame["size"])[0, 1]
    (shown,) = re.findall(r"size input number [^+-]*([+-][\d.]+)", text)
    assert abs(float(shown) - correlation) < 0.1  # of training rows
    assert "task level: multiclass (high, low, mid), missing in 10% of rows; accuracy," in text
    assert "split stratified by heating: train 140, val 20, test 40" in text
    assert "note: column rooms is the same in every row" in text
    assert "note: column fahrenheit alone tells heating, the target of heating" in text
    width = 1 + 2 + 3 + 1 + 5 + 1  # size, age with gaps, town, garden, sold, fahrenheit
    assert f"inputs: {width} numbers a row" in text
    assert f"parameters that tasks share: {64 * width + 64} (body" in text
    assert "parameters of heating alone: 65 (heads 65)" in text


def test_a_first_look_needs_no_targets_and_is_for_tables_alone(path):
    told = mtlrun("show", "suite=table", f"suite.path={path}")
    assert told.code == 0 and "no task yet" in told.out
    refused = mtlrun("show", "suite=digits_parity", "suite.train_size=100")
    assert refused.code == 2 and "has no table or arrays to look at" in refused.err


@pytest.fixture
def trained(path, frame, tmp_path):
    """Return what `mtlrun run` gave of a table with gaps in inputs and targets, and its store."""
    frame.loc[::5, "size"] = None
    frame.loc[::3, "level"] = None
    frame.loc[1::4, "cooling"] = None
    frame["copy"] = frame["cooling"].fillna(0)
    frame.to_csv(path, index=False)
    wanted = (
        "model=mlp",
        "model.width=16",
        "mitigation=none,pcgrad",
        "seeds=2",
        "budget.epochs=3",
        "budget.min_steps=1",
        "save=last",
    )
    store = tmp_path / "runs"
    targets = written({**TARGETS, "garden": "garden"})
    more = ("suite.categories=embedded", "suite.ignored=[copy]", "launch.processes=1")
    args = ("suite=table", f"suite.targets={targets}", *wanted, *more, f"store={store}")
    done = mtlrun("sweep", *args, f"suite.path={path}")
    assert done.code == 0, done.err
    return store, args


def test_a_study_with_missing_targets_is_trained_in_original_units_and_reused(trained, path, frame, tmp_path):
    store, args = trained
    rows = reported(store)["rows"]
    assert {(row["task"], row["metric"]) for row in rows} == {
        ("heating", "rmse"),
        ("cooling", "rmse"),
        ("level", "accuracy"),
        ("garden", "auroc"),
    }
    heating = [row["stl_mean"] for row in rows if row["task"] == "heating"]
    assert all(0.8 < value < 2 * frame["heating"].std() for value in heating)  # not in standard deviations
    assert all(np.isfinite(row["mtl_mean"]) for row in rows)
    frame.to_parquet(tmp_path / "moved.parquet")
    again = mtlrun("plan", *args, f"suite.path={tmp_path / 'moved.parquet'}", "--format", "json")
    assert json.loads(again.out)["runs_new"] == 0


def test_notes_come_before_training(path, frame, tmp_path):
    frame.assign(copy=frame["cooling"]).to_csv(path, index=False)
    store = f"store={tmp_path / 'runs'}"
    more = (
        "suite.targets={a: cooling}",
        "model=linear",
        "seeds=1",
        "budget.epochs=1",
        "budget.min_steps=1",
        store,
    )
    done = mtlrun("run", "suite=table", f"suite.path={path}", *more)
    assert done.code == 0 and "note: column copy alone tells cooling" in " ".join(done.err.split())


def test_predictions_for_new_rows_are_those_of_training(trained, path, frame, tmp_path):
    store, _ = trained
    rows = reported(store, "--level", "runs")["runs"]
    run = next(row["run_id"] for row in rows if row["mitigation"] == "none")
    fresh = frame.drop(columns=["heating", "cooling", "level"]).iloc[::-1].reset_index(drop=True)
    fresh.loc[0, "town"] = "Nowhere"
    fresh.to_parquet(tmp_path / "new.parquet")
    out = tmp_path / "out.csv"
    command = ("predict", run, str(tmp_path / "new.parquet"), "--store", str(store), "-o", str(out))
    done = mtlrun(*command)
    assert done.code == 0, done.err
    found = pd.read_csv(out)
    assert len(found) == len(frame) and np.isfinite(found.select_dtypes("number")).all().all()
    assert set(found["level"]) <= {"low", "mid", "high"}
    assert {"level_p_low", "garden_p"} <= set(found.columns)
    assert abs(found["heating"].mean() - frame["heating"].mean()) < 2 * frame["heating"].std()  # in its unit
    alone = fresh.iloc[[5]]
    alone.to_parquet(tmp_path / "new.parquet")
    assert mtlrun(*command).code == 0
    np.testing.assert_allclose(pd.read_csv(out)["heating"][0], found["heating"][5], rtol=1e-4)
    fresh.drop(columns="size").rename(columns={"age": "aeg"}).to_parquet(tmp_path / "new.parquet")
    refused = mtlrun(*command)
    assert refused.code == 2 and "lacks size, age (did you mean aeg?), found ['aeg'" in refused.err
    frame.astype({"size": object}).assign(size="big").to_parquet(tmp_path / "new.parquet")
    refused = mtlrun(*command)
    told = "new.parquet` cannot make column size into a number, because of row 1, found 'big'"
    assert refused.code == 2 and told in refused.err


def test_reports_on_pairs_tell_no_setting_that_only_follows_from_the_tasks(path, tmp_path):
    store = tmp_path / "runs"
    more = (
        "suite.pairs=all",
        "suite.kinds={level: multiclass}",
        "seeds=1",
        "budget.epochs=1",
        "budget.min_steps=1",
        f"store={store}",
    )
    done = mtlrun("sweep", "suite=table", f"suite.path={path}", f"suite.targets={written(TARGETS)}", *more)
    assert done.code == 0, done.err
    hyper = [row["hyper"] for row in reported(store)["rows"]]
    assert len(hyper) == 6 and all(set(settings) == {"suite.tasks"} for settings in hyper)
    both = tmp_path / "both"
    done = mtlrun(
        *("sweep", "suite=table", f"suite.path={path}", f"suite.targets={written(TARGETS)}", "seeds=1"),
        *("suite.ignored=[age],[size]", "budget.epochs=1", "budget.min_steps=1", f"store={both}"),
    )
    assert done.code == 0, done.err
    assert all("suite.inputs" in row["hyper"] for row in reported(both)["rows"])  # what was swept is told
