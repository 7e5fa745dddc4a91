"""What can be wrong with the settings of a suite of the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from mtlrun.data.checks.part_sizes import part_size_faults
from mtlrun.data.hub.reading.origin import ROLES
from mtlrun.data.hub.reading.targets import KINDS
from mtlrun.errors import Fault


class Settings(Protocol):
    """The settings of a suite of the Hub (`mtlrun.data.hub.suite.HubSuite`) that are checked here."""

    split_names: dict[str, str] | None
    val: int | float
    test: int | float
    kinds: dict[str, str] | None
    targets: dict[str, str | list[str]] | None
    groups: dict[str, list[int | str]] | None
    size: int | None
    channels: int | None
    crop: int

    def split_faults(self) -> Iterator[Fault]:
        """Yield what is wrong with the number of splits."""

    def stratum(self) -> str:
        """Return the column by which splits are stratified."""


def setting_faults(suite: Settings) -> Iterator[Fault]:
    """Yield what is wrong with the settings, whatever the data."""
    yield from suite.split_faults()
    for role in suite.split_names or {}:
        if role not in ROLES:
            yield Fault("splits", "must name roles", role, ROLES)
    yield from part_size_faults(suite)
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
    if suite.channels not in (None, 1, 3):
        yield Fault("channels", "must be 1 or 3", suite.channels)
    if suite.crop < 0:
        yield Fault("crop", "must be at least 0 pixels", suite.crop)
