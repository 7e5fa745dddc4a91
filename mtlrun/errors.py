"""Errors that a user can mend: one clear message, exit code 2, no traceback."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

MOST_CHOICES = 100  # that a message lists, as columns of a table
MOST_PARTS = 1000  # layers of a network, experts, or phases of a schedule
TEXT_KEYS = (
    "must have keys that are text, so quote this one (YAML reads a bare on, off, yes or no as true or false)"
)


class MtlrunError(Exception):
    """Base of every error that is shown to the user as a message."""

    exit_code = 2


class Fault(NamedTuple):
    """One thing wrong with a setting: its key, the rule, the value found, and the valid choices."""

    key: str
    rule: str
    found: Any = None
    choices: Sequence[str] = ()

    def __str__(self) -> str:
        text = f"`{self.key}` {self.rule}"
        if self.found is not None:
            text += f", found {shown(self.found)}"
        if self.choices:
            if self.found is not None:
                text += did_you_mean(self.found, self.choices, "; {}")
            more = len(self.choices) - MOST_CHOICES
            listed = ", ".join(str(c) for c in self.choices[:MOST_CHOICES])
            text += f" (choices: {listed}{f' and {more:,} more' if more > 0 else ''})"
        return text


def part_faults(key: str, count: int, remark: str = "", least: int = 1) -> Iterator[Fault]:
    """Yield a fault where a network, or a course of training, has too few or too many parts.

    Each part is written out, as a layer, an expert or a phase, so a slip would take all memory.

    Args:
        key: of the setting.
        count: its value.
        remark: what to choose in place of fewer, in brackets.
        least: parts that there must be.
    """
    if count < least:
        yield Fault(key, f"must be at least {least}{remark and ' ' + remark}", count)
    elif count > MOST_PARTS:
        yield Fault(key, f"must be at most {MOST_PARTS:,}", count)


def shown(value: Any) -> str:
    """Return a value as Python writes it, with plain numbers in place of NumPy's."""
    return repr(_plain(value))


def _plain(value: Any) -> Any:
    numpy = sys.modules.get("numpy")  # there are none of its numbers where nobody has imported it
    if numpy is not None and isinstance(value, numpy.generic | numpy.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {_plain(key): _plain(part) for key, part in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(_plain(part) for part in value)
    return value


def did_you_mean(found: Any, choices: Iterable[Any], form: str) -> str:
    """Return which choices are near, in a question put into the braces of `form`; "" where none are."""
    near = difflib.get_close_matches(str(found), [str(c) for c in choices], n=3, cutoff=0.5)
    return form.format(f"did you mean {' or '.join(near)}?") if near else ""


class ConfigError(MtlrunError):
    """All faults of a configuration, shown together."""

    def __init__(self, faults: Iterable[Fault | str]) -> None:
        self.faults = list(faults)
        if len(self.faults) == 1:
            message = f"bad config: {self.faults[0]}"
        else:
            message = f"bad config, {len(self.faults)} faults:\n" + "\n".join(f"  - {f}" for f in self.faults)
        super().__init__(message)


class DataError(MtlrunError):
    """Data that cannot be used as asked."""


class StoreError(MtlrunError):
    """A store that cannot be read or written."""


class LockError(MtlrunError):
    """A lock file that cannot be used with this study."""
