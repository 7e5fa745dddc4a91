"""Rates come from counted steps over the clock, in turns, and ratios are taken within a turn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from benchmarks.peers import Peer
from benchmarks.timing import WARM_UP_STEPS, fastest, interval, measure, ratio, spread


class _Clock:
    """A clock that only steps of work move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []

    def work(self, name: str, cost: float) -> Callable[[], torch.Tensor]:
        def step() -> torch.Tensor:
            self.now += cost
            self.log.append(name)
            return torch.zeros(())

        return step


def test_rate_counts_run_steps_of_all_lanes() -> None:
    clock = _Clock()
    peers = {"one": Peer(clock.work("one", 0.25), 1), "many": Peer(clock.work("many", 0.5), 8)}
    rates = measure(peers, seconds=1.0, repeats=2, clock=lambda: clock.now)
    assert rates == {"one": [4.0, 4.0], "many": [16.0, 16.0]}


def test_peers_take_turns() -> None:
    clock = _Clock()
    peers = {name: Peer(clock.work(name, 0.125), 1) for name in "ab"}
    measure(peers, seconds=1.0, repeats=2, clock=lambda: clock.now)
    turn = WARM_UP_STEPS + 8
    assert clock.log == (["a"] * turn + ["b"] * turn) * 2


def test_long_steps_warm_up_once() -> None:
    clock = _Clock()
    measure({"a": Peer(clock.work("a", 2.0), 1)}, seconds=1.0, repeats=1, clock=lambda: clock.now)
    assert clock.log == ["a", "a"]


def test_interval_holds_the_median_and_narrows_with_more_repeats() -> None:
    values = list(np.random.default_rng(1).normal(10.0, 1.0, size=400))
    few, many = interval(values[:16]), interval(values)
    assert few.low < 10 < few.high
    assert many.low < 10 < many.high
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_interval_is_wider_where_noise_lasts() -> None:
    brief = np.random.default_rng(2).normal(size=64)
    lasting = np.sort(brief)  # the same values, neighbours alike
    narrow, wide = interval(list(brief)), interval(list(lasting))
    assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)


def test_interval_of_few_values_is_their_range() -> None:
    assert interval([3.0, 1.0, 2.0]) == (1.0, 3.0)


def test_ratio_is_taken_within_a_repeat() -> None:
    assert ratio([10.0, 5.0, 30.0], [5.0, 2.5, 10.0]) == (2.0, 2.0, 2.5)


def test_spread_is_median_and_quartiles() -> None:
    assert spread([5.0, 1.0, 3.0, 2.0, 100.0]) == (3.0, 2.0, 5.0)
    assert spread([7.0]) == (7.0, 7.0, 7.0)


def test_fastest_goes_by_the_median() -> None:
    assert fastest({"lucky": [1.0, 1.0, 99.0], "steady": [2.0, 2.0, 2.0]}) == "steady"


def test_unequal_repeats_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0], [1.0, 2.0])
