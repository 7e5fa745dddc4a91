"""Cells, seeds, and the baselines that they share."""

import json

import pytest
import torch
from support.cohorts import cohort_of
from support.jobs import make_job

from mtlrun.config import build
from mtlrun.planning.cohorts import cut_programs, group_runs
from mtlrun.planning.study import plan_study
from mtlrun.prepare.checks import prepare
from mtlrun.prepare.key_checks import seed_list


def tasks_of(config):
    return tuple(build(config["suite"]).selected())


def configs_of(study):
    return [run.plain for run in study.runs.values()]


def singles(study):
    return [config for config in configs_of(study) if len(tasks_of(config)) == 1]


def test_a_cell_has_a_run_and_a_baseline_of_every_task_for_every_seed():
    study = plan_study(prepare([make_job(seeds=[3, 7])]))
    (cell,) = study.cells
    assert cell.seeds == [3, 7]
    assert set(cell.baselines) == {"digit", "parity"}
    assert len(study.runs) == 2 * 3
    for ids, tasks in ((cell.runs, ("digit", "parity")), (cell.baselines["digit"], ("digit",))):
        assert [study.runs[i].seed for i in ids] == [3, 7]
        assert {tasks_of(study.runs[i].plain) for i in ids} == {tasks}
    assert cell.cell_id not in study.runs


def test_seeds_are_a_number_or_a_list():
    assert seed_list(3) == [0, 1, 2]
    assert seed_list([7, 3]) == [7, 3]


def test_a_baseline_has_the_cells_own_model_heads_optimizer_budget_and_regularisation():
    choices = {
        "model__width": 24,
        "heads": "mlp",
        "optimizer": "sgd",
        "regularization": "l2",
        "weighting": "pcgrad",
        "sharing": "branched",
        "dtype": "float64",
    }
    study = plan_study(prepare([make_job(seeds=1, **choices)]))
    (cell,) = study.cells
    run, baseline = (study.runs[i].plain for i in (cell.runs[0], cell.baselines["parity"][0]))
    for group in ("model", "heads", "optimizer", "regularization", "budget", "dtype", "seed"):
        assert baseline[group] == run[group]
    targets = {
        group: baseline[group]["_target_"].rpartition(".")[2]
        for group in ("sharing", "weighting", "schedule")
    }
    assert targets == {"sharing": "Hard", "weighting": "Equal", "schedule": "Joint"}


def test_mitigations_and_sharing_schemes_reuse_baselines():
    jobs = [
        make_job(sharing=sharing, weighting=weighting)
        for sharing in ("hard", "branched", "separate")
        for weighting in ("equal", "pcgrad", "dwa")
    ]
    study = plan_study(prepare(jobs))
    assert len(study.cells) == 9
    assert len(singles(study)) == 2 * 2
    assert len({json.dumps(cell.baselines) for cell in study.cells}) == 1


def test_other_models_and_penalties_have_baselines_of_their_own():
    study = plan_study(prepare([make_job(), make_job(model__width=8), make_job(regularization="l2")]))
    assert len(singles(study)) == 3 * 2 * 2


def test_a_run_of_one_task_is_its_own_baseline():
    study = plan_study(prepare([make_job(suite__tasks=["digit"]), make_job()]))
    alone, pair = study.cells
    assert alone.runs == alone.baselines["digit"] == pair.baselines["digit"]


def test_pairs_share_the_baselines_of_their_tasks():
    names = ["digit", "even", "prime"]
    study = plan_study(prepare([make_job(suite="digits_attributes", suite__tasks=names, suite__pairs="all")]))
    pairs = [tuple(cell.baselines) for cell in study.cells]
    assert pairs == [("digit", "even"), ("digit", "prime"), ("even", "prime")]
    assert [cell.labels["suite"] for cell in study.cells] == [
        f"digits_attributes[{'+'.join(p)}]" for p in pairs
    ]
    assert len(singles(study)) == 3 * 2
    assert study.cells[0].baselines["digit"] == study.cells[1].baselines["digit"]
    assert study.jobs == [[cell.cell_id for cell in study.cells]]


def test_without_names_pairs_are_of_all_tasks_of_the_suite():
    study = plan_study(prepare([make_job(suite="digits_attributes", suite__pairs="all", seeds=1)]))
    offered = build(make_job(suite="digits_attributes")["suite"]).available()
    count = len(offered)
    assert len(study.cells) == count * (count - 1) // 2
    assert len(singles(study)) == count


def test_a_pair_by_itself_is_the_same_cell_as_one_of_all_pairs():
    tasks = ["digit", "even", "prime"]
    study = plan_study(
        prepare(
            [
                make_job(suite="digits_attributes", suite__tasks=tasks, suite__pairs="all"),
                make_job(suite="digits_attributes", suite__tasks=["digit", "even"]),
            ]
        )
    )
    assert len(study.cells) == 3
    assert study.jobs[1] == study.jobs[0][:1]


def test_with_a_primary_task_that_one_is_judged():
    study = plan_study(prepare([make_job(suite__primary="parity")]))
    (cell,) = study.cells
    assert [task["name"] for task in cell.tasks] == ["parity"]
    assert list(cell.baselines) == ["parity"]
    assert len(study.runs) == 2 * 2
    # whose baseline is the one that it has without a goal
    both = plan_study(prepare([make_job()])).cells[0]
    assert cell.baselines["parity"] == both.baselines["parity"]


