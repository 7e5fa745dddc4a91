"""How often the gate passes what is unchanged and catches a loss, as docs/ci.md gives it.

    python -m benchmarks.gate_power [--studies 1000] [--output FILE]

Simulated: each study is locked, then run again, with other seeds (both sides independent, the margin in standard
deviations of a gain) or with the same seeds (the margin in standard deviations of a seed's change). All is normal.
Unchanged: no row changed in the mean. Lost: one row lost twice the margin. What counts is the exit code: 0 pass, 1
regressed, 3 undecided.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date
from pathlib import Path

import numpy as np

from mtlrun.statistics.change import Change, Changes, changes, seeds_to_check
from mtlrun.statistics.corrections import holm
from mtlrun.statistics.paired_tests.student import Array

ALPHA = 0.05
MARGINS, SEEDS, ROWS = (0.5, 1.0, 2.0, 4.0), (5, 10, 20, 40, 80), (1, 5, 20)
PART = 250
"""Studies simulated at once, to bound memory."""


def exit_codes(found: Changes, rows: int, alpha: float = ALPHA) -> Array:
    """Return the gate's exit code of each study, (studies,), from changes of (studies x rows,) columns.

    As `mtlrun.gate` says: a row regressed where its p, by Holm over the study's rows, is under alpha; else it won,
    or has kept its gain, or is undecided.
    """
    lost, won = (
        np.array([holm(p) < alpha for p in values.reshape(-1, rows)])
        for values in (found.p_lost, found.p_won)
    )
    undecided = ~lost & ~won & (found.p_kept.reshape(-1, rows) >= alpha)
    return np.where(lost.any(axis=1), 1, np.where(undecided.any(axis=1), 3, 0))


def rerun(
    rng: np.random.Generator,
    margin: float,
    n: int,
    rows: int,
    studies: int,
    loss: float,
    paired: bool = False,
) -> Array:
    """Return exit codes (studies,) of reruns in which the first row lost `loss`.

    Paired, gains vary between seeds ten times as much as a seed's gain changes.
    """
    codes = []
    for begin in range(0, studies, PART):
        part = min(PART, studies - begin)
        locked, fresh = rng.standard_normal((2, n, part, rows))
        if paired:
            locked *= 10
            fresh += locked
        fresh[..., 0] -= loss
        flat = (side.reshape(n, -1) for side in (locked, fresh))
        codes.append(exit_codes(changes(*flat, paired=paired, margin=margin), rows))
    return np.concatenate(codes)


def rates(
    margin: float, n: int, rows: int, studies: int, rng: np.random.Generator, paired: bool
) -> dict[str, float]:
    """Return the shares of unchanged studies and of those with a loss of twice the margin, by what they are told."""
    unchanged = rerun(rng, margin, n, rows, studies, 0.0, paired)
    lost = rerun(rng, margin, n, rows, studies, 2 * margin, paired)
    return {
        "passed": float((unchanged == 0).mean()),
        "false alarms": float((unchanged == 1).mean()),
        "caught": float((lost == 1).mean()),
        "lost and passed": float((lost == 0).mean()),
    }


def asked(rng: np.random.Generator, margin: float, pilot: int, rows: int) -> int:
    """Return how many seeds the gate asks for after comparing `pilot` seeds a side of an unchanged study."""
    found = changes(*rng.standard_normal((2, pilot, rows)), paired=False, margin=margin)
    each = [
        Change(
            n=pilot, paired=False, none=False, **{name: float(v[row]) for name, v in found._asdict().items()}
        )
        for row in range(rows)
    ]
    return max(seeds_to_check(one, margin, ALPHA, rows) or 0 for one in each)


def as_asked(
    margin: float, pilot: int, rows: int, studies: int, rng: np.random.Generator
) -> dict[str, float]:
    """Return the rates of studies that have as many seeds as the gate asked each of them for."""
    numbers = [asked(rng, margin, pilot, rows) for _ in range(studies)]
    unchanged = [rerun(rng, margin, n, rows, 1, 0.0)[0] for n in numbers]
    lost = [rerun(rng, margin, n, rows, 1, 2 * margin)[0] for n in numbers]
    return {
        "median seeds": float(np.median(numbers)),
        "passed": float(np.mean(np.equal(unchanged, 0))),
        "caught": float(np.mean(np.equal(lost, 1))),
    }


def measure(studies: int) -> dict[str, list[dict[str, float]]]:
    """Return every figure by table."""
    rng = np.random.default_rng(0)
    tables = {
        name: [
            {"rows": rows, "margin": margin, "seeds": n, **rates(margin, n, rows, studies, rng, paired)}
            for rows in ROWS
            for margin in MARGINS
            for n in SEEDS
        ]
        for name, paired in (("other seeds", False), ("same seeds", True))
    }
    asking = [(rows, margin, pilot) for rows in ROWS for margin in MARGINS[:3] for pilot in (5, 10)]
    tables["as many seeds as asked for"] = [
        {"rows": r, "margin": m, "pilot": pilot, **as_asked(m, pilot, r, max(studies // 5, 50), rng)}
        for r, m, pilot in asking
    ]
    return tables


def page(tables: dict[str, list[dict[str, float]]]) -> str:
    """Return the tables as Markdown; of reruns `passed / caught` in percent, a column for each number of seeds."""
    text = []
    for name in ("other seeds", "same seeds"):
        found = {(line["rows"], line["margin"], line["seeds"]): line for line in tables[name]}
        text += [f"\n{name}\n", f"| rows | margin | {' | '.join(f'{n} seeds' for n in SEEDS)} |"]
        text.append("| --- " * (len(SEEDS) + 2) + "|")
        for rows in ROWS:
            for margin in MARGINS:
                lines = [found[rows, margin, n] for n in SEEDS]
                cells = [f"{100 * line['passed']:.0f} / {100 * line['caught']:.0f}" for line in lines]
                text.append(f"| {rows} | {margin:g} sd | {' | '.join(cells)} |")
        for key in ("false alarms", "lost and passed"):
            text.append(f"\n{key}: at most {100 * max(line[key] for line in tables[name]):.1f} %")
    text += ["\nas many seeds as asked for\n", "| rows | margin | pilot | seeds | passed | caught |"]
    text.append("| --- " * 6 + "|")
    for line in tables["as many seeds as asked for"]:
        rated = " | ".join(f"{100 * line[key]:.0f}" for key in ("passed", "caught"))
        text.append(
            f"| {line['rows']} | {line['margin']:g} sd | {line['pilot']} | {line['median seeds']:.0f} | {rated} |"
        )
    return "\n".join(text)


def main() -> None:
    """Print the figures as Markdown tables, and write them where asked."""
    from benchmarks.machine import processor

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    start = time.time()
    tables = measure(given.studies)
    print(page(tables))
    print(f"\n{given.studies} studies a cell, {time.time() - start:.0f} s, {date.today()}, {processor()}")
    if given.output:
        given.output.write_text(json.dumps({"studies": given.studies, **tables}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
