"""How a text file writes its table: encoding, delimiter, quotes, and whether the first line says so."""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mtlrun.errors import ConfigError, Fault

DELIMITERS = (",", ";", "\t", "|", " ")
SIGNS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " ", "point": "."}
"""Signs by words, which a command line takes without quotes."""

SAMPLE = 2**18  # bytes that are looked at
LINES = 100  # of them
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Dialect:
    """How a text file is read.

    Attributes:
        delimiter: between values.
        encoding: as Python names it.
        skip: lines before the names of columns.
        quoted: whether values may stand in quotes, and so hold line ends.
    """

    delimiter: str
    encoding: str
    skip: int
    quoted: bool


def dialect(path: Path, delimiter: str | None, decimal: str, encoding: str) -> Dialect:
    """Return how a file is written, from its beginning.

    Args:
        path: of the file.
        delimiter: where it is known.
        decimal: sign before decimals; it is no delimiter.
        encoding: of a file without a byte-order mark.

    Raises:
        ConfigError: its beginning is no text.
    """
    with path.open("rb") as file:
        begin = file.read(SAMPLE)
        quoted = b'"' in begin or _has_quotes(file)
    encoding = next((name for mark, name in BOMS if begin.startswith(mark)), encoding)
    if not _is_of_text(encoding):
        raise ConfigError(
            [Fault("encoding", "must be an encoding of text that Python knows, as latin-1", encoding)]
        )
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(begin).lstrip("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        rule = f"is not what the file is written in (suite.encoding=latin-1 is usual for old files): {error}"
        raise ConfigError([Fault("encoding", rule, encoding)]) from error
    if "\x00" in text:
        raise ConfigError([Fault("path", "must be text, and is binary", str(path))])
    first = text.partition("\n")[0]
    said = first.strip().lower()
    if said.startswith("sep=") and len(said) <= len("sep=") + 1:
        told = first.strip("\r")[len("sep=") :][:1] or "\t"
        return Dialect(delimiter or told, encoding, 1, quoted)
    return Dialect(delimiter or _likeliest(text, decimal), encoding, 0, quoted)


def _has_quotes(file: BinaryIO) -> bool:
    return any(b'"' in piece for piece in iter(lambda: file.read(2**24), b""))


def _likeliest(text: str, decimal: str) -> str:
    """Return the delimiter that cuts most lines into equally many values, and into the most."""
    whole = text if len(text) < SAMPLE // 4 else text.rpartition("\n")[0] or text
    lines = [line for line in whole.splitlines()[:LINES] if line.strip()]
    scores = []
    for rank, sign in enumerate(DELIMITERS):
        if sign == decimal:
            continue
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=sign) if row]
        except csv.Error:  # a value longer than any: this sign does not cut the line of a wide table
            continue
        width = widths[0] if widths else 1  # of the names
        if width > 1:
            scores.append((widths.count(width) > 0.9 * len(widths), width, -rank, sign))
    return max(scores)[-1] if scores else ","


def _is_of_text(encoding: str) -> bool:
    """Whether a name is that of an encoding of text: Python also has zlib and rot13."""
    try:
        return isinstance(b"".decode(encoding), str) and "".encode(encoding) is not None
    except (LookupError, ValueError):
        return False
