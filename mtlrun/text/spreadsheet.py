"""Text that a spreadsheet would run as a formula, when it opens a file of values between delimiters.

A `'` in front is what OWASP advises (CSV Injection).
"""

from __future__ import annotations

import re
from typing import Any

from mtlrun.text.printable import printable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def harmless(value: Any) -> Any:
    """Return a cell's value, with a `'` in front where it is text that would be run as a formula.

    Control characters become escapes. Numbers stay numbers, and so does text that is a number and nothing else, as
    the class `-1`.
    """
    if not isinstance(value, str):
        return value
    runs = value.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(value)
    return printable(f"'{value}" if runs else value)
