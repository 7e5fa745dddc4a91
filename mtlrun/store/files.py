"""Files that are there whole or not at all, and folder listings that never raise a bare OSError."""

from __future__ import annotations

import os
import re
import stat
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import pyarrow as pa

from mtlrun.errors import StoreError
from mtlrun.store.processes import is_running

_LEFT_AFTER_S = 3600.0
"""A temporary file that nobody has written to for so long was left by a writer that was killed."""

_TEMPORARY = re.compile(r"\..+\.(?:(?P<pid>\d+)-)?[0-9a-f]{8}\.tmp")
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFLNK: "a link to nothing"}


class Listed(NamedTuple):
    """A file of a folder, with what tells whether it is still the same: its size and when it was changed."""

    path: Path
    size: int
    modified_ns: int


def read_buffer(path: Path) -> pa.Buffer:
    """Return the content of a file, in memory that pyarrow owns.

    Its threads may free it when Python has begun to end, and to free bytes of Python then aborts the process.

    Raises:
        OSError: the file cannot be read.
    """
    with pa.OSFile(str(path)) as file:
        return file.read_buffer()


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut.

    `write` gets a hidden file beside `path`, which is fsynced and renamed into place. Folders are made.

    Raises:
        StoreError: If the operating system refuses; `path` is then as it was before.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")
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


def regular_files(folder: Path, ending: str) -> list[Path]:
    """Return the visible files of a folder with this ending, sorted by name; nothing where there are none.

    For folders whose files are of use but not needed, so that nothing in them stops a command.
    """
    try:
        with os.scandir(folder) as entries:
            named = [e for e in entries if e.name.endswith(ending) and not e.name.startswith(".")]
            return sorted(Path(entry.path) for entry in named if entry.is_file())
    except OSError:
        return []


def list_files(folder: Path, ending: str) -> list[Listed]:
    """Return the visible files of a folder with this ending, sorted by name; none if there is no folder.

    Raises:
        StoreError: If the path is no folder, or may not be read; or if something with this ending is no file, as a
            pipe, which a reader would wait for.
    """
    try:
        with os.scandir(folder) as entries:
            named = [e for e in entries if e.name.endswith(ending) and not e.name.startswith(".")]
        if odd := [e.path for e in named if not _is_text(e.path)]:
            raise StoreError(f"the path {odd[0]!a} must be text in UTF-8: pyarrow opens no other")
        return [listed_file(Path(entry.path)) for entry in sorted(named, key=lambda entry: entry.name)]
    except FileNotFoundError:
        # Of a folder that is there: a file has gone since, merged into another that may not have been listed.
        return list_files(folder, ending) if folder.exists() else []
    except NotADirectoryError as error:
        file = next(path for path in (folder, *folder.parents) if path.exists() and not path.is_dir())
        raise StoreError(f"`{file}` must be a folder, and is a file") from error
    except OSError as error:
        raise StoreError(f"folder `{folder}` cannot be read: {error.strerror or error}") from error


def _is_text(path: str) -> bool:
    try:
        return bool(path.encode("utf-8"))
    except UnicodeEncodeError:
        return False


def check_file(path: Path) -> None:
    """Raise StoreError where there is something at a path that is no file; nothing at all is left to the reader."""
    if os.path.lexists(path):
        listed_file(path)


def sweep(folder: Path) -> None:
    """Remove the temporary files of writers that were killed: old ones, whose process is not there any more."""
    try:
        with os.scandir(folder) as entries:
            left = [entry for entry in entries if _is_left(entry)]
        for entry in left:
            Path(entry.path).unlink(missing_ok=True)
    except OSError:  # they do no harm, and may be somebody else's
        return


def listed_file(path: Path) -> Listed:
    """Return a file with its size and time.

    Raises:
        StoreError: there is something else at its path.
        FileNotFoundError: there is nothing.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no file")
        raise StoreError(f"`{path}` must be a file, and is {kind}: move it out of the store")
    return Listed(path, found.st_size, found.st_mtime_ns)


def _is_left(entry: os.DirEntry[str]) -> bool:
    match = _TEMPORARY.fullmatch(entry.name)
    if match is None or not entry.is_file(follow_symlinks=False):
        return False
    old = time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFT_AFTER_S
    return old and not (match["pid"] and is_running(int(match["pid"])))


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
