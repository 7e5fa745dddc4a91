"""Python values as overrides: Hydra's parser gives back an equal value, of the same type."""

from __future__ import annotations

import math
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlrun.compose import jobs_of, override_text
from mtlrun.errors import ConfigError


def read(text: str) -> Any:
    (override,) = OverridesParser.create().parse_overrides([text])
    assert override.key_or_group == "suite.x"
    assert not override.is_sweep_override()
    return override.value()


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and list(one) == list(other) and all(same(one[k], other[k]) for k in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    return type(one) is type(other) and one == other


words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*", fullmatch=True)
odd = st.text(st.sampled_from("\\\"'ab,=:[]{}()$ \t\n#~@+é0.-*%"), max_size=12)
leaves = words | st.none() | st.booleans() | st.integers() | st.floats() | odd | st.text(max_size=20)
keys = words.filter(lambda k: k.lower() not in ("true", "false", "null", "nan", "inf"))
values = st.recursive(
    leaves, lambda v: st.lists(v, max_size=4) | st.dictionaries(keys, v, max_size=3), max_leaves=6
)


@settings(max_examples=100, deadline=None)
@given(values)
def test_hydras_parser_gives_back_an_equal_value(value):
    assert same(read(override_text("suite.x", value)), value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("digits_two", "digits_two"),
        ("a/b.csv", "a/b.csv"),
        ("a,b", '"a,b"'),
        ("NULL", '"NULL"'),
        ("1", '"1"'),
        ("", '""'),
        ('say "no"\\', r'"say \"no\"\\"'),
        ("\\\n", '"\\\n"'),  # the line break is no end of the text
        (None, "null"),
        (True, "true"),
        (1e-05, "1e-05"),
        ([1, "a b", None], '[1,"a b",null]'),
        ({"low": 0.1, "log": True}, "{low:0.1,log:true}"),
        ((1, 2), "[1,2]"),
        (np.float64(0.5), "0.5"),
        (np.int64(3), "3"),
        (np.array([1, 2]), "[1,2]"),
        (IntEnum("N", "one")(1), "1"),
    ],
)
def test_texts(value, text):
    assert override_text("suite.x", value) == f"suite.x={text}"


@pytest.mark.parametrize("value", [{"a b": 1}, {"1": 1}, {"null": 1}, {2: 1}, {1, 2}, object(), [b"x"], 1j])
def test_what_hydra_cannot_be_told_is_refused(value):
    with pytest.raises(ConfigError, match=r"`suite\.x` must"):
        override_text("suite.x", value)


def test_values_arrive_in_a_job_as_they_are():
    given = {"study": "a, 'b' = \"c\"\\", "suite.label_noise": {"digit": 0.3}, "seeds": [3, 7], "save": None}
    given |= {"store": str(Path("with space") / "~x"), "model": "linear"}
    (job,) = jobs_of([override_text(key, value) for key, value in given.items()])
    found = {**job, "suite.label_noise": job["suite"]["label_noise"], "model": "linear"}
    assert {key: found[key] for key in given} == given
    assert job["model"]["_target_"] == "mtlrun.models.linear.Linear"
