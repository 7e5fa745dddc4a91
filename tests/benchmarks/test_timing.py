"""Rates come from counted steps over the clock, in turns, and ratios are taken within a turn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from benchmarks.peers import Peer
from benchmarks.timing import WARM_UP_STEPS, fastest, measure, ratio, spread


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
    peers = {name: Peer(clock.work(name, 1.0), 1) for name in "ab"}
    measure(peers, seconds=1.0, repeats=2, clock=lambda: clock.now)
    turn = WARM_UP_STEPS + 1
    assert clock.log == (["a"] * turn + ["b"] * turn) * 2


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
