"""With which versions and on which devices the runs of a study were trained, and a warning where these differ."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.text.pluralize import pluralize

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = ("mtlrun", "torch")
"""Packages whose version changes what is trained; NumPy and the others only serve."""

_DEVICE = "device"
_MOST = 4  # values that a sentence names


def made_with(machines: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return how many runs have each version of `PACKAGES`, and each device, the most frequent first.

    Args:
        machines: one row per stored run: device and versions (dict).
    """
    alike = Counter(zip(map(id, machines["versions"]), machines["device"], strict=True))
    versions = {id(one): one for one in machines["versions"]}
    found: dict[str, Counter[str]] = {name: Counter() for name in (*PACKAGES, _DEVICE)}
    for (one, device), count in alike.items():
        for package in PACKAGES:
            if package in versions[one]:
                found[package][str(versions[one][package])] += count
        found[_DEVICE][str(device)] += count
    return {name: dict(sorted(counts.items(), key=_often)) for name, counts in found.items()}


def mixed_sentence(summary: Summary) -> str:
    """Return with what the runs were trained where that is not the same for all; "" where it is."""
    mixed = {name: counts for name, counts in made_with(summary.machines).items() if len(counts) > 1}
    if not mixed:
        return ""
    parts = [f"{name} {_named(counts)}" for name, counts in mixed.items()]
    apart = _apart(summary, list(mixed))
    held = (
        f"in {apart:,} of {pluralize(len(summary.rows), 'row')} STL and MTL of a seed differ in that"
        if apart
        else "STL and MTL of each seed agree in that"
    )
    return f"Not all runs were trained alike: {'; '.join(parts)}; {held}."


def _apart(summary: Summary, names: list[str]) -> int:
    """Return of how many rows some seed has sides that differ."""
    made = {
        run_id: tuple(device if name == _DEVICE else versions.get(name) for name in names)
        for run_id, device, versions in summary.machines.itertuples(index=False)
    }
    pairs = summary.pairs
    apart = set()
    columns = (pairs[name].tolist() for name in ("cell_id", "task", "run_id", "stl_run_id"))
    for cell, task, run_id, stl_run_id in zip(*columns, strict=True):
        one, other = made.get(run_id), made.get(stl_run_id)
        if one is not None and other is not None and one != other:
            apart.add((cell, task))
    return len(apart)


def _named(counts: dict[str, int]) -> str:
    shown = [f"{value} ({pluralize(count, 'run')})" for value, count in list(counts.items())[:_MOST]]
    more = len(counts) - len(shown)
    return ", ".join([*shown, *([f"{more} more"] if more > 0 else [])])


def _often(item: tuple[str, Any]) -> tuple[int, str]:
    return -item[1], item[0]
