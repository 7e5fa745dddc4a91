"""The whole examination: facts, what is wrong, and what would be slow; as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtlrun.doctor.installation import packages, process_facts
from mtlrun.doctor.store_health import store_facts
from mtlrun.text.pluralize import pluralize

SCHEMA_VERSION = 1
MANY_SEGMENTS, SMALL_MIB = 200, 1.0
"""More segments than this, smaller than this on average, are worth merging."""

_LEAST_DISK_MIB, _LEAST_MEMORY_MIB = 1024, 1024
_NETWORK = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "fuse.sshfs",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "9p",
    "afs",
)


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        process: versions, devices and threads.
        needed, optional: versions of packages; None of those that are not there.
        store: as of `store_facts`; None where there is no store.
        problems: files that cannot be read.
        hints: what would be slow, or soon fail.
    """

    process: Mapping[str, Any]
    needed: Mapping[str, str]
    optional: Mapping[str, str | None]
    store: Mapping[str, Any] | None
    problems: list[str]
    hints: list[str]

    @property
    def exit_code(self) -> int:
        """1 where a file of the store is damaged, else 0."""
        return 1 if self.problems else 0

    def page(self) -> dict[str, Any]:
        """Return all of it for programs."""
        return {
            "schema_version": SCHEMA_VERSION,
            **self.process,
            "packages": dict(self.needed),
            "optional_packages": dict(self.optional),
            "store": None if self.store is None else dict(self.store),
            "problems": self.problems,
            "hints": self.hints,
        }

    def __str__(self) -> str:
        lines = [*_process_lines(self.process), *_package_lines(self.needed, self.optional)]
        lines += ["", *_store_lines(self.store)]
        for heading, texts in (("problems", self.problems), ("hints", self.hints)):
            lines += ["", f"{heading}:", *(f"  - {text}" for text in texts)] if texts else []
        return "\n".join(lines if self.problems or self.hints else [*lines, "", "all is well"])


def examine(folder: Path) -> Examination:
    """Return what a bug report needs to say.

    Raises:
        StoreError: the store is no folder, or cannot be listed.
    """
    needed, optional = packages()
    process = process_facts()
    store = store_facts(folder) if folder.exists() else None
    return Examination(process, needed, optional, store, _problems(store), _hints(process, store))


def _problems(store: Mapping[str, Any] | None) -> list[str]:
    if store is None:
        return []
    found = [f"segment {name}: {reason}" for name, reason in store["damaged"].items()]
    if found:
        found.append(
            "move damaged segments out of the store and repeat their study's command (docs/stores.md)"
        )
    return [*found, *store["damaged_studies"].values(), *store["unusable"]]


def _hints(process: Mapping[str, Any], store: Mapping[str, Any] | None) -> list[str]:
    found = []
    if process["cores"] == 1:
        found.append("one core: cohorts are trained one after another, and reading and training share it")
    if process["free_memory_mib"] < _LEAST_MEMORY_MIB:
        found.append(f"{process['free_memory_mib']:,} MiB of memory are free: cohorts will be narrow")
    if store is None:
        return found
    many = store["segments"] > MANY_SEGMENTS and store["size_mib"] / store["segments"] < SMALL_MIB
    if many:
        found.append(
            f"{pluralize(store['segments'], 'small segment')}: `mtlrun compact` merges them, and reports are faster"
        )
    if store["file_system"] in _NETWORK:
        found.append(
            f"the store lies on a network file system ({store['file_system']}), where many small files are slow"
        )
    if store["free_disk_mib"] < _LEAST_DISK_MIB:
        found.append(f"{store['free_disk_mib']:,} MiB are free where the store lies")
    if store["without_scores"]:
        found.append(
            f"{pluralize(store['without_scores'], 'segment')} of an earlier version without scores of test examples: "
            "verdicts on their runs are over seeds only"
        )
    return found


def _process_lines(process: Mapping[str, Any]) -> list[str]:
    pools = [f"{one['internal_api']} {one['version'] or ''}".strip() for one in process["thread_pools"]]
    told = [
        f"{pool} ({one['num_threads']})" for pool, one in zip(pools, process["thread_pools"], strict=True)
    ]
    lines = [
        f"mtlrun {process['mtlrun']}, Python {process['python']}, {process['system']}",
        f"devices: {'; '.join(process['devices'])}",
        f"cores: {process['cores']}, threads of torch: {process['torch_threads']}",
        f"thread pools: {', '.join(dict.fromkeys(told)) or 'none'}",
        f"free memory: {process['free_memory_mib']:,} MiB",
    ]
    if process["environment"]:
        lines.append("environment: " + ", ".join(f"{k}={v}" for k, v in process["environment"].items()))
    return lines


def _package_lines(needed: Mapping[str, str], optional: Mapping[str, str | None]) -> list[str]:
    there = [f"{name} {version}" for name, version in optional.items() if version]
    absent = [name for name, version in optional.items() if not version]
    lines = ["packages: " + ", ".join(f"{name} {version}" for name, version in needed.items())]
    lines += [f"optional: {', '.join(there)}"] if there else []
    return [*lines, *([f"optional, not installed: {', '.join(absent)}"] if absent else [])]


def _store_lines(store: Mapping[str, Any] | None) -> list[str]:
    if store is None:
        return ["store: none yet"]
    index = store["index"]
    told = (
        "no index"
        if index["age_s"] is None
        else f"index of {index['segments']:,} of them, {index['age_s']:,} s old"
    )
    size = f"{store['size_mib']:,} MiB"
    lines = [
        f"store {store['path']} ({store['file_system'] or 'unknown file system'}, "
        f"{store['free_disk_mib']:,} MiB free)",
        f"  {pluralize(store['segments'], 'segment')} with {pluralize(store['records'], 'record')}, {size}; {told}",
        f"  {len(store['damaged']):,} damaged, {store['without_checksum']:,} without checksum (earlier versions)",
        f"  {pluralize(store['temporary_files'], 'temporary file')}, "
        f"{pluralize(store['running'], 'command')} told to be training",
        f"  studies: {', '.join(store['studies']) or 'none'}",
    ]
    return lines
