"""Arrays in an .npz file: read once for each of its versions, written whole or not at all; no pickle."""

from __future__ import annotations

import os
import uuid
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np

from mtlrun.data.arrays.content import Arrays, content_of
from mtlrun.errors import ConfigError, DataError, Fault

READ_ERRORS = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of all entries, so that equal arrays make equal files


def held(path: str) -> Arrays:
    """Return what a file holds, the same object as long as the file does not change.

    Raises:
        ConfigError: every fault of the file and of its arrays; the key is `path`.
    """
    place = Path(os.path.expanduser(path))
    if not path:
        raise ConfigError(
            [Fault("path", "must be an .npz file with the array `inputs` and one for each task")]
        )
    try:
        about = place.stat()
    except OSError as error:
        beside = sorted(p.name for p in place.parent.glob("*.npz"))[:20]
        raise ConfigError([Fault("path", "must be a file that is there", path, beside)]) from error
    return _held(path, place, (about.st_ino, about.st_size, about.st_mtime_ns))


@lru_cache(maxsize=8)
def _held(path: str, place: Path, version: tuple[int, ...]) -> Arrays:
    arrays = arrays_in(path, place)
    try:
        return content_of(arrays)
    except ConfigError as error:
        faults = [fault for fault in error.faults if isinstance(fault, Fault)]
        raise ConfigError(
            f._replace(key="path", rule=f"{'has' if f.key in arrays else 'lacks'} `{f.key}`, which {f.rule}")
            for f in faults
        ) from error


def arrays_in(path: str, place: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file by their names.

    Raises:
        ConfigError: every array that cannot be read; the key is `path`.
    """
    found, faults = dict[str, np.ndarray](), list[Fault]()
    if not zipfile.is_zipfile(place):
        raise ConfigError([Fault("path", "must be an .npz file, as numpy.savez writes it", path)])
    try:
        with np.load(place, allow_pickle=False) as file:
            for name in file.files:
                try:
                    found[name] = file[name]
                except READ_ERRORS as error:
                    faults.append(_unread(name, error))
    except READ_ERRORS as error:
        rule = f"must be an .npz file, as numpy.savez writes it, and cannot be read ({_first_line(error)})"
        raise ConfigError([Fault("path", rule, path)]) from error
    if faults:
        raise ConfigError(faults)
    return found


def _unread(name: str, error: Exception) -> Fault:
    if "allow_pickle" in str(error):
        rule = f"must not hold Python objects, and array `{name}` does: save numbers, or text as str"
        return Fault("path", rule)
    return Fault("path", f"has an array that cannot be read ({_first_line(error)})", name)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def write(place: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays so that the file is there whole or not at all. Folders are made.

    Raises:
        DataError: the operating system refuses.
    """
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(beside, "wb") as file:
                _write(file, arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, place)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"`{place}` cannot be written: {error}") from error


def _write(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as whole:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", LONG_AGO)
            with whole.open(entry, "w", force_zip64=True) as part:
                np.lib.format.write_array(part, array, allow_pickle=False)
