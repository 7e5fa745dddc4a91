from __future__ import annotations

from mtlrun.gate.differences import config_changes

BEFORE = {
    "optimizer": {"_target_": "mtlrun.Adam", "lr": 0.01},
    "suite": {"tasks": ["a", "b"]},
    "dtype": "float32",
    "sources": {"mine.A": "1", "mine.B": "1"},
}


def test_settings_and_own_code_that_differ_are_named() -> None:
    after = {
        "optimizer": {"_target_": "mtlrun.Adam", "lr": 0.1, "decay": 0},
        "suite": {"tasks": ["a"]},
        "dtype": "float32",
        "sources": {"mine.A": "2", "mine.B": "1"},
        "seed": 3,
    }
    assert config_changes(BEFORE, after) == [
        "optimizer.lr 0.01 -> 0.1",
        'suite.tasks ["a", "b"] -> ["a"]',
        "optimizer.decay not set -> 0",
        "code of mine.A",
    ]
    assert "optimizer.decay not set -> 0" not in config_changes(BEFORE, after, only_common=True)


def test_the_same_config_has_no_changes() -> None:
    assert config_changes(BEFORE, {**BEFORE, "seed": 1}) == []
