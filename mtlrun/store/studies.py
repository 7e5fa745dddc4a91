"""Studies of a store: what each of them asked for, one JSON file a name.

    STORE/studies/<name>.json    {"schema_version", "number", "written_at", "study"}

`number` grows with each write, so that the study written last is known whatever the clock says.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mtlrun.errors import Fault, StoreError
from mtlrun.planning.manifest_schema import manifest_faults
from mtlrun.schema import listed, parse
from mtlrun.store.files import check_file, list_files, write_whole
from mtlrun.store.locking import locked

STUDY_RULE = "must begin with a letter or digit and hold only letters, digits, `.`, `_`, `-` (128 at most)"
_SCHEMA_VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_HEAD = re.compile(
    rb'\{\s*"schema_version": \d+,\s*"number": (\d{1,15}),\s*"written_at": "([^"\\]{10,40})",\s*"study"'
)
"""How a file begins; what stands there is read without the rest, which may be large."""

_HEAD_BYTES = 256


class Studies:
    """The studies of a store.

    Args:
        store: its folder.
    """

    def __init__(self, store: Path) -> None:
        self._store, self.folder = store, store / "studies"

    def names(self) -> list[str]:
        """Return the names of the studies, sorted."""
        stems = (found.path.stem for found in list_files(self.folder, ".json"))
        return [stem for stem in stems if is_study_name(stem)]

    def read(self, name: str | None = None) -> dict[str, Any]:
        """Return the manifest of a study, or of the one written last.

        Raises:
            StoreError: there is no such study (with near matches), or its file is damaged.
        """
        names = self.names()
        if not names:
            what = "holds no study yet" if self._store.exists() else "does not exist"
            raise StoreError(
                f"store `{self._store}` {what}; train one first, for example with "
                f"`mtlrun sweep experiment=quickstart store={self._store}`"
            )
        if name is None:
            name = max(names, key=self._order)
        if name not in names:
            raise StoreError(
                str(Fault("study", f"must be a study of the store `{self._store}`", name, names))
            )
        page = self._page(name)
        faults = list(manifest_faults(page["study"]))
        if faults:
            raise self._unusable(
                name, "it was changed after it was written, or is damaged:\n" + listed(faults)
            )
        return page["study"]

    def write(self, manifest: Mapping[str, Any]) -> Path:
        """Write a manifest under its `study`, in place of an earlier one of that name.

        Raises:
            StoreError: the name holds more than letters, digits, `.`, `_`, `-`, or nothing can be written.
        """
        path = self._path(manifest["study"])
        with contextlib.suppress(OSError):  # writing tells
            self._store.mkdir(parents=True, exist_ok=True)
        with locked(self._store):  # no two studies get one number
            last = max((self._order(name)[0] for name in self.names()), default=0)
            moment = datetime.now(timezone.utc).isoformat()
            page = {
                "schema_version": _SCHEMA_VERSION,
                "number": last + 1,
                "written_at": moment,
                "study": manifest,
            }
            write_whole(path, lambda file: file.write(json.dumps(page, indent=1).encode()))
        return path

    def written_at(self, name: str) -> tuple[int, str]:
        """Return the number of a study, which is larger the later it was written, and when that was (ISO 8601).

        Raises:
            StoreError: its file cannot be read.
        """
        return self._order(name)

    def _order(self, name: str) -> tuple[int, str]:
        """Return the number of a study and when it was written; 0 for one of an earlier version."""
        path = self._path(name)
        try:
            with open(path, "rb") as file:
                match = _HEAD.match(file.read(_HEAD_BYTES))
        except OSError as error:
            raise self._unusable(name, error.strerror or str(error)) from error
        if match is not None:
            return int(match[1]), match[2].decode(errors="replace")
        page = self._page(name)
        return page.get("number", 0), page["written_at"]

    def _path(self, name: Any) -> Path:
        if not is_study_name(name):
            raise StoreError(str(Fault("study", STUDY_RULE, name)))
        return self.folder / f"{name}.json"

    def _page(self, name: str) -> dict[str, Any]:
        path = self._path(name)
        check_file(path)
        try:
            page = parse(path.read_bytes())
        except (OSError, ValueError) as error:
            raise self._unusable(name, f"it is damaged: {error}") from error
        if not isinstance(page, dict) or "schema_version" not in page:
            raise self._unusable(name, "it is damaged: `schema_version` must be there")
        version = page["schema_version"]
        if version != _SCHEMA_VERSION or isinstance(version, bool):
            raise self._unusable(
                name, f"it has schema version {version}, this mtlrun reads {_SCHEMA_VERSION}"
            )
        number = page.get("number", 0)
        if not isinstance(number, int) or isinstance(number, bool):
            raise self._unusable(name, "it is damaged: `number` must be a whole number")
        if not isinstance(page.get("written_at"), str) or not isinstance(page.get("study"), dict):
            raise self._unusable(name, "it is damaged: `written_at` must be text, and `study` an object")
        return page

    def _unusable(self, name: str, reason: str) -> StoreError:
        return StoreError(
            f"study file `{self._path(name)}` cannot be read: {reason}\nThe stored runs are untouched. "
            "Move this file away and repeat the study's command, which trains no stored run again."
        )


def is_study_name(name: Any) -> bool:
    """Return whether a study may have this name: one that is a file's name on every system."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None
