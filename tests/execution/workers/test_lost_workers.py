"""A worker process that ends before its work does: its cohort is tried again, then in halves; others are trained."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from support.commands import Result, mtlrun, tiny

from mtlrun.execution.workers.worker_pool import cause_of_end
from mtlrun.store.store import Store

EXITED = "a worker process ended with exit code 3 before its work was done"
KILLED = "a worker process was killed by signal 9 (perhaps out of memory)"
MANY = 60


def ending(tmp_path: Path, *overrides: str, **settings: Any) -> list[str]:
    """Return the overrides of a study whose seed 1 ends workers: 4 seeds, 3 cohorts of 4 lanes."""
    (tmp_path / "memory").mkdir(exist_ok=True)
    own = {"memory": tmp_path / "memory", **settings}
    return [
        *tiny(tmp_path / "store", "suite=linear_teachers", "suite._target_=support.ending_suite.Ending"),
        *(f"+suite.{key}={value}" for key, value in own.items()),
        *("seeds=4", "model=linear", "launch.processes=2", "launch.width=4", *overrides),
    ]


def trained(tmp_path: Path, *overrides: str, **settings: Any) -> Result:
    return mtlrun("run", *ending(tmp_path, *overrides, **settings))


def lost(tmp_path: Path) -> int:
    """Return how many workers were ended."""
    return len(list((tmp_path / "memory").iterdir()))


@pytest.mark.sample(2)
@pytest.mark.parametrize("by", [0, int(signal.SIGKILL)])
def test_a_cohort_that_is_lost_once_is_trained_again_whole(by: int, tmp_path: Path) -> None:
    result = trained(tmp_path, by=by)
    assert result.code == 0, result.err
    assert lost(tmp_path) == 1
    assert f"{KILLED if by else EXITED}: its 4 runs are tried once more" in result.err
    runs = Store(tmp_path / "store").runs()
    assert set(runs["status"]) == {"finished"} and len(runs) == 12
    assert {cost["lanes"] for cost in runs["cost"]} == {4}
    assert "240 run-steps in" in result.err  # those of the lost attempt do not count


def test_a_run_that_always_ends_its_worker_fails_alone_and_is_tried_again_by_the_next_command(
    tmp_path: Path,
) -> None:
    result = trained(tmp_path, times=MANY)
    assert result.code == 1 and "excess_risk" in result.out
    runs = Store(tmp_path / "store").runs()
    failed = runs[runs["status"] == "failed"]
    assert len(runs) == 12 and list(failed["seed"]) == [1]
    assert set(failed["error"]) == {EXITED}
    assert lost(tmp_path) == 2 + 1 + 2  # as four lanes, as two, alone
    assert "1 run failed" in result.err and f"  {EXITED}" in result.err
    for number in range(MANY):  # the cause has gone
        (tmp_path / "memory" / str(number)).touch()
    again = trained(tmp_path, times=MANY)
    assert again.code == 0 and "training 1 run, reusing 11" in again.err
    assert set(Store(tmp_path / "store").statuses().values()) == {"finished"}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "a worker process ended with exit code 3 before its work was done"),
        (-9, "a worker process was killed by signal 9 (perhaps out of memory)"),
        (-11, "a worker process was killed by signal 11 (perhaps out of memory)"),
        (-15, "a worker process was killed by signal 15"),
    ],
)
def test_causes_in_words(code: int, words: str) -> None:
    assert cause_of_end(code) == words
