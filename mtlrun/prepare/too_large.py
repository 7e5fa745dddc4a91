"""Refuses a study of which one run alone takes more memory than there is, and names the setting at fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from mtlrun.config import locate
from mtlrun.errors import ConfigError, Fault
from mtlrun.planning.budget import Budget
from mtlrun.planning.cohorts import ProgramPlan
from mtlrun.planning.run_spec import CellSpec
from mtlrun.prepare.estimate import needed_mib, run_size

SIZED_BY = ("model", "sharing", "heads", "budget", "suite")
"""Groups whose settings decide what a run takes."""


def check_memory(programs: Sequence[ProgramPlan], there_mib: float) -> None:
    """Raise unless memory holds the runs of every program, one run at a time.

    Args:
        programs: sized by `size_programs`.
        there_mib: the memory that a process may take at most.

    Raises:
        ConfigError: it does not; the setting that makes a run so large is named where there is one.
    """
    worst = max(programs, default=None, key=needed_mib)
    if worst is None or needed_mib(worst) <= there_mib:
        return
    there = f"but {size_text(there_mib)} is free"
    if worst.data_mib > there_mib and not worst.streamed:
        rule = f"must be `streamed` or `auto`: the inputs take {size_text(worst.data_mib)} of memory, {there}"
        raise ConfigError([Fault("launch.data", rule, "resident")])
    rule = f"one run need about {size_text(needed_mib(worst))} of memory, {there}"
    found = cause(worst.runs[0].cell)
    raise ConfigError(
        [Fault(found[0], f"makes {rule}", found[1]) if found else rule.replace("need", "needs", 1)]
    )


def cause(cell: CellSpec) -> tuple[str, Any] | None:
    """Return the setting that makes a run so large, and its value: with its default the run takes the least.

    None where no setting departs from its default, or no default at least halves the memory.
    """
    sizes = []
    for other, key, value in with_one_default(cell.plain):
        try:
            sizes.append((run_size(CellSpec.of(other)).memory_mib, key, value))
        except (ConfigError, RuntimeError):  # the default does not fit the rest, or is not what is too large
            continue
    least = min(sizes, default=None, key=lambda size: size[0])
    if least is None or least[0] > run_size(cell).memory_mib / 2:
        return None
    return least[1:]


def with_one_default(config: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield the config with one setting at its default, that setting's key, and its value."""
    for group in SIZED_BY:
        node = config[group]
        for field in fields(Budget if group == "budget" else locate(node["_target_"])):
            value, default = node.get(field.name), field.default
            if default is not MISSING and default is not None and value not in (None, default):
                yield {**config, group: {**node, field.name: default}}, f"{group}.{field.name}", value


def size_text(mib: float) -> str:
    """Return an amount of memory in the unit in which it is easiest to read."""
    if mib < 1024:
        return f"{mib:,.0f} MiB"
    return f"{mib / 1024:,.1f} GiB" if mib < 100 * 1024 else f"{mib / 1024:,.0f} GiB"
