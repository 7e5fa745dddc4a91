"""Results kept by the content of arguments."""

from __future__ import annotations

import pytest

from mtlrun.memo import Memo


def test_equal_arguments_are_worked_out_once():
    calls: list[object] = []

    def note(value: object) -> int:
        calls.append(value)
        return len(calls)

    memo = Memo()
    for value, number in (
        ({"a": 1, "b": 2}, 1),
        ({"b": 2, "a": 1}, 1),
        ({"a": 1.0, "b": 2}, 2),
        ({"a": True}, 3),
    ):
        assert memo(note, value) == number
    assert Memo()(note, {"a": 1, "b": 2}) > 3


def test_functions_are_told_apart_and_failures_are_not_kept():
    memo = Memo()
    assert (memo(abs, -1), memo(str, -1)) == (1, "-1")
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            memo(int, "x")
