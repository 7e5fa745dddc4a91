"""What ends training early, as Ctrl-C or a full disk: says what of the runs is stored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone

from mtlrun.errors import StoreError
from mtlrun.pluralize import pluralize
from mtlrun.store.store import Store


@contextlib.contextmanager
def telling_stored(stores: Mapping[str, Store]) -> Iterator[None]:
    """Give a KeyboardInterrupt the words that follow `interrupted`, and a StoreError what is stored all the same.

    Args:
        stores: those that are trained into, perhaps opened later.
    """
    begun = datetime.now(timezone.utc)
    try:
        yield
    except StoreError as error:
        runs = sum(_runs_since(store, begun) for store in stores.values())
        if not runs:
            raise
        raise StoreError(f"{error}{_told(runs)}") from error
    except KeyboardInterrupt as stop:
        stop.args = (_told(sum(_runs_since(store, begun) for store in stores.values())),)
        raise


def _told(runs: int) -> str:
    if not runs:
        return "; no new run had finished, so none was stored"
    are = "is" if runs == 1 else "are"
    return f"; what had finished is stored ({pluralize(runs, 'run')} {are} new), the same command goes on from there"


def _runs_since(store: Store, moment: datetime) -> int:
    """Return how many runs a store has got since a moment; 0 where it cannot be read."""
    try:
        return store.runs_since(moment)
    except StoreError:
        return 0
