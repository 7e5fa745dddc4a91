"""Whether verdicts over seeds and test examples keep what docs/statistics.md promises, in simulated studies.

    python -m benchmarks.examples_validity [--studies 1000] [--only metrics,groups,...] [--output FILE]

Rates are shares of studies of one row each, at level .05. `truth` is the mean over all simulated studies, where two
procedures are not equal.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.advice_validity import advised
from benchmarks.crossed_studies import WORLDS, Groups, World, differences, draw, uneven_groups
from benchmarks.machine import machine
from benchmarks.split_studies import split_rates
from benchmarks.suite_studies import suite_rates
from mtlrun.statistics.evidence import Differences, Tests, p_equivalence, p_two_sided, tests_of
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.statistics.settings import Statistics

ALPHA, LEVEL, BATCH, MOST = 0.05, 0.95, 8, 80
DESIGNS = ((5, 100), (10, 400), (30, 600))
SORTED = ("auroc", "spearman", "balanced_accuracy", "macro_f1")
"""Metrics whose scores take longest; in the largest design half as many studies are drawn."""
_MANY = 10_000
Rates = dict[str, float]


def tests(found: Differences, method: str, over: str = "examples", seed: int = 0) -> Tests:
    """Return the tests of a study's method, as `judge` makes them."""
    return tests_of(found, Statistics(method=method, over=over), np.random.default_rng(seed))  # type: ignore[arg-type]


def null_rates(
    world: World,
    n: int,
    m: int,
    studies: int,
    method: str = "paired_t",
    groups: Groups | None = None,
    as_groups: bool = True,
) -> Rates:
    """Return false alarms over examples and over seeds alone, and coverage, where both procedures are equal."""
    p, alone, inside = [], [], []
    rng = np.random.default_rng([n, m])
    for sides in draw(world, n, m, studies, rng, groups=groups, as_groups=as_groups):
        found = differences(world, sides)
        crossed = tests(found, method)
        p.append(p_two_sided(crossed))
        alone.append(p_two_sided(tests(found, method, "seeds")))
        low, high = crossed.interval(LEVEL)
        inside.append((low <= 0) & (high >= 0))
    return {
        "rejected": float((np.concatenate(p) < ALPHA).mean()),
        "seeds only": float((np.concatenate(alone) < ALPHA).mean()),
        "coverage": float(np.concatenate(inside).mean()),
    }


def effect_rates(world: World, n: int, m: int, studies: int, method: str = "paired_t") -> Rates:
    """Return power and coverage where the second procedure is better, and how often TOST says at the margin's very
    edge that the difference lies inside."""
    rng = np.random.default_rng([n, m, 1])
    parts = [differences(world, sides) for sides in draw(world, n, m, studies, rng, better=world.better)]
    truth = float(np.concatenate([part.d.mean(axis=0) for part in parts]).mean())
    crossed = [tests(part, method) for part in parts]
    p = np.concatenate([p_two_sided(one) for one in crossed])
    bounds = [one.interval(LEVEL) for one in crossed]
    inside = np.concatenate([(low <= truth) & (high >= truth) for low, high in bounds])
    edges = [
        p_equivalence(one, np.full(part.columns, abs(truth)))
        for one, part in zip(crossed, parts, strict=True)
    ]
    return {
        "truth": truth,
        "power": float((p < ALPHA).mean()),
        "coverage": float(inside.mean()),
        "neutral at the edge": float((np.concatenate(edges) < ALPHA).mean()),
    }


def looks(world: World, m: int, studies: int, better: float = 0.0) -> Rates:
    """Return false alarms of `anytime` over all looks, after every 8 of 80 seeds, and coverage where a study stops.

    It stops at the first look that tells a difference, else at the last. With two that differ, the first number is
    its power, and false neutrals are counted on the very edge of the margin.
    """
    rng = np.random.default_rng([m, 2])
    parts = [differences(world, sides) for sides in draw(world, MOST, m, studies, rng, better=better)]
    truth = float(np.concatenate([part.d.mean(axis=0) for part in parts]).mean()) if better else 0.0
    found = [_looked(part, truth) for part in parts]
    alarmed, covered, always, neutral, needed = (
        np.concatenate(values) for values in zip(*found, strict=True)
    )
    rates = {
        "told apart at any look": float(alarmed.mean()),
        "coverage where it stops": float(covered.mean()),
        "coverage at all looks": float(always.mean()),
    }
    if not better:
        return rates
    known = {"seeds, median": float(np.median(needed))} if np.isfinite(np.median(needed)) else {}
    return rates | known | {"neutral at the edge at any look": float(neutral.mean())}


