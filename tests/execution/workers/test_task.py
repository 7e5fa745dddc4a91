"""Tasks of pools, here and as JSON for another process."""

from __future__ import annotations

import json

from support.cohorts import configs_of, specs_of
from support.configs import run_config

from mtlrun.execution.workers.task import Task
from mtlrun.planning.settings.saving import Rule


def test_a_task_comes_back_from_json_as_it_was():
    runs = specs_of([run_config(seed=seed) for seed in (3, 4)])
    rules = {runs[0].run_id: [Rule("joint", 2, 50), Rule("last")]}
    task = Task(runs, "cpu", store="/runs", chosen={"by": "timing"}, compile=True, save=rules, every=7)
    again = Task.of(json.loads(json.dumps(task.plain)))
    assert [run.run_id for run in again.runs] == [run.run_id for run in runs]
    assert configs_of(again) == configs_of(task)
    assert again.save == rules and again.stops == {}
    assert again.plain == task.plain


def test_what_another_process_does_not_say_has_its_default():
    task = Task.of({"configs": [run_config(seed=0)], "device": "cpu", "time": 4})
    assert (task.time, task.store, task.checkpoint_s, task.steps_done) == (4, "", None, 0)
