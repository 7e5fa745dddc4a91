r"""Text as it leaves the program: what would steer a terminal or turn the order of signs is shown as an escape.

Names come from tables, folders, classes, stores and lock files of other people. Control characters in them could
clear a screen, rename a window or hide a line; marks of writing direction could make a name read as another one; and
neither XML nor UTF-8 files take all of them. In output for people they are shown as Python writes them, as `\x1b`.
Files for programs keep the text: Parquet as it is, JSON as its own escapes.

Each kind of output goes through this module in one place: reports and pictures where they are rendered
(`mtlrun.report.printable_summary`), the gate where its result is, messages and lines of the command line in
`mtlrun.cli.output`, remarks in `mtlrun.progress`, cells of CSV files in `mtlrun.text.spreadsheet`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Unicode, Bidirectional Algorithm, table 4
_NOT_IN_FILES = "\ud800-\udfff\ufffe\uffff"  # halves of signs, and what XML 1.0 leaves out
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029" + _DIRECTION + _NOT_IN_FILES
_UNSAFE = re.compile(f"[{_CONTROL}]")
_UNSAFE_IN_LINE = re.compile(f"[\t\n{_CONTROL}]")
_JSON_KEEPS = re.compile(f"[\x7f-\x9f\u2028\u2029{_DIRECTION}{_NOT_IN_FILES}]")


def printable(text: str) -> str:
    r"""Return text of several lines with control characters and marks of direction as escapes; \t and \n stay."""
    return _UNSAFE.sub(_escape, text)


def one_line(text: str) -> str:
    """Return a name, which has no line breaks and tabs either, with all of these as escapes."""
    return _UNSAFE_IN_LINE.sub(_escape, text)


def plain_json(text: str) -> str:
    r"""Return JSON in which these characters are written as `\u202e`, so that it reads back as it was."""
    return _JSON_KEEPS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def printable_parts(value: Any) -> Any:
    """Return a value in whose texts, keys too, all is printable: of mappings, sequences and dataclasses."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Mapping):
        return {printable_parts(key): printable_parts(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(printable_parts(part) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        changes = {
            field.name: printable_parts(getattr(value, field.name)) for field in fields(value) if field.init
        }
        return replace(value, **changes)
    return value


def _escape(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]
