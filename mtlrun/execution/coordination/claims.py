"""Which runs this command may train, where others train into the same store.

A command claims the runs of a cohort in its own file (`heartbeat.py`) before it trains them. The claims of all
running commands are read before what is stored: a run is claimed until it is stored, so one that is neither claimed
nor stored is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from mtlrun.execution.coordination.heartbeat import Heartbeat
from mtlrun.planning.settings.saving import Rule
from mtlrun.store.locking import locked
from mtlrun.store.recent import Recent
from mtlrun.store.store import Store
from mtlrun.store.weights import Weights


class Taken(NamedTuple):
    """What becomes of runs that were to be claimed.

    Attributes:
        own: are claimed now.
        others: are claimed by another command.
        stored: need no more training; their statuses by run id.
    """

    own: list[str]
    others: list[str]
    stored: dict[str, str]


class Claims:
    """The runs that this command trains.

    Args:
        store: that is trained into.
        save: how the checkpoints are chosen whose weights are kept, by run id.
        before: the segments that the store had when the runs were planned; those that it has now where None.
        unsaved: runs that these have, to be trained again for their weights.
        heartbeat: tells others of this command; where None, nobody hears of it.
        skipped: told of run-steps that others have done.

    Attributes:
        heartbeat: of this command.
    """

    def __init__(
        self,
        store: Store,
        save: Mapping[str, Sequence[Rule]] | None = None,
        before: Collection[str] | None = None,
        unsaved: Collection[str] = (),
        heartbeat: Heartbeat | None = None,
        skipped: Callable[[int], None] = lambda run_steps: None,
    ) -> None:
        self.heartbeat = heartbeat or Heartbeat(store, "", [])
        self._store, self._skipped = store, skipped
        self._rules = {r: {str(rule) for rule in rules} for r, rules in (save or {}).items() if rules}
        self._recent = Recent(store, store.segment_names() if before is None else before)
        self._unsaved = set(unsaved)

    def take(self, run_ids: Sequence[str]) -> Taken:
        """Claim those of some runs that no other command has, and that are still to be trained.

        Raises:
            StoreError: the store cannot be read or written.
        """
        self._store.check_there()
        with locked(self._store.path):
            claimed = self.look()
            stored = self._stored(run_ids)
            left = [r for r in run_ids if r not in stored]
            taken = Taken([r for r in left if r not in claimed], [r for r in left if r in claimed], stored)
            if taken.own:
                self.heartbeat.claim(taken.own)
        return taken

    def look(self) -> set[str]:
        """Return the runs that other commands claim now."""
        others = [one for one in self.heartbeat.launchers.running() if one.key != self.heartbeat.key]
        return {run_id for one in others for run_id in one.facts["claims"]}

    def skip(self, run_steps: int) -> None:
        """Count run-steps that others have done."""
        self._skipped(run_steps)
        self.heartbeat.skip(run_steps)

    def _stored(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Return the statuses of runs that have been stored since they were planned, with the weights asked for."""
        recent = self._recent.statuses()
        saved = Weights(self._store.path).names() if self._rules.keys() & set(run_ids) else {}
        found = {}
        for run_id in run_ids:
            lacks = bool(self._rules.get(run_id, set()) - saved.get(run_id, set()))
            status = "finished" if run_id in self._unsaved else recent.get(run_id)
            if status is not None and not (status == "finished" and lacks):
                found[run_id] = status
        return found
