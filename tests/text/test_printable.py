from __future__ import annotations

import json
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest

from mtlrun.cli.output import say, tell
from mtlrun.text.printable import one_line, plain_json, printable, printable_parts
from mtlrun.text.spreadsheet import harmless


@pytest.mark.parametrize(
    ("sign", "shown"),
    [
        ("\x1b", r"\x1b"),
        ("\x00", r"\x00"),
        ("\r", r"\r"),
        ("\x7f", r"\x7f"),
        ("\x9b", r"\x9b"),
        ("\u202e", r"\u202e"),
        ("\u2066", r"\u2066"),
        ("\u200f", r"\u200f"),
        ("\u061c", r"\u061c"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("\uffff", r"\uffff"),
    ],
)
def test_signs_that_steer_are_shown(sign: str, shown: str) -> None:
    assert printable(f"a{sign}b") == one_line(f"a{sign}b") == f"a{shown}b"
    page = json.dumps({"name": f"a{sign}b"}, ensure_ascii=False)
    assert plain_json(page).isprintable() and json.loads(plain_json(page)) == {"name": f"a{sign}b"}
    ElementTree.fromstring(f"<a>{printable(sign)}</a>")


@pytest.mark.parametrize("text", ["", "left", "über", "数字", "עברית", "a\u00a0b", "‰ ± ▼", "🙂", "\\x1b"])
def test_other_text_stays(text: str) -> None:
    assert printable(text) == one_line(text) == plain_json(text) == text


def test_breaks_stay_in_text_and_not_in_names() -> None:
    assert printable("a\n\tb") == "a\n\tb"
    assert one_line("a\n\tb") == r"a\n\tb"


def test_parts_of_what_nests_are_shown() -> None:
    @dataclass(frozen=True)
    class Pair:
        name: str
        other: tuple[str, ...]

    found = printable_parts({"a\x1b": [Pair("b\x1b", ("c\x1b",)), 1.5, None, True]})
    assert found == {r"a\x1b": [Pair(r"b\x1b", (r"c\x1b",)), 1.5, None, True]}


def test_lines_and_messages_do_not_steer(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[2J\nb")
    tell("c\x9b2J\nd")
    told = capsys.readouterr()
    assert told.out == "a\\x1b[2J\nb\n"
    assert told.err == "c\\x9b2J\nd\n"


def test_cells_are_harmless_to_spreadsheets_and_terminals() -> None:
    assert harmless("=1+1\x1b") == "'=1+1\\x1b"
    assert harmless("\r=1") == "'\\r=1"
    assert harmless("-1.5e3") == "-1.5e3"
    assert harmless(-1.5) == -1.5