def test_judged_tasks_come_with_metric_and_direction():
    (cell,) = plan_study(prepare([make_job(suite="linear_teachers")])).cells
    sizes = {"n_train": 100, "n_test": 80, "cases": "examples", "n_together": 2}
    expected = {"kind": "regression", "metric": "excess_risk", "direction": "lower", **sizes}
    assert cell.tasks == [{"name": name, **expected} for name in ("a", "b")]


def test_a_baseline_trains_for_as_long_as_its_task():
    study = plan_study(
        prepare(
            [
                make_job(budget="steps", budget__steps=40),
                make_job(budget="steps", budget__steps=40, schedule="sequential"),
                make_job(
                    budget="steps", budget__steps=40, schedule="sequential", schedule__earlier_heads="refit"
                ),
            ]
        )
    )
    joint, sequential, refit = study.cells
    assert joint.baselines == sequential.baselines
    assert {study.runs[i].cell.budget.steps for i in refit.baselines["digit"]} == {50}


def test_the_schedule_chooses_the_checkpoint_unless_the_budget_does():
    def select(**choices):
        return plan_study(prepare([make_job(**choices)])).cells[0].select

    assert select() == "per_task"
    assert select(schedule="sequential") == "last"
    assert select(schedule="sequential", budget__select="joint") == "joint"


def test_patience_counts_in_the_last_phase_and_makes_no_other_runs():
    def cell(**choices):
        return plan_study(prepare([make_job(budget="steps", budget__steps=40, **choices)])).cells[0]

    assert cell().early_stop is None
    assert cell(budget__patience=3).early_stop == {"patience": 3, "after": 0}
    assert cell(budget__patience=3, schedule="sequential").early_stop == {"patience": 3, "after": 40}
    plain, patient = cell(), cell(budget__patience=3)
    assert (plain.runs, plain.baselines, plain.cell_id) == (patient.runs, patient.baselines, patient.cell_id)


def test_sizes_of_parts_are_kept_where_seeds_split_anew():
    assert plan_study(prepare([make_job()])).cells[0].resplit is None
    kept = plan_study(prepare([make_job(suite__resplit=True)])).cells[0].resplit
    rows = build(make_job()["suite"]).info().sources[0].rows
    sizes = {"n_train": rows["train"], "n_test": rows["test"]}
    assert kept == {"splits": None, "tasks": {"digit": sizes, "parity": sizes}}


def test_with_splits_each_seed_asked_for_is_a_run_on_every_split():
    study = plan_study(prepare([make_job(suite__splits=3, seeds=[4, 0])]))
    (cell,) = study.cells
    assert cell.seeds == [12, 13, 14, 0, 1, 2]
    assert cell.resplit["splits"] == 3
    assert len(study.runs) == 6 * 3
    for ids in (cell.runs, *cell.baselines.values()):
        assert [study.runs[i].seed for i in ids] == cell.seeds
        assert {study.runs[i].cell.suite.splits for i in ids} == {3}


def test_points_of_a_front_have_the_seeds_of_their_suites_splits():
    jobs = [make_job(suite__splits=splits, seeds=2) for splits in (2, 5)]
    for cell, splits in zip(plan_study(prepare(jobs)).cells, (2, 5), strict=True):
        assert cell.seeds == list(range(2 * splits))


@pytest.mark.parametrize(
    ("choices", "run_id", "baseline"),
    (
        ({}, "78af379fe68b3e88", "9f435a3d3d0815bb"),
        ({"suite__resplit": True}, "d49cf605c158754a", "803887ec04e74dbd"),
        ({"suite": "digits_two"}, "3243addaa63bd562", "468ac45e45c385e2"),
        ({"suite": "linear_teachers"}, "153c40d21b8c4ccb", "6b478449a20f00c0"),
    ),
)
def test_run_ids_are_those_of_before_there_were_several_splits(choices, run_id, baseline):
    (cell,) = plan_study(prepare([make_job(seeds=1, budget__min_steps=1, **choices)])).cells
    assert (cell.runs[0], next(iter(cell.baselines.values()))[0]) == (run_id, baseline)


def test_the_same_job_twice_is_one_cell():
    study = plan_study(prepare([make_job(), make_job()]))
    assert len(study.cells) == 1
    assert study.jobs == [[study.cells[0].cell_id]] * 2


def test_a_manifest_is_plain_data_and_names_what_it_holds():
    study = plan_study(prepare([make_job(study="mine", statistics__margin=2.0)]))
    manifest = study.manifest(["run", "seeds=2"])
    assert json.loads(json.dumps(manifest)) == manifest
    assert manifest["study"] == "mine"
    assert manifest["command"] == ["run", "seeds=2"]
    assert manifest["statistics"]["margin"] == 2
    assert manifest["cells"][0]["runs"] == study.cells[0].runs


@pytest.mark.parametrize("suite", ("digits_permuted", "linear_teachers"))
def test_runs_of_a_plan_can_be_trained(suite):
    job = make_job(suite=suite, seeds=1, budget="steps", budget__steps=2, budget__evaluations=1)
    study = plan_study(prepare([job]))
    (cell,) = study.cells
    for cohort in cut_programs(group_runs(study.runs.values())):
        results = cohort_of([run.plain for run in cohort.runs], torch.device("cpu")).train()
        for run_id, result in zip(cohort.run_ids, results, strict=True):
            expected = set(cell.baselines) if run_id in cell.runs else set(tasks_of(study.runs[run_id].plain))
            assert {task for task, _ in result.names} == expected
