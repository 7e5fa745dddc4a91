"""What a study answers, through the whole command line: no sharing, divergence, failure, a user's own method."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest
from support.commands import mtlrun, planned, reported, segments, tiny

from mtlrun import study
from mtlrun.catalog import load_option, options
from mtlrun.store.store import Store

BUNDLED = [name for name in options("suite") if not {"path", "paths"} & set(load_option("suite", name))]
"""Suites whose data come with the package."""

OWN_METHODS = """
    from __future__ import annotations

    from dataclasses import dataclass, replace
    from pathlib import Path

    import torch

    from mtlrun.data.digits_parity import DigitsParity
    from mtlrun.weighting.base import Weighting


    @dataclass
    class Scaled(Weighting):
        factor: float = 1.0

        def weigh(self, signals, state):
            return torch.ones_like(signals.losses) * self.factor, state


    @dataclass
    class Broken(Weighting):
        def weigh(self, signals, state):
            if not Path("mended").exists():
                raise RuntimeError("two tasks are not supported")
            return torch.ones_like(signals.losses), state


    @dataclass
    class Mistyped(Weighting):
        def weigh(self, signals, state):
            return signals.lossses, state


    @dataclass
    class Branching(Weighting):
        def weigh(self, signals, state):
            if signals.losses[0] > signals.losses[1]:
                return torch.ones_like(signals.losses), state
            return signals.losses, state


    @dataclass
    class Marked(DigitsParity):
        def offered(self):
            return tuple(replace(task, name=f"[red]{task.name}") for task in super().offered())

        def build(self, source, seed):
            found = super().build(source, seed)
            return replace(found, targets={f"[red]{name}": t for name, t in found.targets.items()})
