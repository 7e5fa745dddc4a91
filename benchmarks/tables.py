"""The tables that `make bench` prints: rates, other measures, goals, and agreement with an earlier run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from benchmarks.timing import Spread

STYLES = {"met": "green", "missed": "red"}


def rates_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return one line per loop, the quartiles of the repeats behind each median."""
    page = Table(title="run-steps per second: median (quartiles of the repeats)")
    with_memory = any(row["memory_mib"] is not None for row in rows)
    page.add_column("work", no_wrap=True)
    page.add_column("peer", no_wrap=True)
    headings = ["run-steps/s", "x default loop", "x fastest loop", "of limit"]
    for heading in headings + ["GPU MiB"] * with_memory:
        page.add_column(heading, justify="right", no_wrap=True)
    previous = None
    for row in rows:
        if previous not in (None, row["work"]):
            page.add_section()
        cells = [cell(row["run_steps_per_s"], 0)]
        cells += [cell(row[key], 2) for key in ("to_default", "to_fastest", "of_limit")]
        if with_memory:
            cells.append(f"{row['memory_mib']:,.1f}")
        page.add_row("" if row["work"] == previous else row["work"], row["peer"], *cells)
        previous = row["work"]
    return page


def measures_table(measures: Sequence[dict[str, Any]]) -> Table:
    """Return one line per measure."""
    page = Table(title="measures: median (quartiles of the repeats)")
    for heading in ("work", "measure"):
        page.add_column(heading, no_wrap=True)
    page.add_column("value", justify="right", no_wrap=True)
    page.add_column("repeats", justify="right")
    page.add_column("of what")
    for found in measures:
        value = cell(found["value"], 2)
        page.add_row(found["work"], found["measure"], value, str(len(found["repeats"])), found["note"])
    return page


def goals_table(outcomes: Iterable[dict[str, Any]]) -> Table:
    """Return one line per goal; `?` marks a verdict that another run might turn round."""
    page = Table(title="goals: median (its 95 % interval; of fewer than 6 repeats their range)")
    for heading in ("work", "measure", "goal"):
        page.add_column(heading, no_wrap=True)
    page.add_column("value", justify="right", no_wrap=True)
    page.add_column("", no_wrap=True)
    for outcome in outcomes:
        around = outcome["median_interval"]
        value = cell({"median": outcome["value"]["median"], **around}, 2)
        verdict = outcome["verdict"] + ("" if outcome["sure"] else " ?")
        style = STYLES[outcome["verdict"]]
        page.add_row(outcome["work"], outcome["measure"], outcome["goal"], value, verdict, style=style)
    return page


def compared_table(pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any], bool]]) -> Table:
    """Return the measures whose quartile ranges in two runs have nothing in common."""
    page = Table(title="measures that differ by more than both runs' quartiles")
    for heading in ("work", "measure", "before", "now"):
        page.add_column(heading, no_wrap=True)
    for before, now, agrees in pairs:
        if not agrees:
            page.add_row(now["work"], now["measure"], cell(before["value"], 2), cell(now["value"], 2))
    return page


def cell(figures: dict[str, float] | None, digits: int) -> str:
    """Return `median (low to high)`, or nothing."""
    if figures is None:
        return ""
    median, low, high = (f"{value:,.{digits}f}" for value in Spread(**figures))
    return f"{median} ({low} to {high})"
