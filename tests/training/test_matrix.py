"""A run alone is the run among 15 others, for every weighting with every sharing scheme.

The whole matrix takes about a minute and is `slow`; the quick run has a sixth of it, in which every weighting meets
two schemes or more. Beside it stand schedules and penalties with three of each, and one step in float32. New options
join by themselves.
"""

from functools import cache
from itertools import cycle, groupby

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.catalog import options
from mtlrun.config import build
from mtlrun.errors import ConfigError
from mtlrun.training.network import Parts, build_network
from mtlrun.training.vectorize.strategy_groups import kind

LANES = 16
MET = 6  # in the quick run a scheme meets every sixth weighting
WEIGHTINGS = ("pcgrad", "uncertainty", "nash_mtl")  # to go with every schedule and every penalty

every_scheme = pytest.mark.parametrize("sharing", options("sharing"))


def runs(count, first, **choices):
    """Runs of other seeds and learning rates, of a network and batches as small as they come."""
    small = {"model__width": 4, "budget__evaluations": 1, "budget__batch_size": 4}
    choices = {"steps": 20, **small, **choices}
    one = run_config(**choices)
    rates = {s: one["optimizer"] | {"lr": 10 ** (s % LANES / LANES - 3)} for s in range(first, first + count)}
    return [one | {"seed": s, "optimizer": optimizer} for s, optimizer in rates.items()]


@cache
def alike(weighting):
    """What weightings must agree in to share a cohort."""
    config = run_config(weighting=weighting)
    return str([build(config["weighting"]).one_by_one, kind(config)])


def cohorts(weightings):
    """Weightings in groups that fit a cohort with two lanes each, or more."""
    for _, group in groupby(sorted(weightings, key=alike), key=alike):
        names = list(group)
        yield from (names[k : k + LANES // 2] for k in range(0, len(names), LANES // 2))


def check(configs, places, tolerance=1e-10):
    """Train all runs together, and those at some places alone too."""
    torch.set_num_threads(1)
    together = cohort_of(configs, torch.device("cpu")).train()
    for place in places:
        (alone,) = cohort_of(configs[place : place + 1], torch.device("cpu")).train()
        assert alone.diverged_at is None
        for name, values in alone.parameters.items():
            found = together[place].parameters[name]
            if max(np.linalg.norm(values), np.linalg.norm(found)) < 1e-9:
                continue  # begun at 0 with a gradient of 0: Adam made steps of its roundings
            told = [configs[place][group]["_target_"] for group in ("weighting", "sharing", "schedule")]
            assert np.linalg.norm(found - values) <= tolerance * np.linalg.norm(values), (*told, name)


def check_scheme(sharing, weightings, **choices):
    for names in cohorts(weightings):
        each = LANES // len(names)
        rest = LANES - each * len(names)
        counts = [each + (place < rest) for place in range(len(names))]
        configs = [
            config
            for place, (name, count) in enumerate(zip(names, counts, strict=True))
            for config in runs(count, LANES * place, weighting=name, sharing=sharing, **choices)
        ]
        assert len(configs) == LANES
        check(configs, np.cumsum(counts) - 1, 1e-6 if "dtype" in choices else 1e-10)


@pytest.mark.slow
@every_scheme
def test_every_weighting_with_every_sharing_scheme(sharing):
    check_scheme(sharing, options("weighting"))


@pytest.mark.sample(4)
@every_scheme
def test_a_sixth_of_the_weightings_with_every_sharing_scheme(sharing):
    check_scheme(sharing, options("weighting")[options("sharing").index(sharing) % MET :: MET])


def test_every_weighting_after_one_step_in_float32():
    check_scheme("hard", options("weighting"), dtype="float32", steps=1, optimizer="sgd")


def check_with_three(**choices):
    """Check an option of another group with three weightings, each on a sharing scheme of its own that takes it."""
    fitting = []
    for sharing in ("hard", "branched", *options("sharing")):
        config = run_config(sharing=sharing, **choices)
        try:
            build_network(Parts.of(config), build(config["suite"]).info(), 0)
        except ConfigError:
            continue
        fitting += [sharing] if sharing not in fitting else []
    for weighting, sharing in zip(WEIGHTINGS, cycle(fitting[:3]), strict=False):
        check(runs(LANES, 0, weighting=weighting, sharing=sharing, **choices), [7])


@pytest.mark.sample(3)
@pytest.mark.parametrize("schedule", options("schedule"))
def test_every_schedule(schedule):
    check_with_three(schedule=schedule)


@pytest.mark.sample(3)
@pytest.mark.parametrize("penalty", options("regularization"))
def test_every_regularization(penalty):
    check_with_three(regularization=penalty)
