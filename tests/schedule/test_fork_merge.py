"""ForkMerge: what is laid out, and that the engine does what two optimizers and a search in a plain loop do."""

import copy
import itertools

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of, specs_of
from support.configs import run_config
from support.plain_loop import LOSS, batches_of

from mtlrun.config import build
from mtlrun.planning.cohorts import group_runs
from mtlrun.schedule.base import Merge, Phase, forked, trained_steps
from mtlrun.schedule.fork_merge import ForkMerge
from mtlrun.training.network import Parts, build_network

CPU = torch.device("cpu")
STEPS = 12
PRIMARY = {"schedule": "fork_merge", "suite__primary": "digit", "steps": STEPS}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_what_is_laid_out_with_a_goal():
    (phase,) = ForkMerge(merges=2, parts=5).phases_of(["a", "b"], "b", 4)
    pattern = ((1,), (1,), (0, 1), (0, 1))
    assert phase == Phase(8, (0, 1), pattern=pattern, merge=Merge(period=2, goals=(1,), parts=5))
    assert [trained_steps([phase], t) for t in range(2)] == [4, 8]  # both branches train the goal


def test_without_a_goal_every_task_is_one():
    (phase,) = ForkMerge(merges=2, parts=5).phases(3, 4)
    assert phase.branches == ((0,), (1,), (2,), (0, 1, 2))
    assert phase.merge == Merge(period=2, goals=(0, 1, 2), parts=5)
    assert phase.steps == 16
    assert [trained_steps([phase], t) for t in range(3)] == [8, 8, 8]


@pytest.mark.parametrize(("steps", "period", "merges"), ((40, 4, 10), (41, 5, 9), (3, 1, 3)))
def test_branches_have_the_budget_at_least(steps, period, merges):
    (phase,) = ForkMerge(merges=10).phases_of(["a", "b"], "a", steps)
    assert (phase.merge.period, phase.steps) == (period, 2 * period * merges)


def test_one_task_alone_is_trained_as_it_is():
    assert ForkMerge().phases(1, 40) == [Phase(40, (0,))]


def test_a_branch_has_a_course_of_its_own_and_only_what_is_merged_is_evaluated():
    phase = forked([(0,), (0, 1)], period=2, merges=3, goals=(0,), parts=2)
    assert [phase.place(step) for step in range(8)] == [(k, 6) for k in (0, 1, 0, 1, 2, 3, 2, 3)]
    assert phase.stops(3) == {4, 8, 12}
    assert phase.stops(2) == {8, 12}  # 6 lies within a branch
    assert phase.stops(10) == {4, 8, 12}


def test_faults():
    assert [f.key for f in ForkMerge(merges=0, parts=0).faults()] == ["merges", "parts"]


def test_runs_with_another_goal_are_of_another_cohort():
    configs = {goal: run_config(0, **{**PRIMARY, "suite__primary": goal}) for goal in ("digit", "parity")}
    assert len(group_runs(specs_of(configs.values()))) == 2
    joint = {name: {**c, "schedule": run_config()["schedule"]} for name, c in configs.items()}
    assert len(group_runs(specs_of(joint.values()))) == 1


def test_with_one_merge_it_is_a_mixture_of_single_task_and_joint_training():
    runs = [run_config(s, schedule__merges=1, **PRIMARY) for s in range(3)]
    mixed = cohort_of(runs, CPU).train()
    alone = cohort_of([run_config(s, STEPS, suite__tasks=["digit"]) for s in range(3)], CPU).train()
    joint = cohort_of([run_config(s, STEPS) for s in range(3)], CPU).train()
    for lane, result in enumerate(mixed):
        (merge,) = result.merges
        assert merge["step"] == 2 * STEPS
        a, b = merge["weights"]
        assert a + b == pytest.approx(1)
        for name, value in alone[lane].parameters.items():  # the encoder's, and of the goal's head
            np.testing.assert_allclose(
                result.parameters[name], a * value + b * joint[lane].parameters[name], rtol=1e-9, atol=1e-12
            )


@pytest.mark.parametrize("lanes", (1, 3))
@pytest.mark.parametrize("primary", ("digit", None))
def test_as_in_a_plain_loop(primary, lanes):
    settings = {**PRIMARY, "suite__primary": primary, "schedule__merges": 3, "schedule__parts": 4}
    runs = [run_config(s, optimizer__schedule="cosine", **settings) for s in range(lanes)]
    results = cohort_of(runs, CPU).train()
    for run, result in zip(runs, results, strict=True):
        expected, weights = plain_fork_merge(run)
        np.testing.assert_allclose([merge["weights"] for merge in result.merges], weights, atol=1e-12)
        for name, value in expected.items():
            np.testing.assert_allclose(result.parameters[name], value, rtol=1e-8, atol=1e-11)


def test_what_is_seen_are_the_mixtures():
    (result,) = cohort_of([run_config(2, schedule__merges=4, budget__evaluations=4, **PRIMARY)], CPU).train()
    assert result.steps == [merge["step"] for merge in result.merges] == [6, 12, 18, 24]


def plain_fork_merge(config):
    """Train one run of two tasks with an ordinary Adam per branch; return parameters, and weights of every merge."""
    suite, seed, parts = build(config["suite"]), config["seed"], Parts.of(config)
    data, schedule = suite.load(seed), parts.schedule
    (source,), names = data.sources, [task.name for task in data.tasks]
    goals = range(2) if suite.primary is None else [names.index(suite.primary)]
    branches = [*([goal] for goal in goals), [0, 1]]
    networks = [build_network(parts, suite.info(), seed).double() for _ in branches]
    adams = [torch.optim.Adam(n.parameters(), lr=parts.optimizer.lr, foreach=False) for n in networks]
    feeds = [batches_of(seed, source, config["budget"]["batch_size"]) for _ in branches]

    def losses(network, rows, tasks):
        outputs = network([torch.from_numpy(source.inputs[rows]).double()])
        targets = [torch.from_numpy(source.targets[name][rows]) for name in names]
        targets = [t.double() if t.is_floating_point() else t for t in targets]
        return sum(LOSS[data.tasks[t].kind](outputs[t], targets[t]) for t in tasks)

    def held_out(values):
        trial = copy.deepcopy(networks[0])
        trial.load_state_dict(values)
        with torch.no_grad():
            return float(losses(trial, source.splits["val"], goals))

    def mix(values, weights):
        return {n: sum(w * v[n] for w, v in zip(weights, values, strict=True)) for n in values[0]}

    steps, period = config["budget"]["steps"], config["budget"]["steps"] // schedule.merges
    found = []
    for begun in range(0, steps, period):
        for network, adam, feed, tasks in zip(networks, adams, feeds, branches, strict=True):
            for step, rows in enumerate(itertools.islice(feed, period), begun):
                adam.param_groups[0]["lr"] = parts.optimizer.lr * (1 + np.cos(np.pi * step / steps)) / 2
                adam.zero_grad()
                losses(network, rows, tasks).backward()
                adam.step()
        ends = [copy.deepcopy(network.state_dict()) for network in networks]
        order = sorted(range(len(ends)), key=lambda b: held_out(ends[b]))
        weights = np.eye(len(ends))[order[0]]
        for branch in order[1:]:
            shares = [k / schedule.parts for k in range(schedule.parts)]
            tried = [(1 - s) * weights + s * np.eye(len(ends))[branch] for s in shares]
            weights = min(tried, key=lambda w: held_out(mix(ends, w)))
        found.append(weights)
        for network in networks:
            network.load_state_dict(mix(ends, weights))
    return {n: v.numpy() for n, v in networks[0].state_dict().items()}, found
