"""Each number of a strategy is taken up to its documented limit, and refused just beyond."""

import math

import pytest

from mtlrun.catalog import load_option
from mtlrun.config import build

BEYOND = 1e-9

LIMITS = [
    # option, key, least and largest value that is taken; `above` and `below` leave the limit itself out
    ("auto_lambda", "lr", 0, math.inf),
    ("auto_lambda", "start", "above 0", math.inf),
    ("cagrad", "c", 0, math.inf),
    ("db_mtl", "beta", 0, "below 1"),
    ("db_mtl", "decay", 0, math.inf),
    ("dwa", "tau", "above 0", math.inf),
    ("excess_mtl", "eta", "above 0", math.inf),
    ("fairgrad", "alpha", "above 0", math.inf),
    ("fairgrad", "max_norm", 0, math.inf),
    ("famo", "lr", 0, math.inf),
    ("famo", "decay", 0, math.inf),
    ("graddrop", "leak", 0, 1),
    ("gradnorm", "alpha", 0, math.inf),
    ("gradnorm", "lr", 0, math.inf),
    ("gradvac", "beta", 0, 1),
    ("moco", "beta", "above 0", 1),
    ("moco", "gamma", 0, math.inf),
    ("moco", "rho", 0, math.inf),
    ("moco", "decay", 0, math.inf),
    ("modo", "gamma", "above 0", math.inf),
    ("modo", "rho", 0, math.inf),
    ("nash_mtl", "max_norm", 0, math.inf),
    ("relatedness", "momentum", 0, "below 1"),
    ("sdmgrad", "strength", 0, math.inf),
    ("sdmgrad", "lr", "above 0", math.inf),
    ("sdmgrad", "momentum", 0, "below 1"),
    ("stch", "mu", "above 0", math.inf),
]
COUNTS = [
    ("excess_mtl", "warmup", 1),
    ("nash_mtl", "update_every", 1),
    ("sdmgrad", "iterations", 1),
    ("stch", "warmup", 0),
]


def faulty(option, key, value):
    return [fault.key for fault in build({**load_option("weighting", option), key: value}).faults()]


@pytest.mark.parametrize(("option", "key", "least", "largest"), LIMITS)
def test_numbers(option, key, least, largest):
    for limit, outwards in ((least, -BEYOND), (largest, BEYOND)):
        if limit == math.inf:
            assert faulty(option, key, 1e9) == []
        elif isinstance(limit, str):
            number = float(limit.split()[1])
            assert faulty(option, key, number) == [key]
            assert faulty(option, key, number - outwards) == []
        else:
            assert faulty(option, key, float(limit)) == []
            assert faulty(option, key, limit + outwards) == [key]


@pytest.mark.parametrize(("option", "key", "least"), COUNTS)
def test_whole_numbers(option, key, least):
    assert faulty(option, key, least) == []
    assert faulty(option, key, least - 1) == [key]
