"""Which trackers a study chooses, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mtlrun.config import check_node, shape_faults
from mtlrun.errors import Fault
from mtlrun.trackers.base import Tracker
from mtlrun.user_code import TARGET

TRACKER, OPTIONS = "tracker", "tracker_options"

SEVERAL = (
    "must be the same in all cells of a study; several trackers are a list, as tracker=[mlflow,tensorboard]"
)
"""The rule that a sweep over trackers breaks."""


def chosen(job: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the node of each tracker that a checked job chooses, by name."""
    return {name: job[OPTIONS][name] for name in _names(job.get(TRACKER))}


def tracker_faults(job: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with the trackers of a job; a package may be missing only of those that it chooses."""
    options, names = job.get(OPTIONS) or {}, _names(job.get(TRACKER))
    if not isinstance(options, Mapping):
        yield Fault(OPTIONS, "must be a mapping of trackers to their settings", options)
        return
    if not all(isinstance(name, str) for name in names):
        yield Fault(TRACKER, "must be null, a tracker, or a list of trackers", job[TRACKER], list(options))
        return
    for name in names:
        if name not in options:
            yield Fault(TRACKER, "must be a tracker", name, list(options))
    if len(set(names)) < len(names):
        yield Fault(TRACKER, "must list each tracker once", names)
    for name, node in options.items():
        key = f"{OPTIONS}.{name}"
        if not isinstance(node, Mapping) or TARGET not in node:
            known = [other for other, its in options.items() if isinstance(its, Mapping) and TARGET in its]
            yield Fault(key, "must be a tracker, or name its class by `_target_`", name, known)
            continue
        for fault in (check_node if name in names else shape_faults)(key, node, Tracker):
            yield fault._replace(key=TRACKER) if fault.key == f"{key}._target_" and name in names else fault


def _names(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
