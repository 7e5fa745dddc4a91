"""Files that are there whole or not at all, and folder listings that never raise a bare OSError."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mtlrun.errors import StoreError


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut.

    `write` gets a hidden file beside `path`, which is fsynced and renamed into place. Folders are made.

    Raises:
        StoreError: If the operating system refuses; `path` is then as it was before.
    """
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        _make_folder(path.parent)
        try:
            with open(beside, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        _fsync_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"`{path}` cannot be written: {error.strerror or error}; what was stored before is untouched"
        ) from error


def list_files(folder: Path, ending: str) -> list[Path]:
    """Return the visible files of a folder with this ending, sorted by name; none if there is no folder.

    Raises:
        StoreError: If the path is no folder, or may not be read.
    """
    try:
        return sorted(p for p in folder.iterdir() if p.suffix == ending and not p.name.startswith("."))
    except FileNotFoundError:
        return []
    except NotADirectoryError as error:
        file = next(path for path in (folder, *folder.parents) if path.is_file())
        raise StoreError(f"`{file}` must be a folder, and is a file") from error
    except OSError as error:
        raise StoreError(f"folder `{folder}` cannot be read: {error.strerror or error}") from error


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _fsync_folder(folder.parent)


def _fsync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
