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
    assert memo(note, {"a": 1, "b": 2}) == memo(note, {"b": 2, "a": 1}) == 1
    assert (memo(note, {"a": 1.0, "b": 2}), memo(note, {"a": True, "b": 2})) == (2, 3)
    assert memo.keyed("key", note, 5) == memo.keyed("key", note, 6) == 4
    assert Memo()(note, {"a": 1, "b": 2}) == 5


def test_functions_are_told_apart_and_failures_are_not_kept():
    memo = Memo()
    assert (memo(abs, -1), memo(str, -1)) == (1, "-1")
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            memo(int, "x")


def test_keys_that_have_no_order_are_told_apart_too():
    memo = Memo()
    assert memo(len, {1: 2, "a": 3}) == 2
    assert memo(str, {1: 2, "a": 3}) != memo(str, {1: 2, "a": 4})
