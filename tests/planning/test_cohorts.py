"""Which runs train together."""

import pytest
from support.cohorts import configs_of, specs_of
from support.configs import run_config

from mtlrun.planning.cohorts import DEFAULT_WIDTH, cut_programs, group_runs
from mtlrun.planning.run_spec import cell_runs
from mtlrun.planning.runs import config_id


def cohorts_of(*configs, width=DEFAULT_WIDTH, processes=1):
    programs = group_runs(specs_of(configs))
    for program in programs:
        program.width = width
    return cut_programs(programs, processes)


def together(one, other):
    cohorts = cohorts_of(run_config(seed=0, **one), run_config(seed=1, **other))
    assert sum(len(c.run_ids) for c in cohorts) == 2
    return len(cohorts) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"optimizer__lr": 1e-3}, {"optimizer__lr": 1e-2}),
        ({"optimizer__weight_decay": 0.0, "optimizer__warmup": 0.1}, {"optimizer__weight_decay": 0.1}),
        ({"weighting": "dwa", "weighting__tau": 1.0}, {"weighting": "dwa"}),
        (
            {"weighting": "static", "weighting__weights": [1.0, 0.0]},
            {"weighting": "static", "weighting__weights": [0.5, 2.0]},
        ),
        (
            {"regularization": "l1", "regularization__coefficient": 0.0},
            {"regularization": "l1", "regularization__coefficient": 0.1},
        ),
        ({"suite__label_noise": 0.1}, {"suite__label_noise": [0.2, 0.3]}),
        ({"suite__resplit": True}, {}),
        (
            {"suite": "linear_teachers", "suite__cosine": -0.9},
            {"suite": "linear_teachers", "suite__noise": 3.0},
        ),
        # other names, the same shapes
        (
            {"suite": "digits_attributes", "suite__tasks": ["digit", "even"]},
            {"suite": "digits_attributes", "suite__tasks": ["digit", "prime"]},
        ),
        ({"suite": "digits_permuted", "suite__tasks": ["upright"]}, {"suite__tasks": ["digit"]}),
    ],
)
def test_numbers_and_data_may_differ(one, other):
    assert together(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"model__width": 8}, {}),
        ({"model__bias": False}, {}),
        ({"sharing": "branched"}, {}),
        ({"heads": "mlp"}, {}),
        ({"weighting": "pcgrad"}, {}),
        ({"weighting": "mgda", "weighting__normalize": "l2"}, {"weighting": "mgda"}),
        ({"weighting": "static", "weighting__weights": [1.0, 0.0]}, {"weighting": "static"}),
        ({"regularization": "l1"}, {"regularization": "l2"}),
        ({"regularization": "l1", "regularization__on": "shared"}, {"regularization": "l1"}),
        ({"schedule": "sequential"}, {}),
        (
            {"schedule": "sequential", "schedule__earlier_heads": "refit", "schedule__refit": 0.5},
            {"schedule": "sequential", "schedule__earlier_heads": "refit"},
        ),
        ({"optimizer": "sgd"}, {}),
        ({"optimizer": "sgd", "optimizer__nesterov": True}, {"optimizer": "sgd"}),
        ({"optimizer__schedule": "cosine"}, {}),
        ({"steps": 21}, {}),
        ({"budget__batch_size": 8}, {}),
        ({"budget__evaluations": 3}, {}),
        ({"dtype": "float32"}, {}),
        ({"suite": "digits_two"}, {}),
        ({"suite__train_size": 100}, {}),
        ({"suite__tasks": ["digit"]}, {"suite__tasks": ["parity"]}),
        ({"suite__tasks": ["parity", "digit"]}, {}),
        ({"suite": "linear_teachers", "suite__dim": 5}, {"suite": "linear_teachers"}),
        ({"suite": "linear_teachers", "suite__samples": 80}, {"suite": "linear_teachers"}),
    ],
)
def test_programs_and_shapes_may_not(one, other):
    assert not together(one, other)


def seeds_of(count, **choices):
    config = run_config(**choices)
    return [{**config, "seed": s} for s in range(count)]


