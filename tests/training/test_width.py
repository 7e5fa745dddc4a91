"""How many lanes train together."""

from __future__ import annotations

import pytest
import torch
from support.cohorts import specs_of
from support.configs import run_config

from mtlrun.training import width
from mtlrun.training.width import best_width, is_out_of_memory, time_widths

CPU = torch.device("cpu")


def configs(count: int):
    """Return configs of runs of 8 steps."""
    return [run_config(seed=seed, steps=8) for seed in range(count)]


def rates_of(monkeypatch, rate, count: int, most: int = 256) -> dict[int, float]:
    """Return what a timing finds where a cohort of n lanes runs at `rate(n)`."""
    monkeypatch.setattr(width, "_rate", lambda runs, device, streamed: rate(len(runs)))
    return time_widths([{}] * count, CPU, most)


def test_real_steps_are_timed_at_every_width_that_there_are_runs_for(monkeypatch):
    monkeypatch.setattr(width, "TIMED_S", 0.0)
    rates = time_widths(specs_of(configs(5)), CPU, 256)
    assert list(rates)[:2] == [1, 4]
    assert all(rate > 0 for rate in rates.values())


def test_lanes_grow_until_they_no_longer_help(monkeypatch):
    assert list(rates_of(monkeypatch, lambda n: min(n, 16), 300)) == [1, 4, 16, 64, 256]
    assert list(rates_of(monkeypatch, lambda n: -abs(n - 4), 300)) == [1, 4, 16]
    assert list(rates_of(monkeypatch, lambda n: n, 20)) == [1, 4, 16, 20]
    assert list(rates_of(monkeypatch, lambda n: n, 300, most=10)) == [1, 4, 10]


def test_lanes_that_memory_does_not_hold_end_the_timing(monkeypatch):
    def rate(lanes: int) -> float:
        if lanes > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return lanes

    assert rates_of(monkeypatch, rate, 300) == {1: 1, 4: 4}


def test_another_fault_is_not_hidden(monkeypatch):
    def rate(lanes: int) -> float:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        rates_of(monkeypatch, rate, 4)


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({1: 100.0}, 1),
        ({1: 100.0, 4: 90.0}, 1),
        ({1: 100.0, 4: 101.0, 16: 200.0}, 16),
        ({1: 100.0, 4: 200.0, 16: 202.0}, 4),  # hardly faster: more memory, less to share out
    ],
)
def test_the_fastest_width_is_taken_and_the_narrower_of_equals(rates, best):
    assert best_width(rates) == best


@pytest.mark.parametrize(
    ("error", "exhausted"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("shapes differ"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, exhausted):
    assert is_out_of_memory(error) == exhausted


def test_what_the_allocator_really_says():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    assert is_out_of_memory(caught.value)
