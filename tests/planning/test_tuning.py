"""What `tune` asks for: grids, random draws, faults, and what of a setting an option knows."""

from __future__ import annotations

import math

import pytest
from support.jobs import make_job

from mtlrun.errors import ConfigError
from mtlrun.planning.tuning import FIRST_SEED, applied, find_tuning, known_part, unknown_keys

JUDGING = list(range(10))


def tuning(seeds=2, trials=None, **keys):
    return find_tuning({"seeds": seeds, "trials": trials, **keys}, JUDGING)


def test_nothing_to_tune():
    assert tuning() is None


def test_lists_make_a_grid_on_seeds_that_do_not_judge():
    found = tuning(optimizer={"lr": [0.1, 0.2]}, model={"width": [8, 16, 32]})
    assert [dict(s) for s in found.settings] == [
        {"optimizer.lr": lr, "model.width": width} for lr in (0.1, 0.2) for width in (8, 16, 32)
    ]
    assert found.seeds == (FIRST_SEED, FIRST_SEED + 1)


def test_random_draws_stay_in_their_ranges_and_do_not_depend_on_other_keys():
    lr = {"low": 1e-4, "high": 1e-1, "log": True}
    both = tuning(trials=200, optimizer={"lr": lr}, model={"width": {"low": 8, "high": 10}})
    drawn = [s["optimizer.lr"] for s in both.settings]
    assert all(1e-4 <= v <= 1e-1 for v in drawn)
    assert 0.4 < sum(v < math.sqrt(1e-5) for v in drawn) / 200 < 0.6  # even in the logarithm
    assert {s["model.width"] for s in both.settings} == {8, 9, 10}
    assert [s["optimizer.lr"] for s in tuning(trials=200, optimizer={"lr": lr}).settings] == drawn


@pytest.mark.parametrize(
    ("keys", "key", "rule"),
    [
        ({"optimizer": {"lr": []}}, "tune.optimizer.lr", "list of values"),
        ({"optimizer": {"lr": 0.1}}, "tune.optimizer.lr", "list of values"),
        ({"optimizer": {"lr": [0.1, 0.1]}}, "tune.optimizer.lr", "each value once"),
        ({"optimizer": {"lr": {"low": 0.1, "high": 0.2}}}, "tune.optimizer.lr", "tune.trials"),
        (
            {"trials": 5, "optimizer": {"lr": {"low": 0.2, "high": 0.1}}},
            "tune.optimizer.lr",
            "low below high",
        ),
        (
            {"trials": 5, "optimizer": {"lr": {"low": 0, "high": 1, "log": True}}},
            "tune.optimizer.lr",
            "above 0",
        ),
        ({"suite": {"noise": [1, 2]}}, "tune.suite.noise", "one of these groups"),
        ({"trials": 1, "optimizer": {"lr": [0.1, 0.2]}}, "tune.trials", "at least 2"),
        ({"seeds": 0, "optimizer": {"lr": [0.1, 0.2]}}, "tune.seeds", "at least 1"),
        ({"seeds": [3, 99], "optimizer": {"lr": [0.1, 0.2]}}, "tune.seeds", "seeds that judge"),
    ],
)
def test_every_fault_is_told(keys, key, rule):
    with pytest.raises(ConfigError) as error:
        tuning(**keys)
    assert any(fault.key == key and rule in fault.rule for fault in error.value.faults)


def test_an_option_takes_what_it_knows():
    setting = {"optimizer.lr": 0.5, "weighting.c": 0.1}
    cagrad, equal = make_job(weighting="cagrad"), make_job()
    assert known_part(equal, setting) == {"optimizer.lr": 0.5}
    assert applied(cagrad, setting)["weighting"]["c"] == 0.1
    assert applied(equal, setting)["weighting"] == equal["weighting"]
    found = tuning(optimizer={"lr": [0.1, 0.2]}, weighting={"c": [0.1, 0.2]})
    assert unknown_keys([equal, cagrad], found) == []
    assert [fault.key for fault in unknown_keys([equal], found)] == ["tune.weighting.c"]


def test_choices_at_the_edge_of_three_or_more_numbers():
    found = tuning(optimizer={"lr": [0.1, 0.2, 0.3]}, model={"width": [8, 16]})
    assert found.at_edge({"optimizer.lr": 0.3, "model.width": 8}) == ["optimizer.lr"]
    assert found.at_edge({"optimizer.lr": 0.2}) == []
