"""Every format of a gate's result by name."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from mtlrun.errors import ConfigError, Fault
from mtlrun.gate.json_format import to_json
from mtlrun.gate.junit import to_junit
from mtlrun.gate.markdown import to_markdown
from mtlrun.gate.result import GateResult
from mtlrun.gate.terminal import to_terminal
from mtlrun.report.formats.terminal import Style
from mtlrun.text.printable import printable_parts

FORMATS = {"terminal": to_terminal, "md": to_markdown, "junit": to_junit, "json": to_json}

SUFFIXES = {".md": "md", ".xml": "junit", ".json": "json"} | dict.fromkeys(("", ".txt", ".log"), "terminal")
"""The format of a file whose format is not given."""


def check_format(name: str | None, output: str | None) -> str:
    """Return the format that is meant: the one named, else the one of the file's ending, `terminal` without one.

    Raises:
        ConfigError: there is no such format, or none has this ending.
    """
    if name is None:
        ending = Path(output or "").suffix.lower()
        if ending not in SUFFIXES:
            rule = "must be a file whose ending says its format, or `--format` must name one"
            raise ConfigError([Fault("--output", rule, output, list(filter(None, SUFFIXES)))])
        return SUFFIXES[ending]
    if name not in FORMATS:
        raise ConfigError([Fault("--format", "must name a format", name, list(FORMATS))])
    return name


def render(result: GateResult, name: str = "terminal", stream: TextIO | None = None) -> str:
    """Return a result in one format, with a line break at its end.

    Args:
        result: what to show.
        name: a key of `FORMATS`.
        stream: where `terminal` will be printed: decides width and colour.
    """
    if name != "json":  # which writes them as its own escapes
        result = printable_parts(result)
    if name == "terminal" and stream is not None:
        return to_terminal(result, Style.of(stream)) + "\n"
    return FORMATS[name](result) + "\n"
