"""What a word that is no key and no group probably meant: an option by its bare name, a setting by its last part."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

MOST = 4
"""Guesses that are worth reading."""

CUTOFF = 0.8


def guesses(word: str, options: Mapping[str, Iterable[str]], settings: Iterable[str]) -> list[str]:
    """Return what may have been meant, as `weighting=pcgrad` or `optimizer.lr`; exact names before near ones.

    Args:
        word: what was given, without a value.
        options: by group.
        settings: dotted keys.
    """
    last = word.rpartition(".")[2]
    by_name: dict[str, list[str]] = {}
    for key in dict.fromkeys(settings):
        if "." in key:
            by_name.setdefault(key.rpartition(".")[2], []).append(key)
    for group, names in options.items() if last == word else ():
        for name in names:
            by_name.setdefault(name, []).append(f"{group}={name}")
    names = [last] if last in by_name else difflib.get_close_matches(last, by_name, n=MOST, cutoff=CUTOFF)
    return list(dict.fromkeys(found for name in names for found in by_name[name] if found != word))[:MOST]


def question(found: Iterable[str]) -> str:
    """Return guesses as the end of a rule; "" without any."""
    text = " or ".join(f"`{guess}`" for guess in found)
    return f"; did you mean {text}?" if text else ""
