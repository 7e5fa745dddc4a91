"""Sequential schedules through the engine: what is trained when, to the bit.

Two lanes of different seeds and learning rates, float32.
"""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

STEPS, EVALUATIONS = 12, 3
SHARED = "body.trunk"
FIRST_HEAD, SECOND_HEAD = "heads.tasks.0", "heads.tasks.1"


def configs_of(**choices):
    settings = {"steps": STEPS, "budget__evaluations": EVALUATIONS, "dtype": "float32", **choices}
    return [run_config(seed, optimizer__lr=lr, **settings) for seed, lr in ((0, 1e-3), (1, 1e-2))]


def snapshots(configs):
    """Parameters before training and after every phase, and the results."""
    torch.set_num_threads(1)
    cohort = cohort_of(configs, torch.device("cpu"))
    ends = set(np.cumsum([phase.steps for phase in cohort.phases]))
    seen, done = [copied(cohort)], [0]

    def progress(steps):
        done[0] += steps
        if done[0] in ends:
            seen.append(copied(cohort))

    results = cohort.train(progress)
    assert done[0] == max(ends)
    return seen, results


def copied(cohort):
    return {n: p.detach().clone().numpy() for n, p in cohort.parameters.items()}


def changed(before, after, part):
    """Whether every parameter of a part of the network changed in both lanes; None where some did."""
    names = [n for n in before if n.startswith(part)]
    assert names
    found = [not np.array_equal(before[n][lane], after[n][lane]) for n in names for lane in (0, 1)]
    return all(found) if all(found) or not any(found) else None


@pytest.mark.parametrize("regularization", ("none", "l2"))
@pytest.mark.parametrize("encoder", ("finetune", "freeze"))
def test_what_each_phase_trains(encoder, regularization):
    configs = configs_of(schedule="sequential", schedule__encoder=encoder, regularization=regularization)
    (start, middle, end), _ = snapshots(configs)
    assert changed(start, middle, SHARED) is True
    assert changed(start, middle, FIRST_HEAD) is True
    assert changed(start, middle, SECOND_HEAD) is False
    assert changed(middle, end, SHARED) is (encoder == "finetune")
    assert changed(middle, end, FIRST_HEAD) is False
    assert changed(middle, end, SECOND_HEAD) is True


@pytest.mark.parametrize("encoder", ("finetune", "freeze"))
def test_replay_keeps_training_earlier_tasks(encoder):
    configs = configs_of(schedule="sequential", schedule__encoder=encoder, schedule__replay=0.25)
    (start, middle, end), results = snapshots(configs)
    assert changed(start, middle, SECOND_HEAD) is False
    assert changed(middle, end, FIRST_HEAD) is True
    assert changed(middle, end, SECOND_HEAD) is True
    assert changed(middle, end, SHARED) is (encoder == "finetune")
    assert results[0].steps[-1] == 12 + 15  # three of its own steps, then one of the first task


def test_an_order_of_its_own_is_that_of_the_suite():
    turned, _ = snapshots(configs_of(schedule="sequential", schedule__order="reversed"))
    plain, _ = snapshots(configs_of(schedule="sequential", suite__tasks=["parity", "digit"]))
    for ours, theirs in zip(turned, plain, strict=True):
        for place in (0, 1):
            name = f"heads.tasks.{place}.weight"
            assert np.array_equal(ours[name], theirs[f"heads.tasks.{1 - place}.weight"])
        assert all(np.array_equal(ours[n], theirs[n]) for n in ours if n.startswith(SHARED))


@pytest.mark.parametrize("weighting", ("equal", "uncertainty", "dwa", "pcgrad", "mgda"))
@pytest.mark.parametrize("encoder", ("finetune", "freeze"))
def test_refitting_trains_all_heads_on_the_final_encoder(encoder, weighting):
    choices = {"schedule__encoder": encoder, "schedule__earlier_heads": "refit", "weighting": weighting}
    (_, _, before, after), results = snapshots(configs_of(schedule="sequential", **choices))
    assert changed(before, after, SHARED) is False
    assert changed(before, after, FIRST_HEAD) is True
    assert changed(before, after, SECOND_HEAD) is True
    assert results[0].steps == [4, 8, 12, 16, 20, 24, 25, 26, 27]  # a quarter of 12 steps more


@pytest.mark.parametrize("sharing", ("hard", "branched"))
def test_the_first_task_ends_as_its_baseline_does(sharing):
    (_, middle, _), results = snapshots(configs_of(schedule="sequential", sharing=sharing))
    baselines = cohort_of(configs_of(suite__tasks=["digit"]), torch.device("cpu")).train()
    own = {"body.trunk.0": "body.trunk.0", FIRST_HEAD: "heads.tasks.0"}
    own["body.trunk.1" if sharing == "hard" else "body.branches.0.0"] = "body.trunk.1"
    for lane, baseline in enumerate(baselines):
        for name, values in middle.items():
            part = next((p for p in own if name.startswith(p)), None)
            if part is not None:
                expected = baseline.parameters[name.replace(part, own[part], 1)]
                assert np.array_equal(values[lane], expected), name
        # and what was measured on the way
        places = [results[lane].names.index(pair) for pair in baseline.names]
        assert np.array_equal(results[lane].values[:EVALUATIONS][:, :, places], baseline.values)


def test_with_separate_encoders_every_task_ends_as_its_baseline_does():
    _, results = snapshots(configs_of(schedule="sequential", sharing="separate"))
    for place, task in enumerate(("digit", "parity")):
        baselines = cohort_of(configs_of(suite__tasks=[task]), torch.device("cpu")).train()
        for result, baseline in zip(results, baselines, strict=True):
            for name, values in baseline.parameters.items():
                ours = name.replace("heads.tasks.0", f"heads.tasks.{place}").replace(
                    "body.trunk", f"body.branches.{place}"
                )
                assert np.array_equal(result.parameters[ours], values), name


def test_momentum_of_what_is_frozen_does_not_move_it():
    choices = {"schedule__encoder": "freeze", "optimizer": "sgd", "schedule": "sequential"}
    (_, middle, end), _ = snapshots(configs_of(**choices))
    assert changed(middle, end, SHARED) is False
    choices = {**choices, "optimizer": "adamw"}
    (_, middle, end), _ = snapshots(configs_of(**choices))
    assert changed(middle, end, SHARED) is False
    assert changed(middle, end, FIRST_HEAD) is False  # nor does weight decay
