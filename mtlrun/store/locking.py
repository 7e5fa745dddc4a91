"""One command at a time: a lock on a store, for the moment in which files are read and then written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from mtlrun.errors import StoreError

FOLDER = ".running"
"""The folder in a store that has the lock, and what running commands tell of themselves."""

WAIT_S = 120.0
"""The lock is held for milliseconds: after so long, something is wrong with the file system."""


@contextlib.contextmanager
def locked(store: Path) -> Iterator[None]:
    """Hold the lock of a store, which must be there.

    The operating system takes it back from a process that ends. A file system without locks goes without: commands
    that claim the same runs in the same instant then train them twice, and nothing is lost.

    Raises:
        StoreError: another process has held it for minutes.
    """
    lock = FileLock(store / FOLDER / "lock", timeout=WAIT_S, poll_interval=0.01)
    held = False
    try:
        (store / FOLDER).mkdir(exist_ok=True)  # not the store's own folder: one that was removed stays away
        lock.acquire()
        held = True
    except Timeout as error:
        raise StoreError(
            f"store `{store}` has been locked for {WAIT_S:.0f} s: a command that holds `{lock.lock_file}` hangs"
        ) from error
    except (OSError, NotImplementedError):
        pass
    try:
        yield
    finally:
        if held:
            lock.release()
