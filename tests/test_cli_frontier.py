"""Fronts of fixed weights through the whole command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import mtlrun, planned, tiny

import mtlrun.training.loop.cohort as cohort_module

ASKED = ("frontier=3", "mitigation=none,pcgrad")


def page(store: Path, level: str = "rows") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(mtlrun("report", str(store), "--format", "json", "--level", level).out)
    return found


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a store with a study that asked for a front, and what the command printed."""
    store = tmp_path_factory.mktemp("front")
    result = mtlrun("sweep", *tiny(store, "suite=digits_two", *ASKED))
    assert result.code == 0
    return store, result.out


def test_a_front_is_trained_beside_the_study_and_reported(stored):
    store, out = stored
    assert "Frontier" in out and "equal trials" in out and "Against the front of all fixed weights" in out
    found = page(store)
    assert {row["mitigation"] for row in found["rows"]} == {"none", "pcgrad"}
    gains = [(gain["weighting"], gain["on_front"] is not None) for gain in found["front_gains"]]
    assert gains == [("static", True)] * 6 + [("equal", False)] * 2 + [("pcgrad", False)] * 2
    compared = {(row["mitigation"], row["against"]): row for row in found["frontier"]}
    assert len(compared) == 6
    assert compared["pcgrad", "trials"]["weights"] == [[1.0, 1.0]]
    assert compared["pcgrad", "all"]["points"] == 3 and compared["pcgrad", "time"]["wall_s"] > 0
    none = compared["none", "trials"]
    assert none["verdict"] == "on the front" and none["lead_pct"] == 0  # weights 1, 1 are its own


@pytest.mark.parametrize("kind", ["terminal", "md", "csv", "html", "latex", "parquet", "png", "svg"])
def test_every_format_has_the_level(stored, tmp_path, kind):
    file = tmp_path / f"front.{kind}"
    store = str(stored[0])
    assert mtlrun("report", store, "--level", "frontier", "--format", kind, "-o", str(file)).code == 0
    assert file.stat().st_size > 200


def test_rows_are_those_of_a_study_without_a_front(stored, tmp_path):
    mtlrun("sweep", *tiny(tmp_path, "suite=digits_two", "mitigation=none,pcgrad"))
    assert page(tmp_path)["rows"] == page(stored[0])["rows"]
    result = mtlrun(
        "report", str(tmp_path), "--level", "frontier", "--format", "png", "-o", str(tmp_path / "x")
    )
    assert result.code == 2 and "frontier=11" in result.err and "Traceback" not in result.err


def test_a_lock_holds_no_points_of_a_front(stored, tmp_path):
    lock = tmp_path / "lock.json"
    assert mtlrun("lock", str(stored[0]), "-o", str(lock)).code == 0
    assert len(json.loads(lock.read_text())["cells"]) == 2
    assert mtlrun("check", str(lock), "--store", str(stored[0])).code in (0, 3)  # three seeds may not decide


def test_a_grid_of_weights_is_a_front_with_no_further_key(tmp_path):
    cases = "hydra.sweeper.cases=[{weighting: static, weighting.grid: 3}, {weighting: pcgrad}]"
    assert mtlrun("sweep", *tiny(tmp_path, "suite=digits_two", cases)).code == 0
    found = page(tmp_path)
    assert (len(found["rows"]), len(found["front_gains"])) == (8, 8)
    assert {row["mitigation"] for row in found["frontier"]} == {"pcgrad"}


@pytest.mark.validity
def test_test_values_choose_nothing(stored, tmp_path, monkeypatch):
    load = cohort_module.Suite.load

    def other_test_labels(suite, seed):
        data = load(suite, seed)
        for source in data.sources:
            for name, values in source.targets.items():
                changed = values.copy()
                changed[source.splits["test"]] = changed[source.splits["test"]][::-1]
                source.targets[name] = changed
        return data

    for suite in cohort_module.Suite.__subclasses__():
        monkeypatch.setattr(suite, "load", other_test_labels)
    mtlrun("sweep", *tiny(tmp_path, "suite=digits_two", *ASKED))
    one, two = page(stored[0]), page(tmp_path)
    assert [p["on_front"] for p in one["front_gains"]] == [p["on_front"] for p in two["front_gains"]]
    assert [p["gain_pct"] for p in one["front_gains"]] != [p["gain_pct"] for p in two["front_gains"]]
    chosen = [
        [(r["against"], r["weights"]) for r in p["frontier"] if r["against"] != "time"] for p in (one, two)
    ]
    assert chosen[0] == chosen[1]


def test_points_are_tuned_alike_and_counted(tmp_path):
    overrides = tiny(tmp_path, "suite=digits_two", *ASKED, "tune.optimizer.lr=[0.001,0.01]", "tune.seeds=1")
    assert mtlrun("sweep", *overrides).code == 0
    compared = {(row["mitigation"], row["against"]): row for row in page(tmp_path)["frontier"]}
    found = compared["pcgrad", "trials"]
    assert (found["trials"], found["points"], found["points_trials"]) == (2, 1, 2)


def test_points_get_the_seeds_that_are_added(tmp_path):
    stop = ("stop.until=conclusive", "stop.max=5", "stop.batch=2")
    mtlrun("sweep", *tiny(tmp_path, "suite=digits_two", *ASKED, *stop))
    found = page(tmp_path)
    most = max(row["n_seeds"] for row in found["rows"])
    assert most == 5 and {point["n_seeds"] for point in found["front_gains"]} == {5}


def test_a_plan_counts_the_points(tmp_path):
    plain, with_front = (planned(*tiny(tmp_path, *asked)) for asked in ((), ("frontier=5",)))
    assert with_front["runs_new"] == plain["runs_new"] + 5 * 3
    assert with_front["cells"] == plain["cells"] + 5


@pytest.mark.parametrize("value", ["2", "abc", "[3]", "5,7"])
def test_faults_train_nothing(tmp_path, value):
    result = mtlrun("sweep", *tiny(tmp_path / "runs", f"frontier={value}"))
    assert result.code == 2 and "frontier" in result.err and "Traceback" not in result.err
    assert not list(tmp_path.glob("runs/*.parquet"))