def _looked(whole: Differences, truth: float) -> tuple[Array, ...]:
    columns = whole.columns
    stopped, covered, neutral = (np.zeros(columns, dtype=bool) for _ in range(3))
    always, needed = np.ones(columns, dtype=bool), np.full(columns, np.inf)
    for n in range(BATCH, MOST + 1, BATCH):
        part = Differences(whole.d[:n], whole.size, [[column[0][:n]] for column in whole.layouts])
        crossed = tests(part, "anytime")
        low, high = crossed.interval(LEVEL)
        inside = ~((low > truth) | (high < truth))
        now = (p_two_sided(crossed) < ALPHA) & ~stopped
        if truth:
            neutral |= p_equivalence(crossed, np.full(columns, abs(truth))) < ALPHA
        covered = np.where(now, inside, covered)
        needed = np.where(now, n, needed)
        stopped |= now
        always &= inside
    return stopped, np.where(stopped, covered, inside), always, neutral, needed


def metric_rates(studies: int) -> dict[str, Rates]:
    """Return rates of the crossed t test under every metric."""
    found: dict[str, Rates] = {}
    for name, world in WORLDS.items():
        for n, m in DESIGNS:
            few = n * m > _MANY and world.metric in SORTED
            found[f"{name}, {n} x {m}"] = null_rates(world, n, m, studies // 2 if few else studies)
        if world.strength:
            effect = effect_rates(world, 10, 400, studies)
            found[f"{name}, 10 x 400, one better"] = effect
    return found


def bootstrap_rates(studies: int) -> dict[str, Rates]:
    """Return rates of the crossed bootstrap."""
    found: dict[str, Rates] = {}
    for name in ("accuracy near .9", "AUROC, one in ten positive", "RMSE"):
        for n, m in DESIGNS:
            found[f"{name}, {n} x {m}"] = null_rates(WORLDS[name], n, m, studies // 2, "bootstrap")
        found[f"{name}, 10 x 400, one better"] = effect_rates(
            WORLDS[name], 10, 400, studies // 2, "bootstrap"
        )
    return found


def anytime_rates(studies: int) -> dict[str, Rates]:
    """Return rates of the crossed anytime test."""
    names = ("accuracy, chance", "accuracy near .9", "AUROC", "RMSE")
    found = {
        f"{name}, {m} examples": looks(WORLDS[name], m, studies // 2) for name in names for m in (100, 400)
    }
    better = {
        f"{name}, 400 examples, one better": looks(WORLDS[name], 400, studies // 2, WORLDS[name].better)
        for name in names[1:]
    }
    return found | better


def case_rates(studies: int) -> dict[str, Rates]:
    """Return rates where rows come in groups, told and untold, and where there are more examples than blocks."""
    groups = uneven_groups(100, 5, np.random.default_rng(0))
    rows, found = len(groups.of), {}
    for name in ("accuracy near .75", "AUROC", "RMSE", "macro-F1"):
        world = WORLDS[name]
        for n in (5, 20):
            found[f"{name}, {n} x 100 groups"] = null_rates(world, n, rows, studies, groups=groups)
        untold = null_rates(world, 20, rows, studies, groups=groups, as_groups=False)
        found[f"{name}, 20 x 100 groups taken for {rows} rows"] = untold
    for name in ("accuracy near .9", "AUROC", "RMSE"):
        for n in (5, 20):
            rates = null_rates(WORLDS[name], n, 3000, max(studies // 2, 200))
            found[f"{name}, {n} x 3,000 in 1,000 blocks"] = rates
    return found


PARTS: dict[str, Callable[[int], dict[str, Rates]]] = {
    "metrics": metric_rates,
    "bootstrap": bootstrap_rates,
    "anytime": anytime_rates,
    "groups and blocks": case_rates,
    "delta-m and aggregates": suite_rates,
    "splits": split_rates,
    "advice": advised,
}


def measure(studies: int, only: list[str]) -> dict[str, Any]:
    """Return every rate by part and line, printing each part as it comes."""
    found: dict[str, Any] = {}
    for name in only or PARTS:
        begin = time.time()
        found[name] = PARTS[name](studies)
        print(f"\n{name} ({time.time() - begin:.0f} s)")
        for line, rates in found[name].items():
            print(
                f"  {line:<52} " + "  ".join(f"{word} {value:.3f}" for word, value in rates.items()),
                flush=True,
            )
    return found


def main() -> None:
    """Print the figures, and write them where asked; figures of other parts that are there stay."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only", type=partial(str.split, sep=","), default=[], metavar="PART,...")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    found = measure(asked.studies, asked.only)
    if asked.output:
        there = json.loads(asked.output.read_text(encoding="utf-8")) if asked.output.exists() else {}
        told = there | {"studies": asked.studies, "machine": machine(1)} | found
        asked.output.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
