"""How many jobs overrides ask for, counted without writing them out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, RangeSweep, Sweep

from mtlrun.errors import ConfigError, Fault
from mtlrun.planning.limits import check_runs, most_faults


def value_count(override: Override) -> float:
    """Return how many values an override sweeps over; infinite for a range without end."""
    value = override.value()
    if not override.is_discrete_sweep():
        return 1
    if isinstance(value, RangeSweep):
        return _range_count(value)
    if isinstance(value, ChoiceSweep):
        return len(value.list)
    assert isinstance(value, Glob)
    return sum(1 for _ in override.sweep_iterator())


def value_faults(override: Override) -> list[Fault]:
    """Return a fault where an override has too many values, an endless range, or a sweep inside a value."""
    if _has_sweep(override.value()):
        rule = "must have no sweep inside a value or among others, as in 1,range(2,4): write all values out"
        return [
            Fault(override.get_key_element().lstrip("+"), rule, str(override.input_line).partition("=")[2])
        ]
    if not override.is_discrete_sweep():
        return []
    value, key = override.value(), override.get_key_element().lstrip("+")
    if isinstance(value, RangeSweep) and value.step == 0:
        return [Fault(key, "must have a step other than 0", override.get_value_string())]
    return most_faults(key, value_count(override), override.get_value_string(), "values")


def _has_sweep(value: Any) -> bool:
    """Whether a sweep stands inside of a value, or of another sweep, which Hydra reads and cannot write."""
    inside = value.list if isinstance(value, ChoiceSweep) else value
    if isinstance(inside, dict):
        inside = [*inside.values()]
    return isinstance(inside, list) and any(isinstance(one, Sweep) or _has_sweep(one) for one in inside)


def check_jobs(overrides: Sequence[Override], cases: int, seeds: int) -> None:
    """Raise unless the product of all overrides is small enough.

    Args:
        overrides: of which the last with one key counts.
        cases: for each of which there is the product.
        seeds: of each job.

    Raises:
        ConfigError: one override, or all of them together, ask for too many jobs.
    """
    counts = {o.get_key_element(): (value_count(o), o) for o in overrides}
    faults = [fault for _, override in counts.values() for fault in value_faults(override)]
    if faults:
        raise ConfigError(faults)
    check_runs(math.prod(int(count) for count, _ in counts.values()) * cases, seeds, "job")


def _range_count(sweep: RangeSweep) -> float:
    """Return how many numbers a range has; what Hydra refuses counts as one."""
    assert sweep.start is not None and sweep.stop is not None
    start, stop, step = float(sweep.start), float(sweep.stop), float(sweep.step)
    if step == 0 or math.isnan(start + stop + step):
        return 1 if step == 0 else math.inf
    count = (stop - start) / step
    return max(0, math.ceil(count)) if math.isfinite(count) else (math.inf if count > 0 else 0)
