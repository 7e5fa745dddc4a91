"""`weighting.on` is called `weighting.gradients_at`: its former name is understood, and runs keep their ids."""

from __future__ import annotations

import json

import pytest
from support.commands import mtlrun, planned, tiny

from mtlrun.catalog import load_option
from mtlrun.config import build, check_node, current_override, to_node
from mtlrun.gate.lock_schema import IDENTITY
from mtlrun.gate.lockfile import identity
from mtlrun.planning.runs import config_id
from mtlrun.weighting.base import Weighting
from mtlrun.weighting.graddrop import GradDrop
from mtlrun.weighting.pcgrad import PCGrad

IDS = {
    ("pcgrad", "parameters"): "773922b9397a223e",
    ("pcgrad", "representation"): "5b7c1e153856b842",
    ("graddrop", "parameters"): "6f47284c22e1cd46",
    ("graddrop", "representation"): "3f399e6aa681787f",
    ("mgda", "representation"): "cca510fbb5477841",
    ("relatedness", "parameters"): "3b4fa63a3fc5d0a6",
}
"""Of runs from before the setting was renamed."""


@pytest.mark.parametrize(("name", "subject"), IDS)
def test_runs_keep_their_ids(name, subject):
    node = to_node(build({**load_option("weighting", name), "gradients_at": subject}))
    stored = {"on" if key == "gradients_at" else key: value for key, value in node.items()}
    for weighting in (node, stored):
        assert config_id({"weighting": weighting, "seed": 3}) == IDS[name, subject]


def test_stored_nodes_are_understood():
    stored = {"_target_": "mtlrun.weighting.pcgrad.PCGrad", "on": "representation"}
    assert check_node("weighting", stored) == []
    assert build(stored) == PCGrad(gradients_at="representation")
    (fault,) = check_node("weighting", {**stored, "on": "activations"})
    assert (fault.key, fault.found) == ("weighting.gradients_at", "activations")
    assert check_node("weighting", {**stored, "gradients_at": "parameters"})[0].key == "weighting.on"
    assert build({"_target_": "mtlrun.weighting.graddrop.GradDrop", "on": "representation"}) == GradDrop(
        gradients_at="representation"
    )


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("weighting.on=a,b", "weighting.gradients_at=a,b"),
        ("++weighting.on=a", "++weighting.gradients_at=a"),
        ("~weighting.on", "~weighting.gradients_at"),
        ("tune.weighting.on=[a]", "tune.weighting.gradients_at=[a]"),
        ("regularization.on=all", "regularization.on=all"),
        ("weighting.one=weighting.on=a", "weighting.one=weighting.on=a"),
        ("study=weighting.on", "study=weighting.on"),
    ],
)
def test_overrides_get_the_name_of_today(override, expected):
    assert current_override(override) == expected


def test_former_names_in_options_presets_and_overrides_ask_for_the_same_runs(tmp_path):
    target = "_target_: mtlrun.weighting.pcgrad.PCGrad\n"
    files = {
        "weighting/former.yaml": f'{target}"on": representation\n',
        "experiment/former.yaml": "# @package _global_\ndefaults:\n  - override /weighting: pcgrad\n"
        'weighting:\n  "on": representation\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    store = tmp_path / "store"
    trained = mtlrun("run", *tiny(store, "weighting=pcgrad", "weighting.gradients_at=representation"))
    assert trained.code == 0, trained.err
    own = ("--config-dir", str(tmp_path))
    for choices in (
        ("weighting=pcgrad", "weighting.on=representation"),
        ("weighting=former", *own),
        ("experiment=former", *own),
    ):
        facts = planned(*tiny(store, *choices))
        assert (facts["runs_new"], facts["runs_reused"]) == (0, 9), choices
    facts = planned(*tiny(store, "experiment=former", "weighting.gradients_at=parameters", *own))
    assert (facts["runs_new"], facts["runs_reused"]) == (3, 6)  # what the command line says comes last


def test_cases_of_a_sweep_may_have_the_former_name(tmp_path):
    cases = "hydra.sweeper.cases=[{weighting.on: parameters},{weighting.on: representation}]"
    assert planned(*tiny(tmp_path / "s", "weighting=pcgrad", cases))["cells"] == 2


def test_a_lock_from_before_is_compared_by_the_name_of_today():
    row = dict.fromkeys(IDENTITY, "x")
    former, today = (
        {**row, "hyper": {key: "parameters"}} for key in ("weighting.on", "weighting.gradients_at")
    )
    assert identity(former) == identity(today)
    assert json.loads(identity(former))["hyper"] == {"weighting.gradients_at": "parameters"}


def test_a_users_weighting_that_declares_the_former_name_is_told():
    with pytest.raises(TypeError, match="Own declares `on`, which is called `gradients_at`"):
        type("Own", (Weighting,), {"on": "representation"})


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["weighting.on=representation", "weighting.gradients_at=parameters"], ""),
        (["weighting.gradients_at=parameters", "++weighting.on=parameters"], ""),
        (["tune.weighting.on=[parameters]", "tune.weighting.gradients_at=[parameters]"], "tune."),
        (["hydra.sweeper.cases=[{weighting.on: parameters, weighting.gradients_at: parameters}]"], ""),
    ],
)
def test_both_names_of_a_setting_are_refused(overrides, named, tmp_path):
    result = mtlrun("plan", *tiny(tmp_path / "s", "weighting=pcgrad", *overrides))
    told = f"`{named}weighting.on` is the former name of `{named}weighting.gradients_at`, which is given too"
    assert (result.code, told in result.err) == (2, True), result.err


def test_both_names_in_a_file_are_refused(tmp_path):
    (tmp_path / "weighting").mkdir()
    text = '_target_: mtlrun.weighting.pcgrad.PCGrad\n"on": representation\ngradients_at: parameters\n'
    (tmp_path / "weighting" / "both.yaml").write_text(text)
    result = mtlrun("plan", *tiny(tmp_path / "s", "weighting=both", "--config-dir", str(tmp_path)))
    assert result.code == 2
    assert "`weighting.on` is the former name of `weighting.gradients_at`" in result.err


def test_a_value_to_try_beside_the_default_is_no_second_name(tmp_path):
    overrides = [
        "weighting=pcgrad",
        "weighting.on=parameters",
        "tune.weighting.gradients_at=[representation]",
    ]
    assert planned(*tiny(tmp_path / "s", *overrides))["cells"] == 1
