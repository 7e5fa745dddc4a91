"""Text as LaTeX sets it, and how wide it will be."""

from __future__ import annotations

import re

from mtlrun.report.text.number_format import true_minus

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "±": r"$\pm$",
    "−": r"$-$",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "†": r"\dag{}",
    "▼": r"$\blacktriangledown$",
    "▲": r"$\blacktriangle$",
    "…": r"\ldots{}",
    "\N{NO-BREAK SPACE}": "~",
    **{sign: f"\\{sign}" for sign in "&%$#_"},
}
_LIGATURES = re.compile(r"(?<=[-,'!?])(?=[-,'])")
"""Between signs that fonts would join, as -- to a dash."""

_PIECES = re.compile(r"(?<=[_/=,.])(?=[^\W\d])")
"""Where a word may go on in a new line."""

_EXPONENT = re.compile(r"(?<=\d)e([+-])0*(\d+)")
_LAST_LATIN = 0x17F
"""LaTeX knows the letters up to here without further packages."""

_WIDTHS = {
    **dict.fromkeys("ijl.,:;!'|`()[] ", 0.3),
    **dict.fromkeys("fst-rI/", 0.41),
    **dict.fromkeys("acegoz0123456789?", 0.53),
    **dict.fromkeys("bdhnpquvxykJS_", 0.59),
    **dict.fromkeys("mwMWOQGDHNUKAXV%&@", 0.9),
    **dict.fromkeys("+=<>±−~×", 0.83),
    **dict.fromkeys("∞▼▲", 1.06),
}
_OTHER = 0.78
"""Widths in em of Computer Modern at 8 points, the widest of the usual fonts."""


def escape(text: str) -> str:
    """Return text that LaTeX sets as it is, with any engine; minus signs in front of numbers are true ones.

    What no plain LaTeX can set, as Chinese letters, is given by its number, as U+4E2D.
    """
    text = _LIGATURES.sub("\0", true_minus(" ".join(text.split(" "))))
    return _EXPONENT.sub(_power, "".join(map(_escaped, text)))


def breakable(text: str, room: float) -> str:
    """Return text as `escape` does, which may go on in a new line behind _ and the like, and within words too long.

    Args:
        text: the text.
        room: width of a line in em.
    """
    words = []
    for word in text.split():
        pieces = _PIECES.split(word)
        parts = [p for piece in pieces for p in (piece if width(piece) > room else [piece])]
        words.append(r"\hspace{0pt}".join(map(escape, parts)))
    return " ".join(words)


def longest_piece(text: str) -> float:
    """Return the width in em of the longest part of a text that `breakable` keeps together where there is room."""
    return max((width(piece) for word in text.split() for piece in _PIECES.split(word)), default=0.0)


def width(text: str) -> float:
    """Return about how wide text is, in em, with some reserve."""
    return sum(_WIDTHS.get(sign, _OTHER) for sign in text)


def label(*names: str) -> str:
    """Return the name of a label, as tab:quickstart."""
    return "tab:" + "-".join(re.sub(r"[^A-Za-z0-9_.+]+", "-", name).strip("-") or "x" for name in names)


def _escaped(sign: str) -> str:
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    if sign == "\0":
        return "{}"
    if not sign.isprintable():
        return " "
    return sign if ord(sign) <= _LAST_LATIN else f"U+{ord(sign):04X}"


def _power(found: re.Match[str]) -> str:
    sign = "-" if found[1] == "-" else ""
    return rf"$\times10^{{{sign}{found[2]}}}$"
