"""Each number of the statistics is taken up to its documented limit, and refused at or beyond it."""

from __future__ import annotations

from typing import Any

import pytest

from mtlrun.statistics.settings import Statistics

JUST = 1e-9


def faulty(**settings: Any) -> list[str]:
    return [fault.key for fault in Statistics(**settings).faults()]


@pytest.mark.parametrize(
    ("key", "taken", "refused"),
    [
        ("alpha", (JUST, 0.5 - JUST), (0.0, 0.5)),
        ("margin", (0.0, 0.5, 1e9), (-JUST,)),
        ("power", (JUST, 1 - JUST), (0.0, 1.0)),
    ],
)
def test_numbers(key: str, taken: tuple[float, ...], refused: tuple[float, ...]) -> None:
    assert [faulty(**{key: value}) for value in taken] == [[]] * len(taken)
    assert [faulty(**{key: value}) for value in refused] == [[key]] * len(refused)


@pytest.mark.parametrize(
    ("method", "seeds_only"),
    [
        ("paired_t", False),
        ("bootstrap", False),
        ("anytime", False),
        ("sign_flip", True),
        ("wilcoxon", True),
    ],
)
def test_methods_over_seeds_are_refused_over_examples(method: str, seeds_only: bool) -> None:
    assert faulty(method=method) == ["method"] * seeds_only
    assert faulty(method=method, over="seeds") == []
