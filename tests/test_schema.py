"""Schemas name the key and show the value."""

from __future__ import annotations

from typing import Any

import pytest

from mtlrun.schema import (
    Schema,
    fields,
    flag,
    list_of,
    listed,
    map_of,
    maybe,
    number,
    one_of,
    parse,
    text,
    whole,
)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (text, ["", "ä"], [None, 1, "\ud800", "\x1b[2J"]),
        (number, [0, -1.5, 2**60], [True, None, float("nan"), float("inf"), 10**400, "1"]),
        (whole(1), [1, 2**60], [0, 1.0, True, 2**63, None]),
        (flag, [True], [1, None]),
        (one_of("a", "b"), ["a"], ["c", None, ["a"], {}]),
        (maybe(flag), [None, True], [0]),
        (list_of(flag, least=1), [[True]], [[], {}, "", [1]]),
        (map_of(flag), [{}, {"a": True}], [[], {"a": 1}, {"\ud800": True}]),
        (fields({"a": flag}, {"b": flag}), [{"a": True, "c": 1}], [{}, {"a": True, "b": 1}, []]),
    ],
)
def test_schema_takes_the_good_and_tells_the_bad(schema: Schema, good: list[Any], bad: list[Any]) -> None:
    assert [list(schema(value, "k")) for value in good] == [[]] * len(good)
    for value in bad:
        found = list(schema(value, "k"))
        assert found and found[0].key.startswith("k") and str(found[0]).isprintable(), value


def test_fault_shows_where_and_what() -> None:
    schema = fields({"cells": list_of(fields({"runs": list_of(text)}))})
    (found,) = schema({"cells": [{"runs": []}, {"runs": ["a", None]}]}, "")
    assert str(found) == "`cells[1].runs[1]` must be text, found null"


def test_long_values_and_many_faults_are_cut() -> None:
    faults = list(list_of(flag)([["x" * 999]] * 30, "k"))
    assert len(str(faults[0])) < 200
    assert listed(faults).count("\n") == 10 and listed(faults).endswith("and 20 more")


@pytest.mark.parametrize("content", ["", "{", b"\xff\xfe\x00", "[" * 100_000])
def test_what_is_no_json_is_a_value_error(content: str | bytes) -> None:
    with pytest.raises(ValueError):
        parse(content)
