from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mtlrun.errors import ConfigError
from mtlrun.gate.formats import FORMATS, check_format, render
from mtlrun.gate.result import OUTCOMES, GateResult, GateRow, ordered
from mtlrun.gate.terminal import to_terminal
from mtlrun.report.formats.terminal import Style
from mtlrun.statistics.change import Change

AWKWARD = 'a|b <c> & "d"\x07'
FOUND = Change(-0.018, 0.01, 8, True, False, 0.001, 1.0, 0.99, error=0.0035, freedom=7.0)
LOCKED = {
    **dict.fromkeys(("metric", "direction", "heads", "weighting", "schedule", "regularization"), "x"),
    "suite": "pair",
    "task": "left",
    "sharing": "hard",
    "mitigation": "pcgrad",
    "cell_id": "c0",
    "hyper": {"model.width": 16},
    "scale": 0.9,
    "verdict": "neutral",
    "seeds": list(range(8)),
    "gains": [0.009] * 8,
    "margin": 1.0,
    "n_diverged": 0,
}


def row(outcome: str, **changes: object) -> GateRow:
    given = {"verdict": "negative", "seeds_needed": None, "changed": (), "n_diverged": 0, "found": FOUND}
    return GateRow(locked=LOCKED, outcome=outcome, margin=1.0, **{**given, **changes})  # type: ignore[arg-type]


def result(*rows: GateRow) -> GateResult:
    return GateResult("main", ordered(list(rows)), 1, ["torch 2.6 -> 2.7"], alpha=0.05)


EVERY = result(*(row(outcome) for outcome in OUTCOMES))


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (("pass", "improved", "changed verdict"), 0),
        (("pass", "underpowered"), 3),
        (("pass", "missing"), 3),
        (("regressed", "underpowered", "missing"), 1),
    ],
)
def test_exit_codes(outcomes: tuple[str, ...], code: int) -> None:
    assert result(*map(row, outcomes)).exit_code == code


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_task_strategy_and_what_changed(name: str) -> None:
    changed = ("optimizer.lr 0.01 -> 0.1", "code of mine.weighting.Inverse")
    text = " ".join(render(result(row("regressed", changed=changed)), name).split())
    for words in (
        "left",
        "pcgrad",
        "model.width",
        "torch 2.6 -",
        "optimizer.lr",
        "code of mine.weighting.Inverse",
    ):
        assert words in text
    assert render(EVERY, name).endswith("\n")


def test_junit_counts_and_holds_any_text() -> None:
    locked = {**LOCKED, "task": AWKWARD, "suite": AWKWARD, "hyper": {AWKWARD: AWKWARD}}
    rows = [replace(one, locked=locked, changed=(AWKWARD,)) for one in EVERY.rows]
    page = ElementTree.fromstring(render(replace(EVERY, rows=rows, study=AWKWARD), "junit"))
    (suite,) = page
    assert suite.attrib == {"name": 'a|b <c> & "d"\\x07', "tests": "6", "failures": "1", "errors": "2"}
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ['a|b <c> & "d"\\x07'] * 6
    assert [child.tag for case in cases for child in case] == ["failure", "error", "error"] + [
        "system-out"
    ] * 3
    assert [bad.get("type") for bad in suite.iter("error")] == ["missing", "underpowered"]
    assert "change %: -2.00" in suite.findall(".//failure")[0].text  # type: ignore[operator]


def test_json_has_numbers_and_nulls() -> None:
    page = json.loads(render(result(row("underpowered", found=None, seeds_needed=40), row("pass")), "json"))
    assert (page["schema_version"], page["result"], page["exit_code"]) == (1, "undecided", 3)
    undecided, passed = page["rows"]
    assert (undecided["outcome"], undecided["change"], undecided["seeds_needed"]) == (
        "underpowered",
        None,
        40,
    )
    assert (passed["change"], passed["n_seeds"], passed["paired"]) == (-0.018, 8, True)
    assert page["environment"] == ["torch 2.6 -> 2.7"]


def test_how_many_seeds_would_decide_and_whether_the_lock_has_them() -> None:
    assert "about 7 seeds would decide whether the margin is lost |" in render(
        result(row("underpowered", seeds_needed=7)), "md"
    )
    assert "about 40 seeds would decide whether the margin is lost, and the lock has 8 |" in render(
        result(row("underpowered", seeds_needed=40)), "md"
    )


def test_a_narrow_terminal_loses_nothing() -> None:
    text = to_terminal(EVERY, Style(30, False, True))
    assert text.isascii()
    words = text.split()
    for outcome in OUTCOMES:
        assert set(outcome.split()) <= set(words)
    assert text.count("pcgrad") == text.count("model.width=16") == text.count("-> negative") == 6


def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken() -> None:
    changes = ("code of mtlrun.weighting.pcgrad", "optimizer.lr 0.01 -> 0.1")
    rows = [row("pass", changed=changes), row("underpowered", changed=changes[:1], seeds_needed=33)]
    for width in (200, 120, 100, 90):
        text = to_terminal(result(*rows), Style(width))
        assert max(map(len, text.splitlines())) <= width
        assert {"optimizer.lr", "-2.00", "model.width=16"} <= set(text.split())


@pytest.mark.parametrize("name", ["terminal", "md"])
def test_what_all_rows_share_is_said_once_below_the_table(name: str) -> None:
    rows = [row("pass", changed=("code of x.Y", "optimizer.lr 0.01 -> 0.1")) for _ in range(3)]
    text = render(result(*rows), name)
    assert text.count("optimizer.lr 0.01 -") == 1
    assert text.splitlines()[-1].startswith("Of every row: changed: code of x.Y, optimizer.lr 0.01 -")
    rows[1] = row("pass", changed=("code of x.Y",), n_diverged=1)
    text = render(result(*rows), name)
    assert text.splitlines()[-1] == "Of every row: changed: code of x.Y."
    assert text.count("code of x.Y") == 1 and 1 <= text.count("optimizer.lr 0.01 -") <= 2
    assert text.count("1 seed diverged") == 1
    alone = render(result(row("pass", changed=("code of x.Y",))), name)
    assert "Of every row" not in alone and alone.count("code of x.Y") == 1


@pytest.mark.parametrize(
    ("name", "output", "meant"),
    [
        (None, None, "terminal"),
        (None, "x.md", "md"),
        (None, "x.xml", "junit"),
        (None, "x.json", "json"),
        (None, "x", "terminal"),
        ("json", "x.md", "json"),
    ],
)
def test_the_ending_of_a_file_tells_its_format(name: str | None, output: str | None, meant: str) -> None:
    assert check_format(name, output) == meant


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean junit"):
        check_format("juni", None)
    with pytest.raises(ConfigError, match=r"`--output` must be a file .* \.md, \.xml, \.json"):
        check_format(None, "x.csv")


def test_a_study_of_another_name_is_named() -> None:
    assert "again, held against the lock of main, passed" in render(
        replace(result(row("pass")), held="again"), "md"
    )
