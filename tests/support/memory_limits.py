"""Limits of a process's memory: `ulimit -v`, and control groups of either version."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

GROUPS = Path("/sys/fs/cgroup")


class Group(NamedTuple):
    """A control group with limited memory; commands are put into it by writing to `processes`.

    Attributes:
        version: 1 or 2.
        processes: a file that takes the numbers of processes.
    """

    version: int
    processes: Path


def limited(words: list[str], ulimit_kib: int | None = None, group: Group | None = None) -> list[str]:
    """Return the command line of a shell that limits itself and then becomes the command `words`."""
    steps = []
    if ulimit_kib is not None:
        steps.append(f"ulimit -v {ulimit_kib}")
    if group is not None:
        steps.append(f"echo $$ > {group.processes}")
    return ["/bin/sh", "-c", "; ".join([*steps, 'exec "$@"']), "sh", *words]


@contextlib.contextmanager
def memory_group(mib: int) -> Iterator[Group]:
    """Make a control group of so much memory; leave the test out where that is not possible."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("control groups need Linux and root")
    name = f"mtlrun-{uuid.uuid4().hex[:8]}"
    faults = []
    for version, top, limit in ((2, GROUPS, "memory.max"), (1, GROUPS / "memory", "memory.limit_in_bytes")):
        folder = top / name
        try:
            if version == 2 and "memory" not in (top / "cgroup.subtree_control").read_text().split():
                raise OSError("the memory controller is not handed on")
            folder.mkdir()
            (folder / limit).write_text(str(mib * 2**20))
            if (folder / "memory.swap.max").exists():
                (folder / "memory.swap.max").write_text("0")
        except OSError as error:
            faults.append(f"version {version}: {error}")
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        try:
            yield Group(version, folder / "cgroup.procs")
        finally:
            folder.rmdir()
        return
    pytest.skip(f"no control group can be made here ({'; '.join(faults)})")
