"""Checkpoints of cohorts: what each is of, when it is written, and what a later command goes on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from mtlrun.errors import StoreError
from mtlrun.execution.workers.held_signals import HeldSignals
from mtlrun.planning.cohorts import Begun, ProgramPlan
from mtlrun.planning.run_spec import RunSpec
from mtlrun.planning.settings.saving import Rule
from mtlrun.store.checkpoints import Checkpoints, Found
from mtlrun.store.store import Store
from mtlrun.text.pluralize import pluralize
from mtlrun.training.loop.checkpoint import Checkpoint
from mtlrun.training.runtime.state_tree import Tree, packed, unpacked
from mtlrun.version import __version__

FORMAT = 1
"""Goes up when the state of a cohort is made of other parts, so that older checkpoints are not gone on from."""

STATE_ERRORS = (ValueError, KeyError, TypeError, RuntimeError, AttributeError)
"""What a state raises that lacks parts, or has parts of another make."""


class Terms(NamedTuple):
    """What the bits of a cohort's state depend on, besides its runs and whether its steps are compiled.

    Attributes:
        device: its kind, `cpu` or `cuda`.
        deterministic: as of `mtlrun.execution.local.Local`.
        every: how often diagnostics are recorded.
        save: how the checkpoints are chosen whose weights are kept, by run id.
    """

    device: str
    deterministic: bool
    every: int | None
    save: Mapping[str, Sequence[Rule]]

    def about(self, run_ids: Sequence[str], compiled: bool) -> dict[str, Any]:
        """Return what the checkpoint of a cohort is of, as plain data."""
        versions = {"mtlrun": __version__, "torch": str(torch.__version__), "numpy": np.__version__}
        return {
            "format": FORMAT,
            "versions": versions,
            "runs": list(run_ids),
            "compiled": compiled,
            "device": self.device,
            "deterministic": self.deterministic,
            "every": self.every,
            "save": [[str(rule) for rule in self.save.get(run_id, ())] for run_id in run_ids],
        }


@dataclass(frozen=True)
class Checkpointing:
    """How the cohorts of one task are written down, and what was written is found.

    Attributes:
        store: where.
        terms: of all of them.
        compiled: whether their steps are.
        every_s: seconds from one checkpoint to the next.
        note: told of what is gone on from, and of checkpoints that do not serve.
    """

    store: Store
    terms: Terms
    compiled: bool
    every_s: float
    note: Callable[[str], None]


class CohortCheckpoint(Checkpoint):
    """The checkpoint of one cohort, in a file of its store.

    Args:
        how: it is kept.
        runs: of the cohort.
        device: where to go on.

    Attributes:
        step: after how many steps it was written that is gone on from; 0 where training begins.
        cost: what training had cost then.
        written: whether it was written by this process.
        signals: those that would end training may wait until the step is done and written down.
        spent: says what training has cost so far, as plain data that the next process finds in `cost`.
    """

    spent: Callable[[], dict[str, Any]] = dict

    def __init__(self, how: Checkpointing, runs: Sequence[RunSpec], device: torch.device) -> None:
        self._how, self._files, self.signals = how, Checkpoints(how.store.path), HeldSignals()
        self._about = how.terms.about([run.run_id for run in runs], how.compiled)
        self._next, self._told = time.monotonic() + how.every_s, False
        self._stop: KeyboardInterrupt | None = None
        self.written = False
        self.step, self.cost = 0, dict[str, Any]()
        try:
            self._read(device)
        except (StoreError, *STATE_ERRORS) as error:
            self.reject(str(error))

    @property
    def resumed_at(self) -> list[int]:
        """The steps at which training has gone on, this time included."""
        return [*self.cost.get("resumed_at", ()), *([self.step] if self.step else [])]

    def due(self) -> bool:
        return self._stop is not None or self.signals.came is not None or time.monotonic() >= self._next

    def stop(self, stop: KeyboardInterrupt) -> None:
        """End training by this interrupt once the step is done and written down."""
        self._stop = stop

    def write(self, state: Tree) -> None:
        """Write a state down, and let the signal that was waiting for it do its work."""
        try:
            self._how.store.check_there()
            arrays, text = packed({**state, "cost": self.spent()})
            self._files.write(self._about, state["step"], arrays, text)
            self.written = True
        except StoreError as error:
            if not self._told:
                self._how.note(f"no checkpoint: {error}")
            self._told = True
        self._next = time.monotonic() + self._how.every_s
        self.signals.release()
        if self._stop is not None:
            raise self._stop

    def reject(self, reason: str) -> None:
        """Begin anew, as what was written does not serve."""
        self.before, self.step, self.cost = None, 0, {}
        self._how.note(f"a checkpoint is ignored, and its runs are trained from the beginning: {reason}")

    def delete(self) -> None:
        """Remove it, now that its runs are stored."""
        self._files.delete(self._about)

    def _read(self, device: torch.device) -> None:
        found = self._files.read(self._about)
        if found is not None:
            self.before = unpacked(*found, device)
            self.step, self.cost = self.before["step"], self.before["cost"]
            told = pluralize(len(self._about["runs"]), "run")
            self._how.note(f"going on from a checkpoint of {told} at step {self.step:,}")


def take_begun(
    programs: Sequence[ProgramPlan], found: Sequence[Found], terms: Terms, compiled: bool | None
) -> list[str]:
    """Give each program the cohorts that have a checkpoint; return notes of those that cannot be gone on from.

    Args:
        programs: what is to be trained.
        found: the checkpoints of the store.
        terms: on which these programs are trained.
        compiled: whether their steps are; None where a checkpoint may decide.
    """
    owners = {run.run_id: program for program in programs for run in program.runs}
    notes, taken = [], set[str]()
    for one in found:
        runs = one.about["runs"]
        if not owners.keys() >= {*runs} or {*runs} & taken or len({id(owners[r]) for r in runs}) != 1:
            continue
        own = one.about.get("compiled") is True if compiled is None else compiled
        wanted = terms.about(runs, own)
        other = [key for key, value in wanted.items() if one.about.get(key) != value]
        if other:
            told = f"a checkpoint of {pluralize(len(runs), 'run')} at step {one.step:,} is of other"
            notes.append(f"{told} {', '.join(other)}: its runs are trained from the beginning")
            continue
        taken |= {*runs}
        owners[runs[0]].begun.append(Begun(list(runs), one.step, own))
    return notes