def test_every_run_is_in_one_cohort_with_its_own_config():
    configs = [*seeds_of(5), *seeds_of(5, weighting="dwa"), *seeds_of(5, optimizer__lr=0.5)]
    cohorts = cohorts_of(*configs)
    assert sorted(len(c.run_ids) for c in cohorts) == [5, 10]
    for cohort in cohorts:
        assert [config_id(c) for c in configs_of(cohort)] == cohort.run_ids
    assert sorted(i for c in cohorts for i in c.run_ids) == sorted(map(config_id, configs))


def test_cohorts_are_cut_evenly_at_the_width():
    assert [len(c.run_ids) for c in cohorts_of(*seeds_of(10), width=4)] == [4, 3, 3]
    assert [len(c.run_ids) for c in cohorts_of(*seeds_of(10), width=1)] == [1] * 10
    assert [len(c.run_ids) for c in cohorts_of(*seeds_of(DEFAULT_WIDTH))] == [DEFAULT_WIDTH]
    assert [len(c.run_ids) for c in cohorts_of(*seeds_of(DEFAULT_WIDTH + 2))] == [DEFAULT_WIDTH // 2 + 1] * 2


def test_few_groups_are_cut_for_several_processes_down_to_16_lanes():
    assert [len(c.run_ids) for c in cohorts_of(*seeds_of(40), processes=2)] == [20, 20]
    assert [len(c.run_ids) for c in cohorts_of(*seeds_of(24), processes=8)] == [12, 12]
    assert [len(c.run_ids) for c in cohorts_of(*seeds_of(16), processes=8)] == [16]


def test_lanes_of_equal_optimizers_stand_side_by_side():
    mixed = [run_config(seed=s, optimizer__lr=(0.1, 0.2)[s % 2]) for s in range(6)]
    (cohort,) = cohorts_of(*mixed)
    rates = [c["optimizer"]["lr"] for c in configs_of(cohort)]
    assert rates == sorted(rates)


def test_the_longest_come_first_and_steps_are_counted():
    sequential = {"schedule": "sequential", "schedule__earlier_heads": "refit", "schedule__refit": 0.5}
    cohorts = cohorts_of(*seeds_of(3), *seeds_of(2, **sequential))
    # 20 steps a task and 10 more, for 2 runs; 20 for 3 runs
    assert [c.run_steps for c in cohorts] == [2 * 50, 3 * 20]


def lanes_of(cohorts):
    return [len(c.run_ids) for c in cohorts]


def test_the_cohort_that_would_end_last_is_halved_until_processes_end_together():
    cheap, dear = group_runs(specs_of([*seeds_of(64), *seeds_of(64, weighting="pcgrad")]))
    dear.step_s = 3.0
    assert lanes_of(cut_programs([cheap, dear], 1)) == [64, 64]
    cohorts = cut_programs([cheap, dear], 2)
    assert sum(lanes_of(cohorts)) == 128
    assert [c.cost for c in cohorts] == sorted((c.cost for c in cohorts), reverse=True)
    loads = [0.0, 0.0]
    for cohort in cohorts:  # each process takes the next when it is free
        loads[loads.index(min(loads))] += cohort.cost
    assert max(loads) < 1.05 * sum(loads) / 2


def test_memory_bounds_the_width():
    (program,) = group_runs(specs_of(seeds_of(10)))
    program.fits = 3
    assert lanes_of(cut_programs([program])) == [3, 3, 2, 2]


def test_halves_and_parts_keep_runs_and_steps():
    (cohort,) = cohorts_of(*seeds_of(5))
    one, two = cohort.halves()
    assert (one.run_ids + two.run_ids, configs_of(one) + configs_of(two)) == (
        cohort.run_ids,
        configs_of(cohort),
    )
    assert (one.run_steps, two.run_steps) == (2 * 20, 3 * 20)


def test_runs_are_grouped_alike_whether_they_share_their_cell_or_not():
    apart = specs_of(seeds_of(4, weighting="dwa") + seeds_of(3))
    shared = [
        run
        for config in (run_config(steps=20, weighting="dwa"), run_config(steps=20))
        for run in cell_runs(config, range(4))
    ]
    programs = [[run.run_id for p in group_runs(runs) for run in p.runs] for runs in (apart, shared[:7])]
    assert programs[0] == programs[1]
