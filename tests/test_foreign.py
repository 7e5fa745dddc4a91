"""Other people's classes and functions: found, called with arguments that they have, told when they fail."""

from __future__ import annotations

import pytest

from mtlrun.errors import ConfigError
from mtlrun.foreign import argument_faults, arguments_of, find, targets_in, told


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "foreign_pack.py").write_text(
        "def takes(a, b=1, *, c): ...\ndef anything(**more): ...\nnumber = 3\n"
    )
    (tmp_path / "foreign_broken.py").write_text("import math\nmath.no_such_name\n")
    (tmp_path / "foreign_lacking.py").write_text("import surely_not_installed\n")
    (tmp_path / "foreign_syntax.py").write_text("def (\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_what_can_be_called_is_found(package):
    assert find("foreign_pack.takes").__name__ == "takes"
    assert find("collections.OrderedDict").__name__ == "OrderedDict"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("foreign_pack.nothing", "module foreign_pack has no class or function nothing, found"),
        ("foreign_pack.anythin", "did you mean foreign_pack.anything or"),
        ("foreign_pack.number", "no class or function number"),
        ("no_such_pack.inner.Thing", "there is no module no_such_pack, found"),
        ("foreign_broken.Thing", "its module fails with AttributeError"),
        ("foreign_lacking.Thing", "its module fails with ModuleNotFoundError"),
        ("foreign_syntax.Thing", "its module fails with SyntaxError"),
        ("Thing", "can be imported"),
        (".Thing", "can be imported"),
        ("a..Thing", "can be imported"),
        (3, "can be imported"),
        (None, "can be imported"),
    ],
)
def test_what_cannot_be_found_is_told(package, target, words):
    with pytest.raises(ConfigError) as error:
        find(target)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "given", "faulty"),
    [
        ({"a": 1, "c": 2}, 0, []),
        ({"a": 1}, 0, ["c"]),
        ({}, 0, ["a", "c"]),
        ({"a": 1, "c": 2, "d": 3}, 0, ["d"]),
        ({"c": 2}, 1, []),
        ({"a": 1, "c": 2}, 1, ["a"]),
    ],
)
def test_arguments_are_those_of_the_signature(package, arguments, given, faulty):
    found = argument_faults({"_target_": "foreign_pack.takes", **arguments}, given)
    assert [fault.key for fault in found] == faulty
    assert argument_faults({"_target_": "foreign_pack.anything", **arguments}) == []


def test_arguments_that_are_objects_themselves_are_built():
    node = {"_target_": "x.Y", "half": {"_target_": "fractions.Fraction", "numerator": 1, "denominator": 2}}
    built = arguments_of({**node, "many": [node["half"], 3], "plain": {"half": node["half"]}})
    assert str(built["half"]) == "1/2"
    assert built["many"] == [built["half"], 3] and built["plain"] == {"half": built["half"]}
    assert list(targets_in({**node, "many": [node["half"]]})) == ["x.Y", *["fractions.Fraction"] * 2]


def test_an_error_is_told_in_one_line():
    assert told(ValueError("one\ntwo")) == "ValueError: one"
    assert told(ValueError()) == "ValueError"
