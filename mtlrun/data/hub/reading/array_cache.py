"""Arrays that take long to make: made once, kept beside the cache of the library `datasets`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mtlrun.data.hub.reading.origin import library
from mtlrun.data.splits import read_only


def kept_array(told: object, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return a read-only array: the kept one, read from disk as it is used, or a new one, which is kept.

    Args:
        told: what tells the array; it has to have the same `repr` every time.
        make: makes it.
    """
    name = hashlib.sha256(repr(told).encode()).hexdigest()[:32] + ".npy"
    place = Path(library().config.HF_DATASETS_CACHE, "mtlrun", name)
    if place.is_file():
        return read_only(np.load(place, mmap_mode="r", allow_pickle=False))
    made = make()
    _keep(made, place)
    return read_only(made)


def _keep(made: np.ndarray, place: Path) -> None:
    """Write an array whole, where that is possible: without it, making it takes its time again."""
    beside = place.with_name(f"{place.stem}.{os.getpid()}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            np.save(file, made, allow_pickle=False)
        beside.replace(place)
    except OSError:
        beside.unlink(missing_ok=True)
