"""Inputs that come to the device batch by batch: what arrives is what resident inputs give, bit for bit."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.data.task import Augment, Source, SuiteData, Task
from mtlrun.training.batches.bank import Bank, Table
from mtlrun.training.batches.feed import Feed
from mtlrun.training.batches.streamed_inputs import AHEAD, Streamed, ahead
from mtlrun.training.vectorize.masks import Masks

CPU = torch.device("cpu")


def mapped(path: Path, array: np.ndarray) -> np.ndarray:
    np.save(path, array)
    return np.load(path, mmap_mode="r")


@pytest.mark.parametrize("lanes", (1, 3))
@pytest.mark.parametrize("dtype", (np.float32, np.uint8))
def test_it_gathers_what_a_table_gathers(tmp_path, dtype, lanes):
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 9, (7, 2, 3)).astype(dtype) for _ in range(2)]
    arrays = [mapped(tmp_path / f"{k}.npy", array) for k, array in enumerate(arrays)]
    of_lanes = [arrays[lane % 2] for lane in range(lanes)]
    for shape in ((lanes, 4), (5, lanes, 4), (lanes, 0)):
        rows = torch.from_numpy(rng.integers(0, 7, shape))
        found, _ = Streamed(of_lanes, CPU).gather(rows)
        assert torch.equal(found, Table(of_lanes, CPU, torch.float32).gather(rows))
        assert found.dtype == (torch.uint8 if dtype == np.uint8 else torch.float32)


def test_what_is_ahead_comes_in_order_and_not_too_early():
    begun = []
    items = ahead(begun.append(k) or k for k in range(9))
    assert next(items) == 0
    deadline = time.monotonic() + 5
    while len(begun) < 1 + AHEAD and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert begun == list(range(1 + AHEAD))
    assert list(items) == list(range(1, 9))


def test_what_goes_wrong_ahead_is_told_where_it_is_used():
    def items():
        yield 1
        raise MemoryError("no more")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(MemoryError, match="no more"):
        next(found)


def test_no_thread_stays_behind():
    before = threading.active_count()
    items = ahead(iter(range(100)))
    next(items)
    assert threading.active_count() == before + 1
    del items  # as a feed is, in the middle of its sequence
    assert threading.active_count() == before


def pictures(place: Path, seed: int) -> SuiteData:
    """Images of 3 colours in a mapped file, standardised and varied on the device, with amounts for a second task."""
    rng = np.random.default_rng(seed)
    inputs = mapped(place / f"{seed}.npy", rng.integers(0, 256, (30, 3, 4, 4)).astype(np.uint8))
    splits = {"train": np.arange(20), "val": np.arange(20, 25), "test": np.arange(25, 30)}
    targets = {"kind": rng.integers(0, 2, 30), "size": rng.normal(size=(30, 1)).astype(np.float32)}
    scaling = rng.random(3).astype(np.float32), 1 + rng.random(3).astype(np.float32)
    tasks = (
        Task("kind", "multiclass", 2, 0, ("accuracy",)),
        Task("size", "regression", 1, 0, ("mse",)),
    )
    return SuiteData(tasks, (Source("s", inputs, targets, splits, {}, scaling, Augment(True, 1)),))


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64))
@pytest.mark.parametrize("size", (8, 20))
def test_batches_are_those_of_resident_inputs(tmp_path, size, dtype):
    lanes = [pictures(tmp_path, seed) for seed in (3, 4)]
    found: list[list[Any]] = []
    for streamed in (False, True):
        bank, send = Bank(lanes, CPU, dtype, streamed), torch.from_numpy
        feed = Feed([3, 4], lanes, bank, [size], send, Masks([3, 4], [None] * 2, {}, size, send))
        found.append(list(feed.batches(150, 5, 1, [])))
        assert [part.shape for part in bank.split("val")] == [(2, 5)]
    for resident, batch in zip(*found, strict=True):
        for here, there in ((resident.examples, batch.examples), (resident.extra[0], batch.extra[0])):
            assert all(map(torch.equal, here.inputs, there.inputs))
            assert all(map(torch.equal, here.targets, there.targets))


KINDS = (
    {"weighting": "pcgrad"},
    {"weighting": "auto_lambda"},
    {"suite": "digits_permuted", "sharing": "mmoe"},
    {"schedule": "alternating"},
    {"regularization": "dropout"},
    {"budget__batch_size": "full"},
)


@pytest.mark.parametrize("choices", KINDS, ids=lambda c: "-".join(map(str, c.values())))
def test_runs_are_those_of_resident_inputs(choices):
    configs = [run_config(seed, dtype="float32", **choices) for seed in (0, 1)]
    resident, streamed = (cohort_of(configs, CPU, streamed=way).train() for way in (False, True))
    for one, other in zip(resident, streamed, strict=True):
        assert np.array_equal(one.values, other.values)
        assert one.diagnostics == other.diagnostics
        assert all(np.array_equal(one.parameters[n], other.parameters[n]) for n in one.parameters)
