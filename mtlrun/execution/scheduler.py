"""Hands cohorts to a pool of workers until all are trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from mtlrun.execution.worker import Event
from mtlrun.execution.worker_pool import Pool, WorkerError
from mtlrun.planning.cohorts import CohortPlan, ProgramPlan


def train_cohorts(
    pool: Pool,
    cohorts: list[CohortPlan],
    settings: Mapping[str, Any],
    progress: Callable[[int], None],
    note: Callable[[str], None],
) -> Counter[str]:
    """Train cohorts, narrower ones where memory has turned out not to hold one of the same program.

    Args:
        pool: trains them.
        cohorts: the longest first.
        settings: the same for all of them.
        progress: told of run-steps done.
        note: told of cohorts that were halved.

    Raises:
        WorkerError: a worker died; what was stored stays.
    """
    waiting, programs, counts = list(cohorts), list[ProgramPlan](), Counter[str]()

    def next_task() -> tuple[int, dict[str, Any]] | None:
        while waiting and len(waiting[0].run_ids) > waiting[0].program.fits:
            waiting[:1] = waiting[0].halves()
        if not waiting:
            return None
        cohort = waiting.pop(0)
        programs.append(cohort.program)
        program = cohort.program
        own = {"chosen": program.chosen, "compile": program.compiled, "streamed": program.streamed}
        for key in ("save", "stops"):
            own[key] = {r: settings[key][r] for r in cohort.run_ids if r in settings[key]}
        return len(programs) - 1, {"configs": cohort.configs, **settings, **own}

    def hear(event: Event) -> None:
        if event.get("run_steps"):
            progress(event["run_steps"])

    for number, event in pool.run(next_task, hear):
        if "lost" in event:
            raise WorkerError(f"{event['lost']}; finished cohorts are kept")
        counts.update(event["counts"])
        if event["memory_holds"] is not None:
            programs[number].fits = event["memory_holds"]
            note(f"out of memory: going on with cohorts of at most {event['memory_holds']} lanes")
    return counts
