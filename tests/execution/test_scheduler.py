"""Which cohort is trained next, and what becomes of lost ones, with a pool that trains nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cohorts import configs_of, specs_of
from support.configs import run_config

from mtlrun.execution.coordination.claims import Claims
from mtlrun.execution.scheduler import Scheduler
from mtlrun.execution.workers.task import Task
from mtlrun.execution.workers.worker import Event
from mtlrun.execution.workers.worker_pool import NextTask
from mtlrun.planning.cohorts import CohortPlan, cut_programs, group_runs
from mtlrun.planning.runs import config_id
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.store import Store

STEPS = 4


class Pool:
    """Stores the runs of each task as finished, unless `is_lost` says of its seeds that its process ends.

    Attributes:
        tried: the seeds of each task.
    """

    def __init__(
        self, store: Store, is_lost: Callable[[list[int]], bool], stores_first: bool = False
    ) -> None:
        self.store, self.is_lost, self.stores_first = store, is_lost, stores_first
        self.tried: list[list[int]] = []

    def run(self, next_task: NextTask, tell: Callable[[Event], None]) -> Iterator[tuple[int, Event]]:
        while (task := next_task()) is not None:
            number, configs = task[0], task[1].plain["configs"]
            self.tried.append([config["seed"] for config in configs])
            tell({"run_steps": STEPS * len(configs)})
            if self.is_lost(self.tried[-1]):
                if self.stores_first:
                    self.store.append([record(configs[0])])
                tell({"run_steps": -STEPS * len(configs)})
                yield number, {"lost": "the node went away"}
            else:
                self.store.append([record(config) for config in configs])
                counts = {"finished": len(configs), "diverged": 0, "failed": 0}
                yield number, {"counts": counts, "memory_holds": None}


def record(config: dict[str, Any]) -> RunRecord:
    """Return a finished run without values."""
    return RunRecord(config_id(config), config["seed"], config, "finished", None, "cpu", {}, "2026-01-01")


def cohorts(seeds: int, width: int) -> list[CohortPlan]:
    configs = [run_config(seed=seed, budget__steps=STEPS) for seed in range(seeds)]
    (program,) = group_runs(specs_of(configs))
    program.width = width
    return cut_programs([program])


def trained(
    pool: Pool, plan: list[CohortPlan], claims: Claims | None = None
) -> tuple[Counter[str], int, list[str]]:
    """Return counts, run-steps that are done, and what was noted."""
    done: list[int] = []
    notes: list[str] = []
    common = Task((), "cpu", store=str(pool.store.path))
    claims = claims or Claims(pool.store)
    counts = Scheduler(plan, common, done.append, notes.append, claims).train(pool)
    return counts, sum(done), notes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "store")
    found.create()
    return found


def test_a_lost_cohort_is_tried_once_more_and_then_in_halves(store: Store) -> None:
    pool = Pool(store, lambda seeds: 5 in seeds)
    counts, done, notes = trained(pool, cohorts(8, width=8))
    assert counts == {"finished": 7, "diverged": 0, "failed": 1}
    whole, half = list(range(8)), [0, 1, 2, 3]
    assert pool.tried == [whole, whole, half, [4, 5, 6, 7], [4, 5], [4], [5], [5], [6, 7]]
    assert done == 7 * STEPS
    assert notes[:2] == [
        "the node went away: its 8 runs are tried once more",
        "the node went away: its 8 runs are tried in halves",
    ]
    assert notes[-1] == "the node went away: its run has failed"
    failed = store.runs().set_index("seed").loc[5]
    assert (failed["status"], failed["error"]) == ("failed", "the node went away")


def test_where_halves_of_a_lost_cohort_can_be_trained_others_are_narrower_from_then_on(store: Store) -> None:
    pool = Pool(store, lambda seeds: len(seeds) > 2)
    counts, done, notes = trained(pool, cohorts(12, width=4))
    assert counts["finished"] == 12 and done == 12 * STEPS
    assert [len(seeds) for seeds in pool.tried] == [4, 4, 2, 2, 2, 2, 2, 2]
    assert notes[-1] == "its halves were trained: going on with cohorts of at most 2 lanes"


def test_what_a_lost_cohort_had_stored_is_not_trained_again(store: Store) -> None:
    pool = Pool(store, lambda seeds: len(seeds) == 3, stores_first=True)
    counts, done, _ = trained(pool, cohorts(3, width=3))
    assert (counts["finished"], done) == (3, 3 * STEPS)
    assert pool.tried == [[0, 1, 2], [1, 2]]


def test_what_was_stored_since_planning_is_passed_over(store: Store) -> None:
    before, plan = store.segment_names(), cohorts(4, width=2)
    skipped: list[int] = []
    claims = Claims(store, before=before, skipped=skipped.append)
    store.append([record(config) for config in configs_of(plan[0])])
    pool = Pool(store, lambda seeds: False)
    counts, done, _ = trained(pool, plan, claims)
    assert (counts["finished"], done, sum(skipped)) == (2, 2 * STEPS, 2 * STEPS)
    assert pool.tried == [[2, 3]]


def test_what_was_stored_before_planning_is_trained_where_it_was_planned(store: Store) -> None:
    plan = cohorts(2, width=2)
    store.append([record(config) for config in configs_of(plan[0])])
    pool = Pool(store, lambda seeds: False)
    assert trained(pool, plan)[0]["finished"] == 2
