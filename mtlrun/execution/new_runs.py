"""What ends training early, as Ctrl-C or a full disk: says what of the runs is stored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone

from mtlrun.errors import StoreError
from mtlrun.planning.manifest import study_runs
from mtlrun.store.checkpoints import Checkpoints
from mtlrun.store.store import Store
from mtlrun.text.pluralize import pluralize

NOTHING = "; no new run had finished, so none was stored"


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
        told = _told(stores, begun)
        if told == NOTHING:
            raise
        raise StoreError(f"{error}{told}") from error
    except KeyboardInterrupt as stop:
        stop.args = (_told(stores, begun),)
        raise


def _told(stores: Mapping[str, Store], begun: datetime) -> str:
    runs = sum(_runs_since(store, begun) for store in stores.values())
    half = sum(_half_trained_since(store, begun) for store in stores.values())
    kept = (
        f"; {pluralize(half, 'run')} in training {'has' if half == 1 else 'have'} a checkpoint"
        if half
        else ""
    )
    if not runs:
        return f"; no new run had finished{kept}, the same command goes on from there" if kept else NOTHING
    are = "is" if runs == 1 else "are"
    new = f"; what had finished is stored ({pluralize(runs, 'run')} {are} new)"
    return f"{new}{kept}, the same command goes on from there"


def _half_trained_since(store: Store, moment: datetime) -> int:
    """Return of how many runs of this command's studies checkpoints have been written since a moment."""
    own = {run_id for manifest in store.written.values() for run_id in study_runs(manifest["cells"])}
    found = Checkpoints(store.path).found()
    runs = [one.about["runs"] for one in found if one.written_s >= moment.timestamp()]
    return sum(len(ids) for ids in runs if own.issuperset(ids))


def _runs_since(store: Store, moment: datetime) -> int:
    """Return how many runs a store has got since a moment; 0 where it cannot be read."""
    try:
        return store.runs_since(moment)
    except StoreError:
        return 0
