"""The data of a suite of a user's own, looked at before training: what is wrong with them, and what tells them.

Suites of ours tell their data themselves, by settings as `content`; nothing of theirs is loaded here. Of other suites
run ids hold a digest of each task's data, so that runs on other data are other runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mtlrun.config import build
from mtlrun.data.checks.array_faults import source_faults, task_faults
from mtlrun.data.suite import Suite
from mtlrun.data.task import Source, SourceInfo, SuiteInfo, Task
from mtlrun.errors import ConfigError, Fault
from mtlrun.user_code import TARGET, blaming, is_ours

SEEDS = (0, 1)
"""Whose data tell what a suite gives: always these, so that a run's id does not depend on what else is trained."""

PIECE_BYTES = 2**24  # hashed together, so that a mapped file need not fit into memory

Digests = dict[str, str]
"""What tells the data of each task, by its name: 16 hex digits."""


def data_digests(node: Mapping[str, Any], seed: int) -> Digests:
    """Return what tells the data of every selected task of a suite; nothing for a suite of ours.

    The data of seeds 0 and 1 are built and hashed, 1 to 3 s for a GB; where the suite has a `fingerprint`, that is
    taken in their place. Label noise and shuffled labels are left out: they are settings.

    Args:
        node: of the suite, checked.
        seed: the first of the study, whose data are looked at where the suite has a `fingerprint`.

    Raises:
        ConfigError: every fault of the data, or what the suite's code raised.
    """
    if is_ours(node[TARGET]):
        return {}
    with blaming("suite", node[TARGET]):
        suite: Suite = build(node)
        _check(task_faults(suite.offered(), suite.whole()))
        info, told = suite.info(), suite.fingerprint()
        found = [_digests(suite, info, one) for one in (SEEDS if told is None else (seed,))]
    if told is not None:
        return {task.name: _short(f"{told} {task.name}".encode()) for task in info.tasks}
    return {name: _short(" ".join(d[name] for d in found).encode()) for name in found[0]}


def _digests(suite: Suite, info: SuiteInfo, seed: int) -> Digests:
    """Return the digest of each task's data under one seed.

    Raises:
        ConfigError: faults of the data.
    """
    sources = [suite.build(source, seed) for source in info.sources]
    readers = [[t for t in info.tasks if t.source == k] for k in range(len(sources))]
    triples = list(zip(sources, info.sources, readers, strict=True))
    _check(f for source, about, tasks in triples for f in source_faults(source, about, tasks))
    if suite.fingerprint() is not None:
        return {}
    found: Digests = {}
    for source, about, tasks in triples:
        shared = _source_digest(source, about)
        found |= {task.name: _task_digest(source, task, shared) for task in tasks}
    return found


def _check(faults: Any) -> None:
    found: Sequence[Fault] = list(faults)
    if found:
        raise ConfigError([fault._replace(key=f"suite.{fault.key}") for fault in found])


def _source_digest(source: Source, info: SourceInfo) -> str:
    """Return what tells the inputs of a source and how they are divided."""
    shape, rows = [int(n) for n in info.input_shape], sorted((k, int(n)) for k, n in info.rows.items())
    facts = [source.name, shape, rows, info.stem, info.pixels, repr(source.augment), info.embedded]
    parts = [repr(facts), _array_digest(source.inputs)]
    parts += [f"{name} {_array_digest(np.asarray(part))}" for name, part in sorted(source.splits.items())]
    parts += [_array_digest(np.asarray(array)) for array in source.scaling or ()]
    parts += [] if source.groups is None else [f"groups {_array_digest(np.asarray(source.groups))}"]
    return _short("\n".join(parts).encode())


def _task_digest(source: Source, task: Task, shared: str) -> str:
    """Return what tells the data of a task, `shared` being the digest of its source."""
    facts = [task.name, task.kind, int(task.outputs), task.metrics, task.partial]
    parts = [shared, repr(facts), _array_digest(source.targets[task.name])]
    parts += [_array_digest(np.asarray(array)) for array in source.units.get(task.name, ())]
    return _short("\n".join(parts).encode())


def _array_digest(array: np.ndarray) -> str:
    """Return what tells an array; of a mapped file as long as the file stays as it is, hashed once a process."""
    if isinstance(array, np.memmap) and not isinstance(array.base, np.ndarray) and array.filename:
        stat = Path(array.filename).stat()
        kept = (stat.st_ino, stat.st_size, stat.st_mtime_ns, array.offset, array.shape, array.dtype.str)
        return _mapped_digest(_Mapped(array, (str(array.filename), *kept)))
    return _bytes_digest(array)


class _Mapped:
    """A mapped array as a key of a cache: equal where the file and the place in it are."""

    def __init__(self, array: np.memmap[Any, Any], key: tuple[Any, ...]) -> None:
        self.array, self.key = array, key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Mapped) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=64)
def _mapped_digest(mapped: _Mapped) -> str:
    return _bytes_digest(mapped.array)


def _bytes_digest(array: np.ndarray) -> str:
    found = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    step = max(1, PIECE_BYTES // max(1, array[:1].nbytes))
    for first in range(0, len(array), step):
        found.update(np.ascontiguousarray(array[first : first + step]).reshape(-1).view(np.uint8).data)
    return found.hexdigest()[:16]


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
