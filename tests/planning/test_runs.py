"""What identifies a run, and what does not."""

import copy
import hashlib
import json
import re
from dataclasses import dataclass, field

import pytest
from support.configs import run_config
from support.jobs import make_job

from mtlrun.config import ADDED, Configured, build, to_node
from mtlrun.planning.runs import FORMAT, canonical_json, config_id, run_ids, source_digests
from mtlrun.planning.study import PARTS, plan_study
from mtlrun.prepare.checks import prepare


def shuffled(value):
    if isinstance(value, dict):
        return {k: shuffled(value[k]) for k in reversed(value)}
    return value


def leaves(config, path=()):
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def test_the_order_of_fields_does_not_matter():
    config = run_config()
    assert list(shuffled(config)) != list(config)
    assert config_id(shuffled(config)) == config_id(config)
    assert config_id(json.loads(canonical_json(config))) == config_id(config)


def test_an_id_is_short_and_the_same_in_every_process():
    assert re.fullmatch("[0-9a-f]{16}", config_id(run_config()))
    text = f'{{"a":1,"b":[0.5,null],"format":{FORMAT}}}'
    assert config_id({"b": [0.5, None], "a": 1}) == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_seed_and_every_setting_change_it():
    config = run_config(suite="linear_teachers", weighting="dwa", schedule="sequential", regularization="l1")
    seen = {config_id(config)}
    place = ("model", "init_from")  # its content counts, not where it lies
    paths = [path for path, _ in leaves(config) if path != place]
    for path in paths:
        other = copy.deepcopy(config)
        node = other
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = "changed"
        seen.add(config_id(other))
    assert len(seen) == len(paths) + 1
    assert ("seed",) in paths


@pytest.mark.parametrize("choices", [{}, {"suite": "linear_teachers", "weighting": "dwa"}])
def test_ids_of_many_seeds_are_those_of_each(choices):
    config = run_config(**choices)
    cell = {k: v for k, v in config.items() if k != "seed"}
    seeds = [0, 7, 10**12]
    for known in (cell, {**cell, "sources": {"own.Mine": "0" * 16}}, {"a": 1}):
        assert run_ids(known, seeds) == [config_id({**known, "seed": seed}) for seed in seeds]
    assert run_ids({**config, "seed": 99}, seeds) == run_ids(cell, seeds)  # the given seeds count


def test_a_whole_float_is_not_a_whole_number():
    assert canonical_json({"b": 1.0, "a": 1}) == '{"a":1,"b":1.0}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": float("nan")})


def test_how_and_where_a_study_runs_is_no_part_of_its_runs():
    plain = plan_study(prepare([make_job()]))
    elsewhere = make_job(
        device="cuda",
        store="/elsewhere",
        study="other",
        invocation="x",
        launch__width=3,
        launch__processes=1,
        statistics__margin=5.0,
        budget__select="last",
    )
    assert set(plan_study(prepare([elsewhere])).runs) == set(plain.runs)
    for config in (run.plain for run in plain.runs.values()):
        assert set(config) == {*PARTS, "budget", "dtype", "seed"}
        assert set(config["budget"]) == {"steps", "batch_size", "evaluations"}


def test_epochs_and_steps_that_amount_to_the_same_are_the_same_run():
    by_epochs = plan_study(prepare([make_job(budget__epochs=20.0, budget__min_steps=1)]))
    by_steps = plan_study(prepare([make_job(budget="steps", budget__steps=561)]))
    assert set(by_epochs.runs) == set(by_steps.runs)
    assert not set(by_epochs.runs) & set(
        plan_study(prepare([make_job(budget__epochs=21.0, budget__min_steps=1)])).runs
    )


def test_the_fewest_steps_are_no_part_of_a_run_but_by_the_number_of_steps():
    floor = plan_study(prepare([make_job()]))  # 20 epochs are 561 steps
    assert {run.cell.budget.steps for run in floor.runs.values()} == {1000}  # baselines too
    assert [cell.raised_from for cell in floor.cells] == [561]
    exact = plan_study(prepare([make_job(budget="steps", budget__steps=1000, budget__min_steps=7)]))
    assert set(floor.runs) == set(exact.runs) and exact.cells[0].raised_from is None
    longer = make_job(budget__epochs=40.0)  # 1,122 steps: above the floor
    lower = make_job(budget__epochs=40.0, budget__min_steps=3)
    assert set(plan_study(prepare([longer])).runs) == set(plan_study(prepare([lower])).runs)


def test_a_baseline_takes_the_steps_for_which_its_task_is_trained_also_at_the_fewest():
    study = plan_study(prepare([make_job(schedule="sequential")]))
    (cell,) = study.cells
    alone = [study.runs[run_id].cell.budget.steps for ids in cell.baselines.values() for run_id in ids]
    assert set(alone) == {1000} and cell.phases[-1]["end"] == 2000


OWN = """
from dataclasses import dataclass
from mtlrun.config import Configured

@dataclass
class Mine(Configured):
    number: int = 1
"""


def test_code_of_a_users_own_is_part_of_the_run(tmp_path, monkeypatch) -> None:
    (tmp_path / "own_code_of_this_test.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    node = {"_target_": "own_code_of_this_test.Mine"}
    ours = {"_target_": "mtlrun.weighting.dwa.DWA"}
    before = source_digests([node, ours])
    assert list(before) == ["own_code_of_this_test.Mine"]
    assert (
        source_digests([{**ours, "encoder": {"deep": [node]}, "mean": {"_target_": "math.fsum"}}]) == before
    )
    (tmp_path / "own_code_of_this_test.py").write_text(OWN + "# changed\n")
    assert source_digests([node]) != before


@dataclass
class Aged(Configured):
    """An option that got a setting after its runs had been stored."""

    size: int = 1
    younger: str = field(default="old", kw_only=True, metadata=ADDED)


def test_a_setting_that_came_later_leaves_the_ids_of_stored_runs() -> None:
    before = {"model": {"_target_": f"{__name__}.Aged", "size": 1}, "seed": 0}
    today = {"model": to_node(build(before["model"])), "seed": 0}
    assert today["model"]["younger"] == "old"
    assert config_id(today) == config_id(before) == run_ids(today, [0])[0]
    changed = {"model": {**today["model"], "younger": "new"}, "seed": 0}
    assert config_id(changed) == run_ids(changed, [0])[0] != config_id(before)
    own = {"model": {"_target_": "nowhere.Mine", "younger": "old"}, "seed": 0}
    assert config_id(own) != config_id({"model": {"_target_": "nowhere.Mine"}, "seed": 0})
