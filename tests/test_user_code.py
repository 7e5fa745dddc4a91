"""Other people's classes and functions: found, called with arguments that they have, told when they fail."""

from __future__ import annotations

import pytest

from mtlrun.errors import ConfigError
from mtlrun.user_code import argument_faults, arguments_of, blaming, find, targets_in, told


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


def test_what_other_people_s_code_raises_names_their_class_and_line(tmp_path, monkeypatch):
    (tmp_path / "foreign_raises.py").write_text(
        "import json\n\n\nclass Own(Exception): ...\n\n\ndef own():\n    raise Own('a\\nb')\n\n\n"
        "def inside():\n    json.loads('{')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name, what in (
        ("own", r"Own: a \(foreign_raises.py, line 8, in own\)$"),
        ("inside", r"JSONDecodeError: .* \(foreign_raises.py, line 12, in inside\)$"),
    ):
        with (
            pytest.raises(ConfigError, match=f"`suite` fails in foreign_raises.{name}: {what}"),
            blaming("suite", f"foreign_raises.{name}"),
        ):
            find(f"foreign_raises.{name}")()


def test_our_own_errors_and_those_that_are_told_already_stay_as_they_are():
    with pytest.raises(ZeroDivisionError), blaming("suite", "mtlrun.data.suite.Suite"):
        raise ZeroDivisionError
    with pytest.raises(ConfigError, match=r"^bad config: as it was$"), blaming("suite", "mine.Suite"):
        raise ConfigError(["as it was"])
    with pytest.raises(KeyboardInterrupt), blaming("suite", "mine.Suite"):
        raise KeyboardInterrupt
