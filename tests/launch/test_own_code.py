"""Encoders and losses of a user's own from the command line: plans, records, tuning, tables, faults."""

from __future__ import annotations

import pytest
from support.commands import mtlrun, planned, reported, tiny

from mtlrun.store.store import Store

ROWS = ("model=custom", "model.encoder._target_=support.own_encoders.Rows")
MAP = ("model=custom", "model.encoder._target_=support.own_encoders.Map")


def test_the_plan_and_the_record_say_that_lanes_go_one_by_one_and_why(tmp_path):
    facts = planned(*tiny(tmp_path, *ROWS))
    assert facts["cohorts_one_by_one"] == facts["cohorts"] == 3
    (reason,) = facts["one_by_one"]
    assert "aten::lstm" in reason
    text = mtlrun("plan", *tiny(tmp_path, *ROWS)).out
    assert f"one by one in 3 cohorts, as vmap cannot take the network: {reason}" in text
    assert mtlrun("run", *tiny(tmp_path, *ROWS)).code == 0
    costs = Store(tmp_path).runs()["cost"]
    assert len(costs) == 9 and {cost["one_by_one"] for cost in costs} == {reason}


def test_nothing_is_said_where_vmap_or_rules_serve(tmp_path):
    for own in (MAP, ("model=mlp",)):
        facts = planned(*tiny(tmp_path, *own))
        assert (facts["cohorts_one_by_one"], facts["one_by_one"]) == (0, [])
        assert "one by one" not in mtlrun("plan", *tiny(tmp_path, *own)).out


def test_arguments_are_swept_tuned_and_named_as_settings(tmp_path):
    swept = ("model.encoder.hidden=4,6", "seeds=2")
    assert mtlrun("sweep", *tiny(tmp_path, *ROWS, *swept)).code == 0
    found = {row["hyper"].get("model.encoder.hidden") for row in reported(tmp_path)["rows"]}
    assert found == {4, 6} and all(len(row["hyper"]) == 1 for row in reported(tmp_path)["rows"])
    tuned = ("tune.model.encoder.hidden=[4,6]", "tune.seeds=1", "seeds=2", "study=tuned")
    assert mtlrun("run", *tiny(tmp_path, *ROWS, *tuned)).code == 0
    for row in reported(tmp_path, "--study", "tuned")["rows"]:
        assert row["tuned"]["settings"]["model.encoder.hidden"] in (4, 6)


def test_losses_are_part_of_a_run_where_they_are_given_and_of_its_baseline(tmp_path):
    own = ("suite.losses.digit._target_=support.own_losses.focal", "suite.losses.digit.gamma=1.0")
    weights = ("suite.class_weights.parity=balanced",)
    assert mtlrun("run", *tiny(tmp_path)).code == 0
    plain = planned(*tiny(tmp_path))
    assert (plain["runs_new"], plain["runs_reused"]) == (0, 9)
    one = planned(*tiny(tmp_path, *own))
    assert (one["runs_new"], one["runs_reused"]) == (6, 3)  # the parity baseline is as before
    both = planned(*tiny(tmp_path, *own, *weights))
    assert (both["runs_new"], both["runs_reused"]) == (9, 0)
    assert mtlrun("run", *tiny(tmp_path, *own, *weights, "sharing=separate")).code == 0
    for row in reported(tmp_path, "--level", "runs")["runs"]:
        assert row["d"] == pytest.approx(0)  # separate networks are their baselines, so losses agree


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ((*ROWS, "model.encoder.hiden=3"), ("`model.encoder.hiden`", "did you mean hidden?")),
        (("model=mlp", "model.encoder.width=3"), ("`model.encoder`", "is not a setting of this option")),
        (("model=custom",), ("`model.encoder._target_`", "must name your encoder")),
        (
            ("suite.losses.digit=support.own_losses.failing",),
            ("`suite.losses.digit`", "these targets are not for me"),
        ),
        (("suite.losses.digits=a.b",), ("`suite.losses`", "did you mean digit?")),
        (("suite.class_weights.digit=[1,2]",), ("`suite.class_weights.digit`", "10 numbers")),
        (
            ("model.init_from=nowhere.safetensors",),
            ("`model.init_from`", "must name a safetensors file", "nowhere.safetensors"),
        ),
        (("model.freeze=[none_such]",), ("`model.freeze`", "choices: 0.1.weight")),
        (
            (*MAP, "sharing=mmoe", "sharing.capacity=same_parameters"),
            ("`sharing.capacity`", "needs a model whose width can be chosen"),
        ),
        (
            (*MAP, "sharing=branched"),
            ("`sharing.shared_layers`", "less than the encoder's 1 layer (", "model.blocks says where"),
        ),
    ],
)
def test_faults_are_one_message_and_nothing_trains(tmp_path, overrides, words):
    result = mtlrun("run", *tiny(tmp_path, *overrides))
    assert result.code == 2
    for word in words:
        assert word in result.err
    assert "Traceback" not in result.err and not list(tmp_path.glob("*.parquet"))
