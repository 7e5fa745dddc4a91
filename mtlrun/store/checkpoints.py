"""Checkpoints of cohorts in training: one safetensors file each, replaced by the next, removed with the last step.

Layout, known to this module alone::

    STORE/.checkpoints/<digest of what the checkpoint is of>.safetensors

The file's metadata say what it is of (`about`), after how many steps, and hold a digest of the content. Files are
written whole or not at all, and hold no code: reading one cannot run anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mtlrun.errors import StoreError
from mtlrun.planning.settings.saving import Arrays
from mtlrun.store.files import check_file, regular_files, sweep, write_whole

FOLDER, ENDING = ".checkpoints", ".safetensors"

FORGOTTEN_S = 30 * 24 * 3600.0
"""A checkpoint that nobody has gone on from for so long is removed."""

READ_ERRORS = (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError)

About = Mapping[str, Any]
"""What a checkpoint is of, as plain data: `runs`, and all else that its bits depend on."""


class Found(NamedTuple):
    """A checkpoint of a store.

    Attributes:
        about: what it is of.
        step: after how many steps.
        written_s: when, in seconds since 1970.
    """

    about: dict[str, Any]
    step: int
    written_s: float


class Checkpoints:
    """The checkpoints that a store has."""

    def __init__(self, store: str | os.PathLike[str]) -> None:
        self._folder = Path(store) / FOLDER

    def path(self, about: About) -> Path:
        """Return the file of a checkpoint."""
        return self._folder / f"{hashlib.sha256(_text(about).encode()).hexdigest()[:16]}{ENDING}"

    def write(self, about: About, step: int, arrays: Arrays, state: str) -> None:
        """Write a checkpoint in place of an earlier one; durable when this returns.

        Args:
            about: what it is of.
            step: after how many steps.
            arrays: by name.
            state: what else it holds, as text.

        Raises:
            StoreError: it cannot be written; an earlier one is as it was.
        """
        metadata = {"about": _text(about), "step": str(step), "state": state}
        metadata["digest"] = _digest(metadata, arrays)
        write_whole(self.path(about), lambda file: save_file(arrays, file.name, metadata))

    def read(self, about: About) -> tuple[Arrays, str] | None:
        """Return the arrays and the text of a checkpoint, or None where there is none.

        Raises:
            StoreError: it is damaged, or of something else.
        """
        path = self.path(about)
        if not os.path.lexists(path):
            return None
        check_file(path)
        try:
            with safe_open(path, "numpy") as file:
                metadata = file.metadata()
                arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
            digest = metadata.pop("digest")
        except READ_ERRORS as error:
            raise StoreError(f"checkpoint `{path}` cannot be read: {error}") from error
        if metadata.get("about") != _text(about):
            raise StoreError(f"checkpoint `{path}` is of other runs than its name says")
        if digest != _digest(metadata, arrays):
            raise StoreError(f"checkpoint `{path}` is damaged: its content does not fit its digest")
        return arrays, metadata["state"]

    def found(self) -> list[Found]:
        """Return all checkpoints whose metadata can be read, the longest trained first."""
        found = []
        for path in self._paths():
            try:
                with safe_open(path, "numpy") as file:
                    metadata = file.metadata()
                about, step = json.loads(metadata["about"]), int(metadata["step"])
                runs, written_s = about["runs"], path.stat().st_mtime
            except READ_ERRORS:  # the command that trains these runs reports it
                continue
            if isinstance(runs, list) and all(isinstance(run_id, str) for run_id in runs):
                found.append(Found(about, step, written_s))
        return sorted(found, key=lambda one: (-one.step * len(one.about["runs"]), _text(one.about)))

    def delete(self, about: About) -> None:
        """Remove a checkpoint, where there is one."""
        self._remove(self.path(about))

    def sweep(self, stored: Collection[str]) -> None:
        """Remove the checkpoints of which every run is stored, those forgotten, and what killed writers left."""
        for one in self.found():
            if set(one.about["runs"]) <= set(stored):
                self.delete(one.about)
        for path in self._paths():
            try:
                if time.time() - path.stat().st_mtime > FORGOTTEN_S:
                    self._remove(path)
            except OSError:  # somebody else's, or gone
                continue
        sweep(self._folder)

    def _paths(self) -> list[Path]:
        return regular_files(self._folder, ENDING)

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError:  # it does no harm, and is swept later
            return


def _text(about: About) -> str:
    return json.dumps(about, sort_keys=True, separators=(",", ":"))


def _digest(metadata: Mapping[str, str], arrays: Arrays) -> str:
    """Return a digest of all of a checkpoint but itself."""
    digest = hashlib.blake2b(digest_size=16)
    for key in sorted(metadata):
        digest.update(f"{key}:{metadata[key]}\n".encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype}:{array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
