"""What is different between lock and study in config, code, versions and device, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mtlrun.report.analysis.summary import Summary

Config = Mapping[str, Any]

OWN = {"sources": "code", "data": "data"}
"""Keys of digests of what is a user's own, and what they are digests of."""


def config_changes(before: Config, after: Config, *, only_common: bool = False) -> list[str]:
    """Return the settings in which two canonical configs differ, as `optimizer.lr 0.01 -> 0.1`.

    A user's own classes whose source file changed are named as `code of mine.weighting.Inverse`, tasks of a
    suite of a user's own, whose data changed, as `data of kind`. With
    `only_common`, settings that one side does not know are left out, as a setting that is new.
    """
    old, new = dict(_flat(before)), dict(_flat(after))
    keys = [key for key in {**old, **new} if not only_common or (key in old and key in new)]
    words = [f"{key} {_said(old, key)} -> {_said(new, key)}" for key in keys if old.get(key) != new.get(key)]
    for key, what in OWN.items():
        was, now = before.get(key, {}), after.get(key, {})
        words += [f"{what} of {name}" for name in was if name in now and was[name] != now[name]]
    return words


def environment_changes(locked: Mapping[str, Any], summary: Summary) -> list[str]:
    """Return what differs between a lock and a study in the versions of packages and in the device."""
    before: Mapping[str, str] = locked.get("versions") or {}
    now = summary.versions
    words = [
        f"{name} {before.get(name, 'none')} -> {now.get(name, 'none')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    device = ", ".join(summary.devices)
    if device != locked.get("device", device):
        words.append(f"device {locked['device']} -> {device}")
    return words


def _flat(config: Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values; a user's code and data have keys of their own."""
    for key, value in config.items():
        if not prefix and key in (*OWN, "seed"):
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _said(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key]) if key in values else "not set"
