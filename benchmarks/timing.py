"""Timing of several loops in turns, so that the noise of a shared machine strikes all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.peers import Peer

WARM_UP_STEPS = 3  # in every turn: the caches belong to the loop that ran before
WARM_UP_SHARE = 0.5  # of a turn's time; a loop whose steps are long warms up in one
DRAWS = 2000  # of the bootstrap
LEAST_REPEATS = 6  # the range of fewer values holds their median with less than 95 %


class Spread(NamedTuple):
    """The median of some repeats, and their quartiles: extremes would grow with the number of repeats."""

    median: float
    low: float
    high: float


class Interval(NamedTuple):
    """The 95 % bootstrap interval of a median; of fewer than 6 repeats their range."""

    low: float
    high: float


def measure(
    peers: Mapping[str, Peer],
    seconds: float,
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the run-steps per second of every peer, one value a repeat.

    Args:
        peers: The loops by name.
        seconds: Time given to each loop in each repeat.
        repeats: Rounds; in each of them every loop has one turn.
        clock: Time in seconds; `time.process_time` leaves out what other processes take.
    """
    rates: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, peer in peers.items():
            rates[name].append(_rate(peer, seconds, clock))
    return rates


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the lower and upper quartile."""
    low, median, high = (float(value) for value in np.quantile(values, (0.25, 0.5, 0.75)))
    return Spread(median, low, high)


def interval(values: Sequence[float], seed: int = 0) -> Interval:
    """Return the 95 % interval of the median, by a bootstrap of blocks of neighbouring repeats.

    Noise on a shared machine lasts: repeats near each other are alike, and drawing them one by one would state
    too narrow an interval. Blocks have about sqrt(n) repeats (circular block bootstrap, Politis and Romano 1992).
    Fewer than 6 repeats allow no such interval: there it is the range of all of them.
    """
    if len(values) < LEAST_REPEATS:
        return Interval(float(min(values)), float(max(values)))
    array, count = np.asarray(values, dtype=float), len(values)
    length = max(1, round(count**0.5))
    starts = np.random.default_rng(seed).integers(count, size=(DRAWS, -(-count // length)))
    rows = (starts[..., None] + np.arange(length)).reshape(DRAWS, -1)[:, :count] % count
    low, high = np.quantile(np.median(array[rows], axis=1), (0.025, 0.975))
    return Interval(float(low), float(high))


def ratio(values: Sequence[float], reference: Sequence[float]) -> Spread:
    """Return the spread of the ratios within each repeat: both loops ran under much the same noise."""
    return spread(ratios(values, reference))


def ratios(values: Sequence[float], reference: Sequence[float]) -> list[float]:
    """Return the ratio in each repeat."""
    return [value / base for value, base in zip(values, reference, strict=True)]


def fastest(rates: Mapping[str, Sequence[float]]) -> str:
    """Return the name with the highest median."""
    return max(rates, key=lambda name: statistics.median(rates[name]))


def _rate(peer: Peer, seconds: float, clock: Callable[[], float]) -> float:
    begun = clock()
    for _ in range(WARM_UP_STEPS):
        peer.step().sum().item()
        if clock() - begun > WARM_UP_SHARE * seconds:
            break
    start, steps, elapsed = clock(), 0, 0.0
    while elapsed < seconds:
        last = peer.step()
        steps += 1
        elapsed = clock() - start
    last.sum().item()  # waits for an accelerator
    elapsed = clock() - start
    return steps * peer.run_steps / elapsed
