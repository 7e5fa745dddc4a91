"""Nodes become objects; every fault of a node is found before anything is built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from mtlrun.config import Configured, build, check_node, locate, to_node
from mtlrun.errors import ConfigError, Fault

HERE = f"{__name__}."


@dataclass
class Sample(Configured):
    """One field of every type that options use."""

    must: int
    rate: float = 0.5
    flag: bool = False
    word: str = "a"
    choice: Literal["low", "high"] = "low"
    size: int | Literal["full"] = 1
    maybe: float | None = None
    mixed: float | int | None = None
    rates: float | list[float] | dict[str, float] = 0.0
    counts: int | list[int] | dict[str, int] = 1
    names: list[str] | None = None
    anything: Any = None
    level: Literal["on", "off"] | None = None
    made: float = field(default=0.0, init=False)

    def faults(self) -> Iterator[Fault]:
        if self.rate > 1:
            yield Fault("rate", "must be at most 1", self.rate)
        if self.must < 0:
            yield Fault("must", "must not be negative", self.must)


def node(**fields: Any) -> dict[str, Any]:
    return {"_target_": HERE + "Sample", "must": 1, **fields}


def keys(faults: list[Fault]) -> list[str]:
    return [fault.key for fault in faults]


def test_a_good_node_has_no_faults_and_builds() -> None:
    given = node(rate=0.25, choice="high", size="full", rates=[0.1, 0.2], names=["a"])
    assert check_node("group", given) == []
    sample = build(given)
    assert isinstance(sample, Sample)
    assert (sample.must, sample.rate, sample.choice, sample.size) == (1, 0.25, "high", "full")


def test_every_fault_is_found_at_once() -> None:
    given = node(rate="fast", flag=1, nope=2, choice="middle")
    del given["must"]
    faults = check_node("group", given)
    expected = ["group.choice", "group.flag", "group.must", "group.nope", "group.rate"]
    assert sorted(keys(faults)) == expected
    text = {fault.key: str(fault) for fault in faults}
    assert text["group.rate"] == "`group.rate` must be a finite number, found 'fast'"
    assert text["group.flag"] == "`group.flag` must be true or false, found 1"
    assert text["group.choice"] == "`group.choice` must be low or high, found 'middle'"
    assert text["group.must"] == "`group.must` must be given"


def test_an_unknown_setting_is_told_with_its_near_matches() -> None:
    (fault,) = check_node("group", node(rat=1))
    assert fault.key == "group.rat"
    assert "did you mean rate or rates?" in str(fault)
    (fault,) = check_node("group", node(made=1.0))  # a field that is not given but computed
    assert fault.key == "group.made"


def test_the_classs_own_rules_come_after_the_types() -> None:
    assert keys(check_node("group", node(rate=2, must=-1))) == ["group.rate", "group.must"]
    assert keys(check_node("group", node(rate=2, must="x"))) == ["group.must"]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("must", [0, 7], [1.0, True, "1", None, [1]]),
        ("rate", [0, 0.5, -3], [True, "1", None, [0.5], float("nan"), float("inf"), -float("inf"), 10**400]),
        ("flag", [True, False], [0, 1, "true", None]),
        ("word", ["", "b"], [1, None, ["b"]]),
        ("choice", ["low", "high"], ["", "Low", 0, None, ["low"]]),
        ("size", [3, "full"], ["half", 3.0, True, None]),
        ("maybe", [None, 1, 0.5], ["x", False, []]),
        ("mixed", [None, 1, 0.5], ["x", False]),
        ("rates", [1, 0.5, [0, 1.5], {"a": 1}, []], ["x", [0.1, "x"], {"a": "x"}, None, [[0.1]], [None]]),
        ("counts", [1, [1, 2], {"a": 1}], [0.5, [1.5], {"a": 1.5}, [True]]),
        ("names", [None, [], ["a", "b"]], ["a", [1], {"a": "b"}]),
        ("anything", [None, 1, "x", [{}]], []),
        ("level", [None, "on"], [True, "none"]),
    ],
)
def test_types(name: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert check_node("group", node(**{name: value})) == [], value
    for value in bad:
        assert keys(check_node("group", node(**{name: value}))) == [f"group.{name}"], value


def test_types_are_told_as_a_user_would_say_them() -> None:
    faults = check_node("group", node(size=0.5, rates="x", names="x", maybe="x"))
    assert {fault.key.removeprefix("group."): fault.rule for fault in faults} == {
        "size": "must be a whole number or full",
        "rates": "must be a finite number or a list (each a finite number)"
        " or a mapping {name: value} (each value a finite number)",
        "names": "must be a list (each text) or null",
        "maybe": "must be a finite number or null",
    }


def test_whole_numbers_become_floats_only_where_floats_are_meant() -> None:
    sample = build(node(must=2, rate=1, maybe=3, mixed=4, rates=[1, 2], counts=[1, 2], anything=5))
    assert [type(v) for v in (sample.must, sample.rate, sample.maybe, sample.mixed)] == [
        int,
        float,
        float,
        int,
    ]
    assert [type(v) for v in sample.rates] == [float, float]
    assert [type(v) for v in sample.counts] == [int, int]
    assert type(sample.anything) is int
    by_name = build(node(rates={"a": 1}, counts={"a": 1}))
    assert [type(v["a"]) for v in (by_name.rates, by_name.counts)] == [float, int]
    assert type(build(node(rates=1)).rates) is float
    assert build(node(level=None)).level is None


def test_equal_settings_have_equal_nodes_however_they_were_written() -> None:
    one, other = build(node(rate=1, rates=[1])), build(node(rates=[1.0], rate=1.0, word="a"))
    assert to_node(one) == to_node(other)
    assert build(to_node(one)) == one
    assert set(to_node(one)) == {"_target_", *node(), *vars(one)} - {"made", "_built"}


@pytest.mark.parametrize("given", [{}, {"must": 1}, "sample", None, []])
def test_a_node_without_target(given: Any) -> None:
    assert keys(check_node("group", given)) == ["group"]


@pytest.mark.parametrize(
    "target",
    [
        "nowhere.at.All",
        "mtlrun.config.Missing",
        "mtlrun.config.build",  # a function
        "Sample",  # no module
        ".config.Configured",
        "mtlrun..Configured",
        "",
        None,
        3,
        "builtins.int",  # no dataclass
        "mtlrun.errors.ConfigError",
        "mtlrun.weighting.base.Weighting",  # abstract
    ],
)
def test_a_target_that_is_no_config_class(target: Any) -> None:
    assert keys(check_node("group", {"_target_": target, "must": "x"})) == ["group._target_"]
    with pytest.raises(ConfigError, match="_target_"):
        locate(target)
