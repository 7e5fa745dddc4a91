"""What is passed over is what would have been drawn: batches, masks and random numbers of every stream."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.streams import stream
from mtlrun.training.batches.bank import BatchStream
from mtlrun.training.batches.feed import CHUNK_STEPS
from mtlrun.training.vectorize.masks import _pass_over

CPU = torch.device("cpu")


@pytest.mark.parametrize("size", (1, 7, 30, 31, 64, 100))
@pytest.mark.parametrize("skip", (0, 1, 4, 9, 33))
def test_batches(size, skip):
    rows = np.arange(31) * 10
    taken, skipped = (BatchStream(3, "source", rows, size) for _ in range(2))
    taken.take(skip)
    skipped.skip(skip)
    for steps in (1, 5, 40):
        np.testing.assert_array_equal(taken.take(steps), skipped.take(steps))


@pytest.mark.parametrize("numbers", (0, 1, 2, 3, 64, 65, 1001))
def test_numbers_of_32_bits(numbers):
    drawn, passed = (stream(5, "masks") for _ in range(2))
    drawn.random(numbers, np.float32)
    _pass_over(passed, numbers)
    for count in (1, 2, 5):
        np.testing.assert_array_equal(drawn.random(count, np.float32), passed.random(count, np.float32))
    np.testing.assert_array_equal(drawn.random(3), passed.random(3))


KINDS = (
    {"regularization": "dropout", "model__width": 15, "budget__batch_size": 7},
    {"weighting": "random"},
    {"weighting": "auto_lambda", "sharing": "ltb"},
    {"budget__batch_size": "full", "regularization": "dropout"},
    {"suite": "digits_permuted", "budget__batch_size": 250},
)


@pytest.mark.parametrize("choices", KINDS, ids=lambda c: "-".join(map(str, c.values())))
@pytest.mark.parametrize("first", (1, CHUNK_STEPS - 1, CHUNK_STEPS, CHUNK_STEPS + 3, 3 * CHUNK_STEPS))
def test_a_feed_that_begins_later_gives_the_same(choices, first):
    cohort = cohort_of([run_config(seed, 3 * CHUNK_STEPS + 5, **choices) for seed in (1, 2)], CPU)
    (phase,) = cohort.phases
    whole = list(cohort.batches(phase, 2))
    later = list(cohort.batches(phase, 2, first=first))
    assert len(whole) == phase.steps and len(later) == phase.steps - first
    for one, other in zip(whole[first:], later, strict=True):
        assert torch.equal(one.new_epoch, other.new_epoch)
        pairs = [(one.examples, other.examples), *zip(one.extra, other.extra, strict=True)]
        for here, there in pairs:
            assert all(map(torch.equal, here.inputs, there.inputs))
            assert all(map(torch.equal, here.targets, there.targets))
            assert here.masks.keys() == there.masks.keys()
            assert all(torch.equal(mask, there.masks[name]) for name, mask in here.masks.items())
        for here, there in zip(one.draws, other.draws, strict=True):
            assert (here is None and there is None) or torch.equal(here, there)
