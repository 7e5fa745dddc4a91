"""SIGKILL at random moments: what had finished is kept, and the same command finishes with the same table."""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from support.commands import mtlrun
from support.killing import (
    COHORTS,
    Command,
    Undisturbed,
    descendants,
    digests,
    kill,
    repeated,
    runs,
    study,
    table,
    until_gone,
    until_stored,
    whole_runs,
)

from mtlrun.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")

SEED = 20261129
KINDS = {("everything", 1): 55, ("everything", 2): 15, ("launcher", 2): 15, ("worker", 2): 15}
"""What is killed, on how many processes the study trains, and how often in the slow test."""


class Kills:
    """Kills commands, finishes their studies, and holds them against an undisturbed one.

    Args:
        folder: for stores.
        seed: of the moments.
        ready: as of `Command`.
    """

    def __init__(self, folder: Path, seed: int, ready: bool) -> None:
        self.folder, self.rng, self.ready = folder, random.Random(seed), ready
        self.good = Undisturbed(folder / "good")
        self.counts: Counter[str] = Counter()
        self.stored: list[int] = []

    def kill(self, what: str, processes: int, segments: int) -> None:
        """Kill within the time of one cohort after so many segments are stored, and check all that is promised."""
        store = self.folder / f"store{len(self.stored)}"
        words = study(store, processes)
        process = Command(["sweep", *words], self.folder / "errors.txt", self.ready)
        until_stored(process, store, segments)
        time.sleep(self.rng.uniform(0, self.good.cohort_s))
        kept, workers = digests(store), descendants(process.pid)
        struck = self._strike(what, process.pid, workers)
        code, err = process.ended()
        until_gone([process.pid, *workers])
        assert code in (-9, 0, 1), err  # a launcher goes on without a worker, or tells of it
        assert "Traceback" not in err
        found = whole_runs(store)
        assert kept.items() <= digests(store).items()
        self.counts[f"{what} of {pluralized(processes)}"] += 1
        self.counts["ended before"] += not struck
        self.counts["unfinished files left"] += len(list(store.rglob(".*.tmp")))
        self.stored.append(len(found))
        self._finish(store, words, found)

    def _strike(self, what: str, pid: int, workers: list[int]) -> bool:
        there = runs(pid)
        if what == "worker" and workers:
            kill([self.rng.choice(workers)])
        else:
            kill([pid, *workers] if what == "everything" else [pid])
        return there

    def _finish(self, store: Path, words: list[str], found: Counter[str]) -> None:
        if (store / "studies" / "s.json").exists():
            assert mtlrun("report", str(store)).code == 0  # also of a part
        again = repeated(words)
        assert again.code == 0, again.err
        if found and len(found) < self.good.runs:
            assert f"training {self.good.runs - len(found)} runs, reusing {len(found)}" in again.err
        assert set(whole_runs(store).values()) == {1}  # nothing twice
        assert set(Store(store).statuses().values()) == {"finished"}
        assert table(store) == self.good.table

    def told(self) -> str:
        """Return in one line what was done."""
        counts = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        spread = ", ".join(f"{n}: {count}" for n, count in sorted(Counter(self.stored).items()))
        return f"kills: {len(self.stored)}, nothing lost ({counts}); by runs stored, of {self.good.runs}: {spread}"


def pluralized(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


@pytest.mark.slow
def test_killed_command_loses_nothing(tmp_path):
    kills = Kills(tmp_path, SEED, ready=False)
    kills.kill("everything", 1, COHORTS // 3)
    assert kills.counts["everything of 1 process"] == 1


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path):
    kills = Kills(tmp_path, SEED, ready=True)
    factor = float(os.environ.get("MTLRUN_KILLS", "1"))
    for (what, processes), times in KINDS.items():
        for _ in range(max(1, round(times * factor))):
            number = len(kills.stored)
            kills.kill(what, processes, 3 * number % COHORTS)  # spread over the length of training
            print(kills.told() if number % 10 == 9 else ".", flush=True)
    print(kills.told())
    assert kills.counts["ended before"] < max(2, len(kills.stored) / 2)
