"""What a run recorded is held against its types when it is read, and stays text until a part is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mtlrun.store.runs.recorded_types import read_recorded

_COST = {
    "wall_s": 1,
    "steps": 20,
    "lanes": 4.0,
    "parameters_shared": 7,
    "parameters_task": {"left": 2},
    "width": {"by": "timing", "run_steps_per_s": {"4": 2.5}},
}
_DIAGNOSTICS: dict[str, Any] = {
    "constant_guess": {"left": 0.5, "right": None},
    "merges": [],
    "steps": [10, 20],
    "weights": [[1.0, 1.0], None],
    "gradient_cosines": [[-0.5], [None]],
    "gradients": {"steps": [1], "later": "versions may add parts"},
}


@pytest.mark.parametrize("value", [_COST, _DIAGNOSTICS, {}, _DIAGNOSTICS | {"gradient_cosines": [0.5, None]}])
def test_reads_back_as_it_was_written(value: dict[str, Any]) -> None:
    column = "cost" if "wall_s" in value else "diagnostics"
    found = read_recorded(column, json.dumps(value, separators=(",", ":")))
    assert dict(found) == value
    assert bool(found) is bool(value)
    assert [found[name] for name in value] == list(value.values())
    assert found.get("nothing") is None


def test_numbers_that_no_strict_json_has_are_numbers_of_what_was_measured() -> None:
    found = read_recorded("cost", json.dumps({**_COST, "wall_s": float("inf"), "peak_mib": float("nan")}))
    assert found["wall_s"] == float("inf")
    assert str(found["peak_mib"]) == "nan"


def test_two_runs_that_are_read_in_turns_do_not_mix() -> None:
    one, other = (read_recorded("cost", json.dumps({**_COST, "steps": steps})) for steps in (1, 2))
    assert [one["steps"], other["steps"], one["lanes"], one["steps"]] == [1, 2, 4.0, 1]


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("cost", {"wall_s": "1"}, r"`cost\.wall_s` must be a number$"),
        (
            "cost",
            {"parameters_task": {"left": -1}},
            r"`cost.parameters_task\[...\]` must be a whole number of at least 0$",
        ),
        ("cost", {"parameters_task": {"a\u0007": 1}}, r"matching regex"),
        ("cost", {"resumed_at": [0]}, r"`cost.resumed_at\[0\]` must be a whole number of at least 1$"),
        ("diagnostics", {"steps": [True, 2]}, r"`diagnostics.steps\[0\]` must be a whole number$"),
        ("diagnostics", {"weights": [[1.0], ["x"]]}, r"`diagnostics.weights\[1\]\[0\]` must be a number$"),
        ("diagnostics", {"gradient_cosines": ["x", 1.0]}, "must be a number or a list$"),
        (
            "diagnostics",
            {"weights": [[1.0]]},
            "`diagnostics.weights` must have a value for each of the `steps`",
        ),
        (
            "diagnostics",
            {"merges": [{"step": 1, "weights": [1.0]}, {"step": 2, "weights": []}]},
            "`diagnostics.merges` must all have as many `weights`",
        ),
        ("diagnostics", {"merges": [{"step": 1}]}, r"`diagnostics.merges\[0\].weights` must be there$"),
    ],
)
def test_what_does_not_fit_is_named(column: str, change: dict[str, Any], message: str) -> None:
    value = {"cost": _COST, "diagnostics": _DIAGNOSTICS}[column] | change
    with pytest.raises(ValueError, match=message):
        read_recorded(column, json.dumps(value))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"wall_s": 1' + "0" * 5000 + "}"], ids=str.__len__)
def test_what_is_no_json_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"`cost` is no JSON|`cost.*` is not what it must be"):
        read_recorded("cost", text)


def test_a_cost_that_is_not_empty_must_be_whole() -> None:
    with pytest.raises(ValueError, match=r"`cost\.steps` must be there"):
        read_recorded("cost", '{"wall_s": 1.0}')
