"""Two runs agree in a measure where the ranges that they state overlap."""

from __future__ import annotations

from typing import Any

from benchmarks.compare import compared


def _measure(name: str, low: float, high: float) -> dict[str, Any]:
    return {"work": "w", "measure": name, "value": {"median": (low + high) / 2, "low": low, "high": high}}


def test_ranges_that_overlap_agree_and_others_do_not() -> None:
    before = [_measure("same", 1.0, 2.0), _measure("faster", 1.0, 2.0), _measure("slower", 1.0, 2.0)]
    now = [_measure("same", 2.0, 3.0), _measure("faster", 2.1, 3.0), _measure("slower", 0.1, 0.9)]
    assert [(b["measure"], agrees) for _, b, agrees in compared(before, now)] == [
        ("same", True),
        ("faster", False),
        ("slower", False),
    ]


def test_a_measure_of_one_run_only_is_not_compared() -> None:
    assert compared([_measure("old", 1, 2)], [_measure("new", 1, 2)]) == []
