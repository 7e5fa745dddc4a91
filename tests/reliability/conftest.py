"""What the searches share: a stored study in a working folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.commands import mtlrun, tiny
from support.fuzz.outcome import Search, scarce_memory

from mtlrun.store.store import Store


class Stored(NamedTuple):
    """A tiny study with weights, and its lock; they are left as they are.

    Attributes:
        store: its folder.
        lock: a file.
        run_id: of a run with weights.
    """

    store: Path
    lock: Path
    run_id: str


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    folder = tmp_path_factory.mktemp("stored")
    store, lock = folder / "runs", folder / "lock.json"
    words = tiny(store, "suite=linear_teachers", "mitigation=none,pcgrad", "save=best", "study=s")
    assert mtlrun("sweep", *words).code == 0
    assert mtlrun("lock", str(store), "-o", str(lock)).code == 0
    return Stored(store, lock, Store(store).read_study("s")["cells"][0]["runs"][0])


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Search]:
    """A search in an empty working folder, with little memory and without the Hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    with scarce_memory():
        yield Search(tmp_path)


@pytest.fixture
def own_copy(stored: Stored, tmp_path: Path) -> Stored:
    """A copy of the stored study in the working folder, which commands may write to."""
    shutil.copytree(stored.store, tmp_path / "runs")
    shutil.copy(stored.lock, tmp_path / "lock.json")
    return Stored(tmp_path / "runs", tmp_path / "lock.json", stored.run_id)
