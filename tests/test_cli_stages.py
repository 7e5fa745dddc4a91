"""Studies in stages through the whole command line: tuning, seeds until conclusive, controls."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun, planned, tiny

import mtlrun.training.loop.cohort as cohort_module
from mtlrun.report.analysis.attribution import PARTS, SHARING
from mtlrun.store.store import Store

TUNE = ("tune.optimizer.lr=[0.0001,0.01]", "tune.seeds=2")


def page(store, level=None):
    extra = ("--level", level) if level else ()
    return json.loads(mtlrun("report", str(store), "--format", "json", *extra).out)


def test_validation_chooses_the_setting_and_fresh_seeds_judge(tmp_path):
    result = mtlrun("sweep", *tiny(tmp_path, "mitigation=none,pcgrad", *TUNE))
    assert result.code == 0 and "Settings were chosen on validation over 2 seeds" in result.out
    for row in page(tmp_path)["rows"]:
        assert row["tuned"]["settings"] == row["tuned"]["stl_settings"] == {"optimizer.lr": 0.01}
        assert (row["tuned"]["trials"], row["tuned"]["stl_trials"], row["n_seeds"]) == (2, 2, 3)
        assert "optimizer.lr" not in row["hyper"]
    again = mtlrun("sweep", *tiny(tmp_path, "mitigation=none,pcgrad", *TUNE))
    assert "run-steps in" not in again.err and again.out == result.out


@pytest.mark.validity
def test_test_values_choose_neither_setting_nor_step(tmp_path, monkeypatch):
    load = cohort_module.Suite.load

    def other_test_labels(suite, seed):
        data = load(suite, seed)
        for source in data.sources:
            for name, values in source.targets.items():
                changed = values.copy()
                changed[source.splits["test"]] = changed[source.splits["test"]][::-1]
                source.targets[name] = changed
        return data

    mtlrun("run", *tiny(tmp_path / "one", *TUNE))
    for suite in cohort_module.Suite.__subclasses__():
        monkeypatch.setattr(suite, "load", other_test_labels)
    mtlrun("run", *tiny(tmp_path / "two", *TUNE))
    one, two = (page(tmp_path / name) for name in ("one", "two"))
    assert [row["tuned"] for row in one["rows"]] == [row["tuned"] for row in two["rows"]]
    assert [row["mtl_mean"] for row in one["rows"]] != [row["mtl_mean"] for row in two["rows"]]
    steps = [[(r["step"], r["stl_step"]) for r in page(tmp_path / n, "runs")["runs"]] for n in ("one", "two")]
    assert steps[0] == steps[1]


def test_unequal_trials_are_told_loudly(tmp_path):
    result = mtlrun(
        "sweep", *tiny(tmp_path, "weighting=equal,cagrad", "tune.weighting.c=[0.1,0.4]", "tune.seeds=1")
    )
    assert "NOT of equally many trials" in " ".join(result.out.split())


def test_a_diverged_trial_is_no_failure_and_never_chosen(tmp_path):
    settings = ("optimizer=sgd", "tune.optimizer.lr=[1e30,0.01]", "tune.seeds=1")
    assert mtlrun("run", *tiny(tmp_path, *settings)).code == 0
    assert all(row["tuned"]["settings"] == {"optimizer.lr": 0.01} for row in page(tmp_path)["rows"])


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("tune.optimizer.rate=[1,2]", "tune.optimizer.rate"),
        ("tune.optimizer.lr=[-1,0.1]", "optimizer.lr"),
        ("tune.suite.noise=[1,2]", "tune.suite.noise"),
        ("controls=[luck]", "controls"),
        ("stop.until=tired", "stop.until"),
    ],
)
def test_faults_train_nothing(tmp_path, override, told):
    result = mtlrun("run", *tiny(tmp_path / "runs", override))
    assert result.code == 2 and told in result.err and "Traceback" not in result.err
    assert not list(tmp_path.glob("runs/*.parquet"))


def test_a_plan_counts_trials_and_controls(tmp_path):
    plain = planned(*tiny(tmp_path))["runs_new"]
    tuned = planned(*tiny(tmp_path, *TUNE))
    assert (plain, tuned["tuning_runs"], tuned["runs_new"]) == (9, 12, 21)
    # two tasks: capacity (and exposure, the same run) and shuffled, three seeds each
    assert planned(*tiny(tmp_path, "controls=[capacity,exposure,shuffled]"))["runs_new"] == plain + 12


def test_seeds_are_added_where_there_is_no_verdict(tmp_path):
    wanted = tiny(
        tmp_path,
        "suite=digits_two",
        "budget.steps=60",
        "stop.until=conclusive",
        "stop.max=14",
        "stop.batch=5",
    )
    result = mtlrun("run", *wanted)
    rows = page(tmp_path)["rows"]
    assert result.code == 0 and "Seeds were added until conclusive" in result.out
    assert {row["n_seeds"] for row in rows} <= {8, 13, 14}
    assert all(row["verdict"] != "inconclusive" or row["n_seeds"] == 14 for row in rows)
    assert Store(tmp_path).read_study("main")["statistics"]["method"] == "anytime"


def test_parts_add_up_to_the_gain(tmp_path):
    wanted = tiny(tmp_path, "suite=digits_two", "controls=[capacity,exposure,shuffled]")
    assert "What the gains are made of" in mtlrun("run", *wanted).out
    found = page(tmp_path)
    parts = pd.DataFrame(found["attribution"])
    for row in found["rows"]:
        own = parts[parts["task"] == row["task"]].set_index("part")["diff"]
        assert list(own.index) == [*PARTS.values(), SHARING, "gain"]
        assert own["gain"] == pytest.approx(row["diff"], abs=1e-12)
        assert own[list(PARTS.values())].sum() == pytest.approx(own["gain"], abs=1e-12)
        shuffled = own["partner with shuffled labels"]
        assert own[SHARING] == pytest.approx(own["capacity"] + shuffled, abs=1e-12)
        assert own["exposure"] == 0  # both tasks read the same images
    assert len(found["rows"]) == 2  # controls are no rows


def test_exposure_counts_what_the_shared_encoder_sees(tmp_path):
    mtlrun("run", *tiny(tmp_path, "suite=digits_permuted", "controls=[exposure]"))
    store = Store(tmp_path)
    cell = store.read_study("main")["cells"][0]
    runs = store.runs({*cell["controls"]["exposure"]["upright"], *cell["baselines"]["upright"]}).set_index(
        "run_id"
    )
    sizes = [
        runs.loc[ids[0], "config"]["budget"]["batch_size"]
        for ids in (cell["baselines"]["upright"], cell["controls"]["exposure"]["upright"])
    ]
    assert sizes == [32, 64]


def test_a_linear_task_at_width_one_lacks_no_capacity(tmp_path):
    linear = ("suite=linear_teachers", "model=linear", "model.width=1", "controls=[capacity]")
    mtlrun("run", *tiny(tmp_path, *linear))
    parts = pd.DataFrame(page(tmp_path)["attribution"])
    assert np.abs(parts[parts["part"] == "capacity"]["diff"]).max() == 0
