"""Points of fronts: cells with fixed weights, of a grid, that other cells are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mtlrun.catalog import load_option
from mtlrun.config import build, to_node
from mtlrun.errors import ConfigError, Fault
from mtlrun.memo import Memo
from mtlrun.planning.labels import PLAIN
from mtlrun.planning.variants import variants

FEWEST = 3
"""Points from one task alone to another that `frontier` may ask for; two of them would be no choice."""

SCALARIZED = {"group": "weighting", "option": "static", "setting": "grid"}
"""The option, and its setting, that a front is a grid of."""

Config = Mapping[str, Any]


class Point(NamedTuple):
    """A cell that a job stands for.

    Attributes:
        nodes: by group.
        weights: of its tasks (T,) where it is a point of a front, else None.
        reported: whether it is a row of the report, and not there for its front alone.
    """

    nodes: Config
    weights: list[float] | None = None
    reported: bool = True


def frontier_faults(job: Config) -> list[Fault]:
    """Return what is wrong with the key `frontier`: null, or a number of points."""
    wanted = job.get("frontier")
    if wanted is None or (isinstance(wanted, int) and not isinstance(wanted, bool) and wanted >= FEWEST):
        return []
    rule = f"must be null or a number of points from one task alone to another, at least {FEWEST}"
    return [Fault("frontier", rule, wanted)]


def front_nodes(wanted: int | None, jobs: Sequence[Config]) -> dict[str, Config]:
    """Return what a point of the front of some jobs has in place of their own nodes; nothing without a front.

    The weighting is a grid of fixed weights. Of the other strategies those stay that all jobs have in common;
    where they differ, the front has the plain one.

    Args:
        wanted: points from one task alone to another; None for no front.
        jobs: nodes by group.
    """
    if wanted is None:
        return {}
    several = [g for g in PLAIN if len({job[g]["_target_"] for job in jobs}) > 1]
    nodes = {group: load_option(group, PLAIN[group]) for group in several}
    grid = load_option(SCALARIZED["group"], SCALARIZED["option"])
    grid[SCALARIZED["setting"]] = wanted
    return {group: to_node(build(node)) for group, node in {**nodes, SCALARIZED["group"]: grid}.items()}


def points(job: Config, tasks: int, memo: Memo, front: Mapping[str, Config]) -> Iterator[Point]:
    """Yield the cells that a job stands for on a suite of so many tasks, then those of the front it is compared with.

    Args:
        job: nodes by group.
        tasks: T, how many tasks the suite has.
        memo: knows the variants of other jobs' options.
        front: of `front_nodes`.

    Raises:
        ConfigError: an option, or the front, stands for too many.
    """
    for point in variants(job, tasks, memo):
        yield Point(point, _weights(job, point, tasks))
    if not front or tasks < 2:
        return
    base = {**job, **front}
    try:
        for point in variants(base, tasks, memo):
            yield Point(point, _weights(base, point, tasks), reported=False)
    except ConfigError as error:
        key = f"{SCALARIZED['group']}.{SCALARIZED['setting']}"
        own = [
            f._replace(key="frontier") if isinstance(f, Fault) and f.key == key else f for f in error.faults
        ]
        raise ConfigError(own) from error


def _weights(job: Config, point: Config, tasks: int) -> list[float] | None:
    """Return the fixed weights of a point whose weighting is one of several that the job's stands for."""
    if point["weighting"] is job["weighting"]:
        return None
    weights = build(point["weighting"]).constant(tasks)
    return None if weights is None else list(weights)
