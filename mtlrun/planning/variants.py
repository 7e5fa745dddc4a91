"""Options that stand for several, as a grid of weights: one job becomes several cells."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from mtlrun.config import Configured, build, to_node
from mtlrun.errors import ConfigError, Fault
from mtlrun.memo import Memo

GROUPS = ("sharing", "heads", "weighting", "schedule", "regularization")
"""The groups whose options may stand for several."""


def variants(job: Mapping[str, Any], tasks: int, memo: Memo) -> Iterator[Mapping[str, Any]]:
    """Yield the jobs that a job stands for on a suite of so many tasks: every combination of its options' variants.

    Args:
        job: nodes by group.
        tasks: T, how many tasks the suite has.
        memo: knows the variants of other jobs' options.

    Raises:
        ConfigError: an option stands for too many.
    """
    choices = {group: memo(_nodes, group, job[group], tasks) for group in GROUPS}
    several = {group: nodes for group, nodes in choices.items() if nodes}
    for nodes in itertools.product(*several.values()):
        yield {**job, **dict(zip(several, nodes, strict=True))} if several else job


def _nodes(group: str, node: Mapping[str, Any], tasks: int) -> list[dict[str, Any]]:
    """Return the nodes of an option's variants; none where it stands for itself."""
    option: Configured = build(node)
    try:
        found = option.variants(tasks)
    except ConfigError as error:
        named = [f._replace(key=f"{group}.{f.key}") if isinstance(f, Fault) else f for f in error.faults]
        raise ConfigError(named) from error
    return [] if list(found) == [option] else [to_node(variant) for variant in found]
