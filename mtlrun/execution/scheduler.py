"""Which cohort is trained next, and what becomes of it: the same for every pool.

A cohort that is lost with its process is tried once more, then in halves, down to one lane; a run that is lost alone
twice is stored as failed. Runs that other commands train are left to them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from mtlrun.errors import ConfigError
from mtlrun.execution.coordination.claims import Claims
from mtlrun.execution.run_records import run_record
from mtlrun.execution.train import pick_device
from mtlrun.execution.workers.task import Task
from mtlrun.execution.workers.worker import Event
from mtlrun.execution.workers.worker_pool import Pool
from mtlrun.planning.cohorts import CohortPlan
from mtlrun.store.store import Store
from mtlrun.text.pluralize import pluralize

LOOK_S = 1.0
"""How often is looked after runs that other commands train."""

TRIES = 2
"""How often a whole cohort, or a run alone, is tried before a lost process is put down to it."""


@dataclass
class _Part:
    """A cohort, or a part of one that was lost.

    Attributes:
        cohort: to be trained.
        parent: what it is a half of.
        losses: how often it was lost with its process.
        good: halves of it that were trained.
    """

    cohort: CohortPlan
    parent: _Part | None = None
    losses: int = 0
    good: int = 0

    @property
    def lanes(self) -> int:
        return len(self.cohort.run_ids)

    @property
    def tries(self) -> int:
        return TRIES if self.parent is None or self.lanes == 1 else 1


class Scheduler:
    """Trains cohorts, narrower ones where memory has turned out not to hold one of the same program.

    Args:
        cohorts: the longest first.
        common: the task of each cohort, but for what is its own.
        progress: told of run-steps done; of a negative number where they must be done again.
        note: told of cohorts that were halved or lost, and of runs that are waited for.
        claims: which runs may be trained here.
    """

    def __init__(
        self,
        cohorts: Sequence[CohortPlan],
        common: Task,
        progress: Callable[[int], None],
        note: Callable[[str], None],
        claims: Claims,
    ) -> None:
        self._common, self._progress, self._note, self._claims = common, progress, note, claims
        self._heartbeat = claims.heartbeat
        self._waiting = [_Part(cohort) for cohort in cohorts]
        self._elsewhere: list[_Part] = []  # with runs that other commands have claimed
        self._looked = 0.0
        self._given: list[_Part] = []  # by number of the task
        self._running: set[int] = set()
        self._counts = Counter[str](finished=0, diverged=0, failed=0)
        self._ended = Counter[str]()  # cohorts: `finished` or `failed`
        self._trained_elsewhere = 0

    def train(self, pool: Pool) -> Counter[str]:
        """Train all cohorts in a pool, and wait for what others train.

        Returns:
            How many runs trained by this command came to each status.

        Raises:
            Cancelled: somebody asked for it.
            StoreError: the store cannot be written.
        """
        self._tell_state()
        while True:
            for number, event in pool.run(self._next_task, self._hear):
                self._end(number, event)
            if not (self._waiting or self._elsewhere):
                return self._counts
            if not self._waiting:
                runs = pluralize(_runs(self._elsewhere), "run")
                self._note(f"waiting for {runs} that another command trains")
                self._tell_state("waiting")
            while not self._waiting and self._elsewhere:
                time.sleep(LOOK_S)
                self._heartbeat.check()
                self._look_elsewhere()

    def _hear(self, event: Event) -> None:
        """Count the run-steps of an event, and pass on what it notes."""
        self._heartbeat.check()
        if "note" in event:
            self._note(event["note"])
        self._advance(event.get("run_steps", 0))

    def _advance(self, run_steps: int) -> None:
        if run_steps:
            self._heartbeat.advance(run_steps)
            self._progress(run_steps)

    def _next_task(self) -> tuple[int, Task] | None:
        self._heartbeat.check()
        if not self._waiting and self._elsewhere and time.monotonic() - self._looked > LOOK_S:
            self._look_elsewhere()
        while self._waiting:
            part = self._waiting.pop(0)
            if part.lanes > part.cohort.program.fits:
                self._waiting[:0] = [_Part(half) for half in part.cohort.halves()]
                continue
            number = len(self._given)
            self._given.append(part)
            self._running.add(number)
            self._tell_state()  # before the claim, with which it is written
            if self._claim(part):
                return number, self._task(part.cohort)
            self._running.discard(number)
        self._tell_state()
        return None

    def _task(self, cohort: CohortPlan) -> Task:
        program, ids, common = cohort.program, cohort.run_ids, self._common
        return replace(
            common,
            runs=cohort.runs,
            chosen=program.chosen,
            compile=cohort.compiled,
            streamed=program.streamed,
            steps_done=cohort.steps_done,
            save={r: common.save[r] for r in ids if r in common.save},
            stops={r: common.stops[r] for r in ids if r in common.stops},
        )

    def _claim(self, part: _Part) -> bool:
        """Claim what is free of a cohort, and leave it with that; return whether anything is.

        What others have claimed is looked after later. What has been stored meanwhile is done.
        """
        taken = self._claims.take(part.cohort.run_ids)
        if taken.others:
            self._elsewhere.append(_Part(part.cohort.only(taken.others), part.parent, part.losses))
        self._pass_over(part, taken.stored)
        part.cohort = part.cohort.only(taken.own)
        return bool(taken.own)

    def _pass_over(self, part: _Part, stored: Mapping[str, str]) -> None:
        """Count runs that are stored already: by a part that was lost after it had stored some, or by others."""
        run_steps = (part.cohort.program.steps - part.cohort.steps_done) * len(stored)
        if not stored:
            return
        if part.losses or part.parent:
            self._counts.update(stored.values())
            self._advance(run_steps)
        else:
            self._trained_elsewhere += len(stored)
            self._claims.skip(run_steps)

    def _look_elsewhere(self) -> None:
        """Take back runs that others had claimed where they are stored now, or where nobody claims them any more."""
        self._looked = time.monotonic()
        claimed = self._claims.look()
        left: list[_Part] = []
        for part in self._elsewhere:
            (left if set(part.cohort.run_ids) <= claimed else self._waiting).append(part)
        self._elsewhere = left

    def _end(self, number: int, event: Event) -> None:
        """Take up what became of a task."""
        part = self._given[number]
        self._running.discard(number)
        if "lost" in event:
            self._lose(part, event["lost"])
            self._tell_state()
            return
        self._counts.update(event["counts"])
        self._ended["failed" if event["counts"].get("failed") else "finished"] += 1
        self._heartbeat.release(part.cohort.run_ids)
        if event["memory_holds"] is not None:
            part.cohort.program.fits = event["memory_holds"]
            self._note(f"out of memory: going on with cohorts of at most {event['memory_holds']} lanes")
        if part.parent is not None:
            self._narrow(part.parent)
        self._tell_state()

    def _lose(self, part: _Part, cause: str) -> None:
        """Try a cohort that was lost once more, then in halves; store a run that is lost alone as failed."""
        part.losses += 1
        runs = pluralize(part.lanes, "run")
        if part.losses < part.tries:
            self._note(f"{cause}: its {runs} {'is' if part.lanes == 1 else 'are'} tried once more")
            self._waiting.insert(0, part)
        elif part.lanes > 1:
            self._note(f"{cause}: its {runs} are tried in halves")
            self._waiting[:0] = [_Part(half, part) for half in part.cohort.halves()]
        else:
            self._note(f"{cause}: its run has failed")
            self._store_failed(part.cohort, cause)

    def _store_failed(self, cohort: CohortPlan, cause: str) -> None:
        try:
            device = pick_device(self._common.device)
        except ConfigError:  # there was one where it was lost, on another machine
            device = pick_device("auto")
        store = Store(self._common.store, exists=True)
        store.append([run_record(run, device, "failed", cause) for run in cohort.runs])
        self._counts["failed"] += len(cohort.run_ids)
        self._ended["failed"] += 1
        self._heartbeat.release(cohort.run_ids)

    def _narrow(self, lost: _Part) -> None:
        """Where both halves of a lost cohort could be trained, it was too wide: so are others of its program."""
        lost.good += 1
        program, half = lost.cohort.program, -(-lost.lanes // 2)
        if lost.good == 2 and half < program.fits:
            program.fits = half
            self._note(f"its halves were trained: going on with cohorts of at most {half} lanes")

    def _tell_state(self, state: str = "training") -> None:
        """Tell others how far this command is."""
        running = [self._given[number] for number in self._running]
        queued = [*self._waiting, *self._elsewhere]
        cohorts = {"queued": len(queued), "running": len(running)}
        runs = {"queued": _runs(queued), "running": _runs(running)} | dict(self._counts)
        runs["elsewhere"] = self._trained_elsewhere
        self._heartbeat.tell(state, cohorts | {k: self._ended[k] for k in ("finished", "failed")}, runs)


def _runs(parts: Collection[_Part]) -> int:
    return sum(part.lanes for part in parts)
