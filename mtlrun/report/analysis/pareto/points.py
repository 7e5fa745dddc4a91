"""Which cells of a study are the points of a front, and which are compared with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtlrun.report.analysis.pairs.layout import LABELS, Layout
from mtlrun.report.analysis.pairs.paired_values import Measured

FEWEST = 3
"""Points of a front: with two of them there is nothing between one task alone and the other."""

STRATEGIES = ("heads", "schedule", "regularization")
"""In what a front may differ from what is compared with it, besides the weighting."""

_OWN = ("heads.", "weighting.", "schedule.", "regularization.")


@dataclass(frozen=True)
class Member:
    """A cell.

    Attributes:
        cell_id: its id.
        units: its places in the layout, one for each task (T,).
        trials: how many settings were tried for it, itself included.
        weights: of the tasks (T,) where it is a point of a front.
    """

    cell_id: str
    units: list[int]
    trials: int
    weights: list[float] | None


@dataclass(frozen=True)
class Side:
    """Cells that stand together: the points of a front, or the variants of a mitigation.

    Attributes:
        labels: what they all have.
        hyper: settings outside the strategies that vary within the study.
        members: the cells.
    """

    labels: Mapping[str, str]
    hyper: Mapping[str, Any]
    members: list[Member]


def find_sides(layout: Layout) -> tuple[list[Side], list[Side]]:
    """Return the fronts of a layout, and what may be compared with them; points of too small a grid are neither."""
    points: dict[str, Side] = {}
    others: dict[str, Side] = {}
    cells: dict[int, list[int]] = {}
    records: list[Any] = layout.units.to_dict("records")
    for unit, about in enumerate(records):
        cells.setdefault(about["cell"], []).append(unit)
    for units in cells.values():
        about = records[units[0]]
        labels = {label: about[label] for label in LABELS}
        hyper = {key: value for key, value in about["hyper"].items() if not key.startswith(_OWN)}
        trials = about["tuned"]["trials"] if about["tuned"] else 1
        member = Member(about["cell_id"], units, trials, about["front"])
        sides = others if member.weights is None else points
        key = json.dumps([labels, hyper], sort_keys=True, default=str)
        sides.setdefault(key, Side(labels, hyper, [])).members.append(member)
    return [side for side in points.values() if len(side.members) >= FEWEST], list(others.values())


def front_for(side: Side, fronts: Iterable[Side]) -> int | None:
    """Return the place of the front that a mitigation is compared with, or None.

    It has the same suite and sharing, and contradicts none of the settings that vary; of several the one that
    agrees in most strategies and settings, then the first.
    """
    fits = [_agreement(side, front) for front in fronts]
    best = max(fits, default=-1)
    return fits.index(best) if best >= 0 else None


def _agreement(one: Side, other: Side) -> int:
    if any(one.labels[name] != other.labels[name] for name in ("suite", "sharing")):
        return -1
    common = [key for key in one.hyper if key in other.hyper]
    if any(one.hyper[key] != other.hyper[key] for key in common):
        return -1
    return len(common) + sum(one.labels[name] == other.labels[name] for name in STRATEGIES)


def whole(members: Sequence[Member], measured: Measured) -> list[Member]:
    """Return the members without a diverged seed."""
    return [member for member in members if not measured.mtl_diverged[:, member.units].any()]
