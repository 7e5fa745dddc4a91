"""How often a setting is called dominated or beyond the front, wrongly and rightly, for docs/statistics.md.

    python -m benchmarks.frontier_rates [--studies 1000] [--output FILE]

Simulated: a front of 11 points and two tasks. Each run's values have a deviation that validation and test
share and one of its own each, together of standard deviation 1 (percent of STL); all is normal. Nulls: the
setting has the expected values of a point of the front, of the true front between two points, or of a mix of
two neighbours; or all points and the setting are one; or there is one point only. `helpful` fronts have
points that others beat. At the edges the setting equals a point on the first task, the worst null for each
word. Shifted: it lies 1.5 behind or beyond a point of the front on both tasks.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date
from pathlib import Path

import numpy as np

from mtlrun.statistics.frontier import BEYOND, DOMINATED, ON, UNDECIDED, Position, on_front, position
from mtlrun.statistics.paired_tests.resamples import bootstrap_weights
from mtlrun.statistics.paired_tests.student import Array, StudentT

ALPHA, POINTS, RADIUS, SHIFT, MARGIN, SHARED = 0.05, 11, 4.0, 1.5, 1.0, 0.5
SEEDS, VARIANTS, RESAMPLES = (5, 10, 20), (1, 5), 400
NULLS = ("point", "between", "mix", "flat", "helpful", "one", "edge behind", "edge beyond")
WORDS = (DOMINATED, ON, BEYOND, UNDECIDED)


def curve(at: Array) -> Array:
    """Return expected gains (..., 2) in percent at places (...) from 0 to 1 along a front, an arc."""
    return RADIUS * np.stack([np.sin(at * np.pi / 2), np.cos(at * np.pi / 2)], axis=-1)


def helpful(at: Array) -> Array:
    """Return gains where each task helps the other, so that weights far from equal are dominated."""
    return curve(at) + 2 * RADIUS * np.minimum(at, 1 - at)[..., None]


def truths(null: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return expected gains of a front's points (G, 2), and of a setting that is no better and no worse (2,)."""
    at = np.linspace(0, 1, POINTS)
    shape = helpful if null == "helpful" else curve
    points = np.zeros((POINTS, 2)) if null == "flat" else shape(at)
    points = points[:1] if null == "one" else points
    place = int(rng.integers(POINTS - 1))
    if null == "edge behind":
        return points, points[-1] - [0, RADIUS]
    if null == "edge beyond":
        return points[:1], points[0] + [0, RADIUS]
    if null == "between":
        return points, curve(at[place] + 0.5 / (POINTS - 1))
    if null == "mix":
        return points, points[place : place + 2].mean(axis=0)
    return points, points[int(rng.choice(np.flatnonzero(on_front(points))))]


def draw(truth: Array, seeds: int, rng: np.random.Generator) -> Array:
    """Return validation and test values (2, S, ..., T) of runs with these expected gains (..., T)."""
    both = rng.standard_normal((seeds, *truth.shape))
    return truth + SHARED**0.5 * both + (1 - SHARED) ** 0.5 * rng.standard_normal((2, *both.shape))


def _bounds(columns: Array, layouts: object, level: float) -> tuple[Array, Array]:
    """Return Student's intervals over seeds; values by test case are not simulated."""
    return StudentT().interval(columns, level)


def judge(points: Array, own: Array, seeds: int, weights: Array, rng: np.random.Generator) -> Position:
    """Return the position of a setting with variants of expected gains (V, T) in one simulated study."""
    front_val, front = draw(points, seeds, rng)
    own_val, own_test = draw(own, seeds, rng)
    return position(front_val, own_val, front, own_test, _bounds, weights, MARGIN, ALPHA)


def rates(
    null: str, shift: float, seeds: int, variants: int, studies: int, rng: np.random.Generator
) -> dict[str, float]:
    """Return the share of studies by word; variants have equal expected gains, so that one looks best."""
    weights = bootstrap_weights(seeds, RESAMPLES, rng)
    found = []
    for _ in range(studies):
        points, own = truths(null, rng)
        found.append(judge(points, np.repeat(own[None] + shift, variants, axis=0), seeds, weights, rng).word)
    return {word: found.count(word) / studies for word in WORDS}


def measure(studies: int) -> dict[str, dict[str, float]]:
    """Return the rates by what was simulated."""
    rng = np.random.default_rng(0)
    table = {
        f"null {null}, {seeds} seeds, variants {variants}": rates(null, 0.0, seeds, variants, studies, rng)
        for null in NULLS
        for seeds in SEEDS
        for variants in VARIANTS
    }
    for side, shift in (("behind", -SHIFT), ("beyond", SHIFT)):
        for seeds in SEEDS:
            table[f"{SHIFT} {side}, {seeds} seeds"] = rates("point", shift, seeds, 1, studies, rng)
    return table


def main() -> None:
    """Measure, print and perhaps write everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    begun = time.perf_counter()
    found = measure(given.studies)
    for name, by_word in found.items():
        print(f"{name:40}", "  ".join(f"{word} {rate:.3f}" for word, rate in by_word.items()))
    print(f"\n{time.perf_counter() - begun:.0f} s")
    if given.output:
        page = {"date": date.today().isoformat(), "studies": given.studies, "rates": found}
        given.output.write_text(json.dumps(page, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
