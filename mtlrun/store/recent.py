"""What has been stored since a moment: only new segments are read, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mtlrun.store.files import listed_file
from mtlrun.store.segments import ENDING, Segments, VanishedError
from mtlrun.store.store import Store


class Recent:
    """Runs that have been stored since.

    Args:
        store: that is looked at.
        known: the names of the segments that it had, as of `Store.segment_names`.
    """

    def __init__(self, store: Store, known: Collection[str]) -> None:
        self._store, self._segments = store, Segments(store.path)
        self._seen = set(known)
        self._begins = {_begin(name) for name in known}  # merged segments have that of one of theirs
        self._statuses: dict[str, str] = {}

    def statuses(self) -> Mapping[str, str]:
        """Return by run id the status of each run that has been stored since; also of one that failed once more.

        Raises:
            StoreError: the store cannot be read.
        """
        for name in sorted(self._store.segment_names() - self._seen):
            self._seen.add(name)
            if _begin(name) in self._begins:
                continue
            try:
                table = self._segments.read(listed_file(self._store.path / name), ("run_id", "status"))
            except (VanishedError, FileNotFoundError):  # merged into another one
                self._take({r: s for r, s in self._store.statuses().items() if s != "failed"})
                continue
            self._take(dict(zip(*(table[key].to_pylist() for key in ("run_id", "status")), strict=True)))
        return self._statuses

    def _take(self, found: Mapping[str, str]) -> None:
        for run_id, status in found.items():
            if self._statuses.get(run_id, "failed") == "failed":
                self._statuses[run_id] = status


def _begin(name: str) -> str:
    return name.removesuffix(ENDING).partition("-")[0]
