"""Commands in processes of their own that are killed, and what must hold of their store afterwards."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtlrun.cli import main
from mtlrun.store.runs.records import SCHEMA
from mtlrun.store.segments import Segments
from mtlrun.store.store import Store
from support.commands import Result, mtlrun, reported, segments

LIMIT_S = 300.0
"""Far longer than a command of these tests takes, on a busy machine too."""

COHORTS = 8
"""Of `study`."""

IMPORTED = ("mtlrun.study", "mtlrun.execution.batch", "mtlrun.execution.train", "mtlrun.results")
"""By the process that those of `ready` commands are forked from."""


def study(store: Path, processes: int, name: str = "s", seeds: str = "4") -> list[str]:
    """Return the overrides of a study of 8 cohorts of two lanes: two of each baseline and each mitigation."""
    return [
        *("suite=linear_teachers", "mitigation=none,pcgrad", f"seeds={seeds}", f"study={name}"),
        *("model.width=16", "budget=steps", "budget.steps=60", "budget.evaluations=2", "launch.width=2"),
        *(f"launch.processes={processes}", f"store={store}"),
    ]


class Command:
    """A command in a process of its own, with its errors in a file.

    Args:
        words: of its line.
        errors: the file.
        ready: whether the process has imported the package before it begins, so that a hundred of them take
            minutes less: it is forked from one that has imported, and has started no thread.
    """

    def __init__(self, words: Sequence[str], errors: Path, ready: bool = False) -> None:
        self.errors = errors
        self._forked: Any = None
        errors.write_text("")
        if ready:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([*IMPORTED])
            self._forked = context.Process(target=_be_command, args=([*words], str(errors)))
            self._forked.start()
            self.pid: int = self._forked.pid
            return
        line = [sys.executable, "-m", "mtlrun.cli", *words]
        with errors.open("w") as file:
            self._started = subprocess.Popen(
                line, stdout=subprocess.DEVNULL, stderr=file, start_new_session=True
            )
        self.pid = self._started.pid

    def running(self) -> bool:
        """Return whether it has not ended."""
        return self._forked.is_alive() if self._forked else self._started.poll() is None

    def ended(self) -> tuple[int, str]:
        """Wait for its end, and return exit code and errors."""
        if self._forked:
            self._forked.join(LIMIT_S)
            code = self._forked.exitcode
        else:
            code = self._started.wait(LIMIT_S)
        return code, self.errors.read_text()


def _be_command(words: list[str], errors: str) -> None:
    """Run a command in this process, as the leader of a process group, and end with its exit code."""
    os.setsid()
    handle = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    sys.exit(main(words))


def until_stored(process: Command, store: Path, count: int) -> None:
    """Wait until a store has a study and so many segments, or the command has ended."""
    begun = time.monotonic()
    while process.running() and not (
        list(store.glob("studies/*.json")) and len(list(store.glob("*.parquet"))) >= count
    ):
        assert time.monotonic() - begun < LIMIT_S
        time.sleep(0.005)


def until_gone(pids: Sequence[int]) -> None:
    """Wait until processes have ended."""
    begun = time.monotonic()
    while any(map(runs, pids)):
        assert time.monotonic() - begun < LIMIT_S
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Return whether a process runs: one that has ended and is not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that these have, as Linux lists them."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, waiting = [], [pid]
    while waiting:
        own = children.get(waiting.pop(), [])
        found += own
        waiting += own
    return found


def kill(pids: Sequence[int]) -> None:
    """End processes in the way that none can prepare for."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def table(store: Path, name: str = "s") -> str:
    """Return a study's whole report and the values of every seed as JSON text, without what it cost."""
    page = reported(store, "--study", name)
    page.pop("cost")
    runs = reported(store, "--study", name, "--level", "runs")["runs"]
    return json.dumps([page, runs], indent=1, sort_keys=True)


def digests(store: Path) -> dict[str, str]:
    """Return the digest of every segment, by name."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in segments(store).items()}


def whole_runs(store: Path) -> Counter[str]:
    """Read every segment anew, all of it, with its checksum; return how many finished records each run has."""
    found: Counter[str] = Counter()
    reader = Segments(store)
    for segment in reader.listed():
        rows = reader.read(segment, SCHEMA.names)
        records = zip(rows["run_id"].to_pylist(), rows["status"].to_pylist(), strict=True)
        found.update(run_id for run_id, status in records if status == "finished")
    fresh = Store(store)
    assert set(found) == {run_id for run_id, status in fresh.statuses().items() if status == "finished"}
    assert len(fresh.runs()) >= len(found)  # configs, costs and records of gradients are read too
    fresh.curves()
    fresh.scores()
    return found


class Undisturbed:
    """A study that nobody disturbs, trained in this process.

    Args:
        store: a new one.

    Attributes:
        table: as of `table`.
        runs: how many it has.
        cohort_s: how long one cohort takes, about.
    """

    def __init__(self, store: Path) -> None:
        begun = time.monotonic()
        result = repeated(study(store, 1))
        assert result.code == 0, result.err
        self.cohort_s = (time.monotonic() - begun) / COHORTS
        self.table, self.runs = table(store), len(whole_runs(store))
        assert len(segments(store)) == COHORTS


def repeated(words: Sequence[str]) -> Result:
    """Run the same command again, in this process, and return what it gave."""
    return mtlrun("sweep", *words)
