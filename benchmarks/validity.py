"""False alarms, coverage and power of every test in simulated studies, as docs/statistics.md gives them.

    python -m benchmarks.validity [--studies 1000] [--output FILE]

A null study has 10 rows whose true gain is 0. A false alarm is any row called `negative` or `positive`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mtlrun.statistics.corrections import find_correction
from mtlrun.statistics.methods import METHODS, Method, equivalence, make_method, two_sided
from mtlrun.statistics.paired_tests.skew import clearly_skewed
from mtlrun.statistics.paired_tests.student import Array

ROWS, ALPHA, BATCH, MOST, PARTS = 10, 0.05, 8, 200, 10
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]

SYMMETRIC: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
}
SKEWED: dict[str, Draw] = {
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1,
    "lognormal": lambda rng, shape: rng.lognormal(size=shape) - np.exp(0.5),
}
DISTRIBUTIONS = SYMMETRIC | SKEWED
"""Differences with mean 0; the first two have standard deviations 1 and sqrt(3)."""


def two_errors(rate: float, studies: int) -> float:
    """Return the rate plus two standard errors of a share of `studies`."""
    return rate + 2 * float(np.sqrt(rate * (1 - rate) / studies))


def any_in_study(p: Array, correction: str = "holm") -> Array:
    """Return whether each study has a p, corrected over its rows, under ALPHA; p is (studies x ROWS,)."""
    adjust = find_correction(correction).adjust
    return np.array([(adjust(rows) < ALPHA).any() for rows in p.reshape(-1, ROWS)])


def fixed(name: str, draw: Draw, n: int, studies: int, rng: np.random.Generator) -> float:
    """Return the share of null studies of n seeds with any false alarm."""
    parts = [draw(rng, (n, studies // PARTS * ROWS)) for _ in range(PARTS)]
    p = [two_sided(make_method(name, 0.0, rng), d) for d in parts]  # each part with draws of its own
    return float(any_in_study(np.concatenate(p)).mean())


def looks(name: str, draw: Draw, studies: int, rng: np.random.Generator, centre: float = 0.0) -> float:
    """Return the share of studies with a false alarm at any look: after every BATCH seeds, up to MOST.

    With a `centre`, rows lie on the margin itself, and the alarm is to call any of them neutral.
    """
    d = draw(rng, (MOST, studies * ROWS)) + centre
    method = make_method(name, 0.0, rng)
    alarmed = np.zeros(studies, dtype=bool)
    margin = np.full(d.shape[1], centre)
    for n in range(BATCH, MOST + 1, BATCH):
        p = equivalence(method, d[:n], margin) if centre else two_sided(method, d[:n])
        alarmed |= any_in_study(p)
    return float(alarmed.mean())


def coverage(method: Method, draw: Draw, n: int, columns: int, rng: np.random.Generator) -> float:
    """Return how many of `columns` 95 % intervals from n seeds hold the mean; one that is not given does not."""
    low, high = method.interval(draw(rng, (n, columns)), 0.95)
    return float(((low <= 0) & (high >= 0)).mean())


def always_covers(draw: Draw, columns: int, rng: np.random.Generator) -> float:
    """Return how many anytime intervals hold the mean at every look at once."""
    d, method = draw(rng, (MOST, columns)), make_method("anytime", 0.0, rng)
    inside = np.ones(columns, dtype=bool)
    for n in range(BATCH, MOST + 1, BATCH):
        low, high = method.interval(d[:n], 0.95)
        inside &= ~((low > 0) | (high < 0))
    return float(inside.mean())


def power(name: str, effect: float, n: int, columns: int, rng: np.random.Generator) -> float:
    """Return how often a mean of `effect` standard deviations is found at n seeds, at Holm's first level."""
    d = SYMMETRIC["normal"](rng, (n, columns)) + effect
    return float((two_sided(make_method(name, 0.0, rng), d) < ALPHA / ROWS).mean())


def stopping(effect: float, columns: int, rng: np.random.Generator) -> Array:
    """Return after how many seeds (columns,) `anytime` finds the effect; infinite where not by MOST."""
    d, method = SYMMETRIC["normal"](rng, (MOST, columns)) + effect, make_method("anytime", 0.0, rng)
    found = np.full(columns, np.inf)
    for n in range(MOST - MOST % BATCH, 0, -BATCH):
        found[two_sided(method, d[:n]) < ALPHA / ROWS] = n
    return found


def warned(draw: Draw, n: int, studies: int, rng: np.random.Generator) -> float:
    """Return the share of studies in which any row is called clearly skewed."""
    family = np.repeat(np.arange(studies), ROWS).astype(str).tolist()
    flags = clearly_skewed(draw(rng, (n, studies * ROWS)), family, ALPHA, rng)
    return float((flags.reshape(-1, ROWS) == 1).any(axis=1).mean())


def measure(studies: int) -> dict[str, dict[str, float]]:
    """Return every figure by table and line."""
    rng = np.random.default_rng(0)
    columns = 4 * studies
    ns = {name: [10] if name in SKEWED else [5, 10, 30] for name in DISTRIBUTIONS}
    return {
        "false alarms, fixed number of seeds": {
            f"{method} {name} n={n}": fixed(method, draw, n, studies, rng)
            for method in METHODS
            for name, draw in DISTRIBUTIONS.items()
            for n in ns[name]
        },
        "false alarms, looked at after every 8 of 200 seeds": {
            f"{method} {name}": looks(method, draw, studies, rng)
            for method in ("anytime", "paired_t")
            for name, draw in DISTRIBUTIONS.items()
        },
        "false neutrals on the margin, looked at after every 8 of 200 seeds": {
            f"anytime {name} margin {margin:g}": looks("anytime", draw, studies, rng, margin)
            for name, draw in SYMMETRIC.items()
            for margin in (0.3, 1.0)
        },
        "coverage of 95 % intervals, 10 seeds": {
            f"{method} {name}": coverage(make_method(method, 0.0, rng), draw, 10, columns, rng)
            for method in METHODS
            for name, draw in DISTRIBUTIONS.items()
        },
        "coverage of anytime intervals at all looks": {
            f"anytime {name}": always_covers(draw, studies, rng) for name, draw in SYMMETRIC.items()
        },
        "power at level 0.005, normal": {
            f"{method} effect {effect} n={n}": power(method, effect, n, columns, rng)
            for effect, n in ((0.5, 50), (1.0, 18))
            for method in METHODS
        },
        "seeds until anytime finds the effect, normal": {
            f"{word} effect {effect}": float(np.quantile(found, share, method="higher"))
            for effect in (0.5, 0.8, 1.2)
            for found in [stopping(effect, columns, rng)]
            for word, share in (("median", 0.5), ("80 %", 0.8))
        },
        "studies with a warning of skew": {
            f"{name} n={n}": warned(draw, n, max(studies // 5, 50), rng)
            for name, draw in DISTRIBUTIONS.items()
            for n in (10, 20)
        },
    }


def main() -> None:
    """Print the figures, and write them where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    start = time.time()
    tables = measure(asked.studies)
    for title, lines in tables.items():
        print(f"\n{title}")
        for name, value in lines.items():
            print(f"  {name:<44} {value:8.3f}")
    limit = two_errors(ALPHA, asked.studies)
    print(f"\n{asked.studies} studies, limit {limit:.4f}, {time.time() - start:.0f} s")
    if asked.output:
        asked.output.write_text(json.dumps({"studies": asked.studies, **tables}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
