"""Upper limits of what one command may ask for, checked before the runs are listed."""

from __future__ import annotations

from typing import Any

from mtlrun.errors import ConfigError, Fault
from mtlrun.text.pluralize import pluralize

MOST_RUNS = 1_000_000
"""Runs that one command may ask for, without baselines."""

LARGEST_SEED = 2**63 - 1
"""That PyTorch takes and a store keeps."""

NO_JOB = "the overrides ask for no job: a glob or a range in them is empty"

RULE = f"must ask for no more than {MOST_RUNS:,}"


def most_faults(key: str, count: float, found: Any, what: str = "") -> list[Fault]:
    """Return a fault where one setting asks for too many runs.

    Args:
        key: of the setting.
        count: how many it asks for.
        found: its value.
        what: these are, as "pairs".
    """
    return [Fault(key, f"{RULE} {what or 'runs'}", found)] if count > MOST_RUNS else []


def check_runs(count: int, seeds: int, what: str = "cell") -> None:
    """Raise unless a command's runs are few enough.

    Args:
        count: how many cells, jobs or trials it asks for.
        seeds: of each.
        what: these are, one of them.

    Raises:
        ConfigError: they are not.
    """
    if seeds > MOST_RUNS:
        raise ConfigError(most_faults("seeds", seeds, seeds, "seeds"))
    if count * seeds > MOST_RUNS:
        asked = pluralize(count, what) + (f" with {seeds:,} seeds each" if seeds > 1 else "")
        raise ConfigError([f"a command may ask for {MOST_RUNS:,} runs at most, and this asks for {asked}"])
