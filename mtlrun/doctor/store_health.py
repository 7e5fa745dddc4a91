"""Whether the files of a store are whole, and what is left in it that nobody needs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtlrun.errors import StoreError
from mtlrun.store.files import Listed
from mtlrun.store.index import NAME, read_index
from mtlrun.store.launchers import Launchers
from mtlrun.store.runs.records import SCHEMA, SCORES
from mtlrun.store.segments import Segments, VanishedError
from mtlrun.store.studies import Studies

MOUNTS = Path("/proc/mounts")
_PLACES = ("", "studies", "weights", "arrays", ".running", ".checkpoints")


def store_facts(folder: Path) -> dict[str, Any]:
    """Return what a store holds and what is wrong with it; every segment is read.

    `damaged` has a reason for each segment that cannot be read, `damaged_studies` for each study.

    Raises:
        StoreError: the path is no folder, or cannot be listed.
    """
    running, unusable = Launchers(folder).read()
    segments = Segments(folder)
    listed = segments.listed()
    damaged, runs, without_checksum, without_scores = {}, 0, 0, 0
    for segment in listed:
        try:
            count, checked, scored = _read(segments, segment)
        except StoreError as error:
            damaged[segment.path.name] = _reason(error, segment.path)
        except VanishedError:  # merged into another meanwhile
            continue
        else:
            runs, without_checksum = runs + count, without_checksum + (not checked)
            without_scores += not scored
    return {
        "path": str(folder.resolve()),
        "segments": len(listed),
        "records": runs,
        "size_mib": round(sum(one.size for one in listed) / 2**20, 1),
        "damaged": damaged,
        "without_checksum": without_checksum,
        "without_scores": without_scores,
        "temporary_files": sum(1 for _ in _temporary(folder)),
        **_studies(folder),
        "index": _index(folder, listed),
        "running": len(running),
        "unusable": unusable,
        "file_system": file_system(folder),
        "free_disk_mib": round(shutil.disk_usage(folder).free / 2**20),
    }


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder lies on, as the system names it; "" where it does not say."""
    if not MOUNTS.exists():
        return ""
    place, best, kind = str(folder.resolve()), "", ""
    for line in MOUNTS.read_text(errors="replace").splitlines():
        _, mount, name, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, name
    return kind


def _read(segments: Segments, segment: Listed) -> tuple[int, bool, bool]:
    """Return the number of records of a segment, whether its name has a checksum, and whether it has scores.

    Where there is no checksum, all columns are read, against the checksums of their pages.
    """
    checked = segments.has_checksum(segment)
    table = segments.read(segment, ("run_id", "status", SCORES) if checked else SCHEMA.names)
    return len(table), checked, SCORES in table.column_names


def _reason(error: StoreError, path: Path) -> str:
    text = str(error).partition("\n")[0]
    return text.removeprefix(f"segment `{path}` cannot be read: ")


def _temporary(folder: Path) -> Iterator[Path]:
    for place in _PLACES:
        if (folder / place).is_dir():
            yield from (path for path in (folder / place).glob(".*.tmp") if path.is_file())


def _studies(folder: Path) -> dict[str, Any]:
    studies = Studies(folder)
    found, damaged = [], {}
    try:
        names = studies.names()
    except StoreError as error:
        return {"studies": [], "damaged_studies": {"": str(error).partition("\n")[0]}}
    for name in names:
        try:
            studies.read(name)
            found.append(name)
        except StoreError as error:
            damaged[name] = str(error).partition("\n")[0]
    return {"studies": found, "damaged_studies": damaged}


def _index(folder: Path, listed: list[Listed]) -> dict[str, Any]:
    """Return of how many segments the index knows the runs, and how many seconds ago it was written."""
    known = read_index(folder)
    path = folder / NAME
    age = round(time.time() - os.stat(path).st_mtime) if path.is_file() else None
    return {"segments": sum(one in known for one in listed), "age_s": age}
