"""What can be wrong with the settings of a suite of the Hub, and with the labels that they choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from mtlrun.data.hub.origin import ROLES
from mtlrun.data.hub.targets import KINDS, Target
from mtlrun.errors import Fault

if TYPE_CHECKING:
    from mtlrun.data.hub.suite import HubSuite


def setting_faults(suite: HubSuite) -> Iterator[Fault]:
    """Yield what is wrong with the settings, whatever the data."""
    for role in suite.splits or {}:
        if role not in ROLES:
            yield Fault("splits", "must name roles", role, ROLES)
    for name in ("val", "test"):
        share = getattr(suite, name)
        if not 0 < share < (1 if isinstance(share, float) else float("inf")):
            yield Fault(name, "must be a number of rows, or a fraction over 0 and under 1", share)
    for name, kind in (suite.kinds or {}).items():
        if name not in (suite.targets or {}):
            yield Fault("kinds", "must name tasks of `suite.targets`", name, tuple(suite.targets or {}))
        if kind not in KINDS:
            yield Fault(f"kinds.{name}", "must be a kind of task", kind, KINDS)
    for name in (suite.groups or {}).keys() & (suite.targets or {}).keys():
        yield Fault("groups", "must have other task names than `suite.targets`", name)
    if (suite.groups or {}) and not suite.stratum():
        yield Fault("stratify", "must name the column that `suite.groups` is about")
    if suite.size is not None and suite.size < 1:
        yield Fault("size", "must be at least 1 pixel", suite.size)
    if suite.colours not in (None, 1, 3):
        yield Fault("colours", "must be 1 or 3", suite.colours)
    if suite.crop < 0:
        yield Fault("crop", "must be at least 0 pixels", suite.crop)


def label_faults(key: str, name: str, found: Target, rows: Mapping[str, np.ndarray]) -> Iterator[Fault]:
    """Yield what keeps a task from being trained or judged.

    Args:
        key: of the faults.
        name: of the task.
        found: its target.
        rows: of each part.
    """
    seen = {role: _labels(found, part) for role, part in rows.items()}
    for role, values in seen.items():
        if not len(values):
            yield Fault(key, f"has no label in the {role} part", name)
    if found.kind in ("multiclass", "binary") and len(seen["train"]):
        known = np.unique(seen["train"])
        if len(known) == 1:
            yield Fault(key, "must have more than one class in the training part", known[0].item())
        for role in ("val", "test"):
            strange = np.setdiff1d(seen[role], known)
            if len(strange):
                rule = f"has classes in the {role} part that training lacks, by number"
                yield Fault(key, rule, [int(c) for c in strange[:10]])


def _labels(found: Target, rows: np.ndarray) -> np.ndarray:
    """Return the labels that are there."""
    values = found.values[rows]
    return values[values >= 0] if found.kind == "multiclass" else values[~np.isnan(values)]
