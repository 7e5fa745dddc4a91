"""What a command tells others of itself."""

from __future__ import annotations

from pathlib import Path

from mtlrun.execution.coordination.claims import Claims
from mtlrun.execution.coordination.heartbeat import Heartbeat
from mtlrun.store.store import Store


def test_nobody_hears_of_a_command_before_it_begins_or_after_it_ends(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with Heartbeat(store, "main", ["seeds=2"]) as heartbeat:
        heartbeat.claim(["a"])
        assert heartbeat.launchers.running() == []
        heartbeat.begin(100, "1 process")
        (one,) = heartbeat.launchers.running()
        assert (one.key, one.facts["study"], one.facts["claims"]) == (heartbeat.key, "main", ["a"])
    assert heartbeat.launchers.running() == []


def test_a_command_does_not_take_its_own_claims_for_others(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create()
    with Heartbeat(store, "main", []) as heartbeat:
        heartbeat.begin(100, "1 process")
        claims = Claims(store, heartbeat=heartbeat)
        assert claims.take(["a", "b"]) == claims.take(["a", "b"]) == (["a", "b"], [], {})
        assert Claims(store).take(["a", "c"]) == (["c"], ["a"], {})
