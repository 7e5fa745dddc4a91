"""A command that trains tells others how far it is, and hears whether it is to end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from mtlrun.errors import StoreError
from mtlrun.execution.coordination.interruptions import Interruptions
from mtlrun.store import launchers
from mtlrun.store.launchers import COHORT_STATES, RUN_STATES
from mtlrun.store.locking import locked
from mtlrun.store.processes import identity
from mtlrun.store.store import Store


class Cancelled(KeyboardInterrupt):
    """Another command has asked this one to end; it does so as after Ctrl-C.

    Attributes:
        word: what has happened, for the message.
    """

    word = "cancelled by `mtlrun cancel`"


class Heartbeat:
    """Writes a file into the store every few seconds, from `begin` to the end of the command; nothing before.

    Args:
        store: that is trained into.
        study: what is trained.
        command: the overrides that asked for it.

    Attributes:
        launchers: the commands of the store; what was seen of them is kept here.
        key: of this command.
    """

    def __init__(self, store: Store, study: str, command: Sequence[str]) -> None:
        self.launchers, self.key = launchers.Launchers(store.path), launchers.new_key()
        self._store = store
        self._about = {"study": study, "command": list(command), **identity()}
        self._about["started_at"] = datetime.now(timezone.utc).isoformat()
        self._begun = time.monotonic()
        self._claims: set[str] = set()
        none = {"cohorts": dict.fromkeys(COHORT_STATES, 0), "runs": dict.fromkeys(RUN_STATES, 0)}
        self._state: dict[str, Any] = {"state": "training", "where": "", **none}
        self._done = self._total = self._beats = 0
        self._first: tuple[float, int] | None = None  # when run-steps were counted first, and how many
        self._cancelled = False
        self._writing, self._ending = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._writes = False
        self._interruptions = Interruptions()

    def __enter__(self) -> Heartbeat:
        self._interruptions.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        try:
            if self._thread is not None:
                self._thread.join()
                self.launchers.remove(self.key)
        finally:
            self._interruptions.end()
        self._interruptions.restore(error)

    def begin(self, run_steps: int, where: str) -> None:
        """Begin to train so many run-steps; files that killed commands left behind are removed.

        Raises:
            StoreError: the store cannot be written.
        """
        self._done, self._total, self._first = 0, run_steps, None
        self._state = {**self._state, "where": where}
        self._store.create()
        self._writes = True
        with locked(self._store.path):
            self.launchers.sweep()
            self.write()
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, daemon=True)
            self._thread.start()

    def claim(self, run_ids: Collection[str]) -> None:
        """Tell that runs are trained by this command; to be called while the store is locked."""
        with self._writing:
            self._claims.update(run_ids)
        self.write()

    def release(self, run_ids: Collection[str]) -> None:
        """Claim runs no more; others read it with the next beat, or when something else is claimed."""
        with self._writing:
            self._claims.difference_update(run_ids)

    def tell(self, state: str, cohorts: Mapping[str, int], runs: Mapping[str, int]) -> None:
        """Keep for the next beat how many cohorts and runs are in which state."""
        self._state = {**self._state, "state": state, "cohorts": dict(cohorts), "runs": dict(runs)}

    def advance(self, run_steps: int) -> None:
        """Count run-steps that are done."""
        self._done += run_steps
        if self._first is None and self._done:
            self._first = (time.monotonic(), self._done)

    def skip(self, run_steps: int) -> None:
        """So many run-steps less are to be done, as another command has done them."""
        self._total -= run_steps

    def check(self) -> None:
        """Raise Cancelled if somebody has asked for it, or the KeyboardInterrupt of a signal that was lost."""
        self._interruptions.check()
        if self._cancelled:
            raise Cancelled

    def write(self) -> None:
        """Write the file.

        Raises:
            StoreError: it cannot be written.
        """
        with self._writing:
            if self._writes and not self._ending.is_set():
                self._beats += 1
                self.launchers.write(self.key, self._facts())

    def _facts(self) -> dict[str, Any]:
        done, rate, now = max(self._done, 0), None, time.monotonic()
        if self._first is not None and now > self._first[0]:
            rate = max(0.0, (done - self._first[1]) / (now - self._first[0])) or None
        left = max(0, self._total - done)
        counted = {
            "elapsed_s": round(now - self._begun, 1),
            "beats": self._beats,
            "claims": sorted(self._claims),
            "run_steps": {"done": done, "total": max(self._total, 0)},
            "run_steps_per_s": rate,
            "left_s": left / rate if rate else None,
            "cancelled": self._cancelled,
        }
        return {**self._about, **self._state, **counted}

    def _beat(self) -> None:
        while not self._ending.wait(launchers.BEAT_S):
            self._cancelled |= self.launchers.is_asked_to_end(self.key)
            with contextlib.suppress(StoreError):  # a full disk: what stores runs will tell
                self.write()
