"""What several test files share."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import Result, mtlrun, tiny


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
