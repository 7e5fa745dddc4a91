"""What several test files share."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

import pytest
from support.commands import Result, mtlrun, tiny


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is slow
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow all but every n-th case of a test that is marked `sample(n)`."""
    seen: Counter[str] = Counter()
    for item in items:
        mark = item.get_closest_marker("sample")
        if mark is not None:
            test = item.nodeid.partition("[")[0]
            if seen[test] % mark.args[0]:
                item.add_marker("slow")
            seen[test] += 1


def pytest_collection_finish() -> None:
    """Let no later garbage collection search what collecting some 12,000 tests has made."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Plugins that end look for what refers to their objects."""
    gc.unfreeze()


class Trained:
    """A tiny study that is trained once: its store, its overrides, and what the command gave."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.overrides = tiny(store, "weighting=equal,pcgrad")
        self.result: Result = mtlrun("run", *self.overrides)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A trained study with two weightings. Tests leave its store as it is."""
    return Trained(tmp_path_factory.mktemp("trained") / "store")