"""


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """Work in a folder with a module of own methods and a folder of options for them; return the latter."""
    (tmp_path / "own_methods.py").write_text(textwrap.dedent(OWN_METHODS))
    folder = tmp_path / "my options, mine" / "weighting"
    folder.mkdir(parents=True)
    (folder / "scaled.yaml").write_text("# Scaled.\n_target_: own_methods.Scaled\nfactor: 1.0\n")
    (folder / "broken.yaml").write_text("_target_: own_methods.Broken\n")
    (folder / "mistyped.yaml").write_text("_target_: own_methods.Mistyped\n")
    (folder / "branching.yaml").write_text("_target_: own_methods.Branching\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "own_methods", raising=False)
    return folder.parent


@pytest.fixture(scope="module")
def all_suites(tmp_path_factory) -> Path:
    """A store with two studies of every suite: one shares nothing, one weighs the first task alone."""
    store = tmp_path_factory.mktemp("suites") / "store"
    every = tiny(store, f"suite={','.join(BUNDLED)}")
    assert mtlrun("sweep", *every, "study=separate", "sharing=separate", "weighting=equal").code == 0
    first = ["weighting=static", "weighting.weights=[1,0]"]
    assert mtlrun("sweep", *every, "study=first", "sharing=hard", *first).code == 0
    return store


@pytest.mark.sample(3)
@pytest.mark.validity
@pytest.mark.parametrize("suite", BUNDLED)
def test_without_sharing_there_is_no_gain(suite, all_suites):
    rows = reported(all_suites, "--study", "separate", "--filter", f"suite={suite}")["rows"]
    assert len(rows) >= 2
    for row in rows:
        assert abs(row["diff"]) <= 1e-6 * abs(row["stl_mean"])
        assert abs(row["gain_pct"]) <= 1e-4
        assert (row["verdict"], row["p"], row["p_adjusted"]) == ("neutral", 1, 1)


@pytest.mark.sample(2)
@pytest.mark.validity
@pytest.mark.parametrize("suite", BUNDLED)
def test_with_all_weight_on_the_first_task_it_is_trained_alone(suite, all_suites):
    first, second = reported(all_suites, "--study", "first", "--filter", f"suite={suite}")["rows"]
    assert abs(first["diff"]) <= 1e-6 * abs(first["stl_mean"])
    assert first["verdict"] == "neutral"
    assert second["diff"] != 0


def test_a_grid_of_weights_is_the_whole_front_in_one_table(tmp_path):
    done = mtlrun("run", *tiny(tmp_path, "weighting=static", "weighting.grid=3"))
    assert done.code == 0
    rows = [row for row in reported(tmp_path)["rows"] if row["task"] == "digit"]
    assert [row["hyper"] for row in rows] == [{"weighting.weights": w} for w in ([0, 2], [1, 1], [2, 0])]
    assert all(text in done.out for text in ("[0, 2]", "[1, 1]", "[2, 0]"))
    point = planned(*tiny(tmp_path, "weighting=static", "weighting.weights=[2,0]"))
    assert (point["runs_new"], point["runs_reused"]) == (0, 9)


def test_presets_are_compared_in_one_study_and_an_explicit_strategy_beats_theirs(tmp_path):
    presets = options("mitigation")
    assert planned(*tiny(tmp_path, "mitigation=glob(*)"))["cells"] == len(presets)
    assert mtlrun("sweep", *tiny(tmp_path, "mitigation=pcgrad,l2", "weighting=dwa")).code == 0
    labels = {
        (row["weighting"], row["regularization"], row["mitigation"]) for row in reported(tmp_path)["rows"]
    }
    assert labels == {("dwa", "none", "dwa"), ("dwa", "l2", "dwa+l2")}


def test_a_diverging_cell_is_told_and_the_others_are_judged(tmp_path):
    done = mtlrun("sweep", *tiny(tmp_path, "optimizer=sgd", "optimizer.lr=0.1,1e30"))
    assert done.code == 1
    assert "Of 18 runs, 9 diverged." in done.out
    assert "mtlrun: 0 runs failed, 9 diverged" in done.err
    rows = reported(tmp_path)["rows"]
    good = [row for row in rows if row["hyper"]["optimizer.lr"] == 0.1]
    bad = [row for row in rows if row["hyper"]["optimizer.lr"] == 1e30]
    assert [(row["n_seeds"], row["n_diverged"]) for row in good] == [(3, 0), (3, 0)]
    assert [(row["n_seeds"], row["n_diverged"]) for row in bad] == [(0, 3), (0, 3)]
    assert all(row["verdict"] in ("negative", "inconclusive") for row in bad)
    assert all(row["mtl_mean"] is not None for row in good)
    again = mtlrun("sweep", *tiny(tmp_path, "optimizer=sgd", "optimizer.lr=0.1,1e30"))
    assert (again.code, again.out) == (1, done.out)
    assert "training" not in again.err  # divergence is a result


def test_lanes_beside_a_diverging_one_are_as_they_are_alone(tmp_path):
    mtlrun("sweep", *tiny(tmp_path / "both", "optimizer=sgd", "optimizer.lr=0.1,1e30"))
    mtlrun("sweep", *tiny(tmp_path / "alone", "optimizer=sgd", "optimizer.lr=0.1"))
    both = [r for r in reported(tmp_path / "both", "--level", "runs")["runs"] if r["d"] is not None]
    alone = reported(tmp_path / "alone", "--level", "runs")["runs"]
    assert [(r["run_id"], r["task"], r["stl"], r["mtl"]) for r in both] == [
        (r["run_id"], r["task"], r["stl"], r["mtl"]) for r in alone
    ]


def test_a_users_own_weighting_is_an_option_like_any_other(own, tmp_path):
    overrides = tiny(tmp_path / "store", "weighting=equal,scaled")
    done = mtlrun("sweep", "--config-dir", str(own), *overrides)
    assert done.code == 0
    assert "scaled" in done.out
    by_name = {(row["weighting"], row["task"]): row for row in reported(tmp_path / "store")["rows"]}
    assert by_name["scaled", "digit"]["mtl_mean"] == by_name["equal", "digit"]["mtl_mean"]
    assert by_name["scaled", "digit"]["mitigation"] == "scaled"
    plan = planned("--config-dir", str(own), *tiny(tmp_path / "store", "weighting=glob(sc*)"))
    assert plan["cells"] == 1  # the user's is found too


def test_a_users_own_weighting_needs_no_file_of_its_own(own, tmp_path):
    target = "weighting._target_=own_methods.Scaled"
    done = mtlrun("run", *tiny(tmp_path / "store", target, "+weighting.factor=0.5"))
    assert done.code == 0
    assert {row["weighting"] for row in reported(tmp_path / "store")["rows"]} == {"Scaled"}


def test_options_of_a_user_are_among_the_choices_that_an_error_names(own):
    refused = mtlrun("run", "--config-dir", str(own), "weighting=scald", "model.widht=3")
    assert refused.code == 2
    assert "2 faults" in refused.err
    assert "did you mean scaled" in refused.err
    refused = mtlrun("run", "--config-dir", str(own), "weighting=scaled", "model.widht=3")
    assert refused.code == 2
    assert "`weighting`" not in refused.err


@pytest.mark.parametrize(
    ("weighting", "error"),
    [
        ("broken", "RuntimeError: two tasks are not supported"),
        ("mistyped", "AttributeError: "),
        ("branching", "(torch.where chooses), take them out of"),
    ],
)
def test_a_failing_cell_is_stored_told_and_tried_again(weighting, error, own, tmp_path):
    store = tmp_path / "store"
    command = ["run", "--config-dir", str(own), *tiny(store, f"weighting={weighting},equal")]
    done = mtlrun(*command)
    assert done.code == 1
    assert "mtlrun: 3 runs failed, 0 diverged" in done.err
    assert done.err.count(error) == 1
    assert "(own_methods.py, line " in done.err
    assert "Of 12 runs, 3 failed." in done.out
    by_name = {row["weighting"]: row for row in reported(store)["rows"] if row["task"] == "digit"}
    assert by_name["equal"]["n_seeds"] == 3
    failed = by_name[weighting]
    assert (failed["n_seeds"], failed["verdict"], failed["mtl_mean"]) == (0, "inconclusive", None)
    before = segments(store)
    again = mtlrun(*command)
    assert "training 3 runs, reusing 9" in again.err
    assert (again.code, again.out) == (1, done.out)
    assert before.items() < segments(store).items()


def test_a_failed_run_that_later_succeeds_counts(own, tmp_path):
    store = tmp_path / "store"
    command = ["run", "--config-dir", str(own), *tiny(store, "weighting=broken")]
    assert mtlrun(*command).code == 1
    Path("mended").touch()
    mended = mtlrun(*command)
    assert mended.code == 0
    assert "training 3 runs, reusing 6" in mended.err
    assert [row["n_seeds"] for row in reported(store)["rows"]] == [3, 3]
    assert mtlrun(*command).err == ""


def test_a_users_changed_code_is_another_run(own, tmp_path):
    command = ["run", "--config-dir", str(own), *tiny(tmp_path / "store", "weighting=scaled")]
    assert mtlrun(*command).code == 0
    module = tmp_path / "own_methods.py"
    module.write_text(module.read_text() + "# changed\n")
    assert "training 3 runs, reusing 6" in mtlrun(*command).err


def test_names_are_never_read_as_markup(own, tmp_path):
    target = "suite._target_=own_methods.Marked"
    done = mtlrun("run", *tiny(tmp_path / "store", target, "suite.primary='[red]digit'"))
    assert done.code == 0
    assert "[red]digit " in done.out
    assert [row["task"] for row in reported(tmp_path / "store")["rows"]] == ["[red]digit"]


@pytest.mark.parametrize("same", [True, False])
def test_a_command_that_another_overtook_prints_its_own_table(same, tmp_path, monkeypatch):
    train_batch, store = study.train_batch, Store(tmp_path)

    def overtaken(*arguments):
        values = train_batch(*arguments)
        cells = store.read_study("main")["cells"] if same else []
        store.write_study({**store.read_study("main"), "invocation": "another", "cells": cells})
        return values

    wanted = ("run", *tiny(tmp_path, "suite=digits_parity"), "seeds=1")
    with monkeypatch.context() as patch:
        patch.setattr(study, "train_batch", overtaken)
        told = mtlrun(*wanted)
    assert "digits_parity" in told.out
    assert told.code == (0 if same else 1)
    replaced = "another command has replaced study `main` while this one trained"
    assert (replaced in told.err) is not same
    again = mtlrun(*wanted)
    assert again.code == 0 and again.out == told.out and "training" not in again.err
