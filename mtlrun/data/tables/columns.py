"""The columns of a table: what each holds, as numbers.

Shape letter: N rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.tables.missing import counts_of
from mtlrun.data.tables.reading import File, read
from mtlrun.data.tables.values import codes_of, dates_of_text, days_of, frozen, kind_of, numbers_of
from mtlrun.errors import ConfigError, Fault

TYPES = ("number", "category", "boolean", "date")
LARGEST = 1e100  # numbers beyond it, squared and summed, are soon no numbers

Words = tuple[tuple[str, int], ...]
Types = tuple[tuple[str, str], ...]
"""By column what it holds, where that is not to be inferred: an entry of `TYPES`, or a form of dates as %d.%m.%Y."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column.

    Attributes:
        name: of it.
        kind: an entry of `TYPES`; `empty` where every value is missing, `other` for what is neither input nor target.
        values: float64 (N,), NaN where missing: a number; 0 or 1; a class number; days since 1970-01-01.
        classes: of a category, sorted.
        stored: what the file says it is.
        words: of text, those that count as missing, and in how many rows; the empty cell is not among them.
    """

    name: str
    kind: str
    values: np.ndarray
    classes: tuple[str, ...] = ()
    stored: str = ""
    words: Words = ()

    @cached_property
    def missing(self) -> int:
        """Return in how many rows there is no value."""
        return int(np.isnan(self.values).sum())

    @cached_property
    def too_large(self) -> int | None:
        """Return the first row, from 1, with a number that is infinite or over `LARGEST` in size; None for none."""
        found = np.flatnonzero(np.abs(self.values) > LARGEST)
        return int(found[0]) + 1 if len(found) else None

    @cached_property
    def digest(self) -> str:
        """Return what tells the content, however the file is written: 16 hex digits."""
        found = hashlib.sha256(repr([self.kind, self.classes, len(self.values)]).encode())
        found.update(np.where(np.isnan(self.values), np.nan, self.values + 0.0).tobytes())  # -0.0 is 0.0
        return found.hexdigest()[:16]


def names(file: File) -> tuple[str, ...]:
    """Return the names of a table's columns."""
    return _held(IdentityKey(read(file))).names


class Columns:
    """The columns of a table by name, each made once, whoever asks for it.

    Attributes:
        names: of all columns, in their order.
    """

    def __init__(self, held: _Held, asked: Types) -> None:
        self.names = held.names
        self._held, self._asked = held, dict(asked)

    def column(self, name: str, key: str = "path") -> Column:
        """Return a column, the same object as long as the file does not change.

        Args:
            name: of the column.
            key: of the setting that names it.

        Raises:
            ConfigError: there is no such column, or it does not hold what was asked for.
        """
        if name not in self._held.places:
            raise ConfigError([Fault(key, "must name columns of the table", name, self.names)])
        return self._held.column(name, self._asked.get(name))


class _Held:
    """A table with what has been made of its columns."""

    def __init__(self, table: pa.Table) -> None:
        self.names = tuple(table.column_names)
        self.places = {name: place for place, name in enumerate(self.names)}
        self._table, self._schema = table, table.schema
        self._found: dict[tuple[str, str | None], Column | list[Fault | str]] = {}

    def column(self, name: str, asked: str | None) -> Column:
        if (name, asked) not in self._found:
            place = self.places[name]
            try:
                words = tuple(counts_of(self._schema.field(place)).items())
                self._found[name, asked] = _column(name, self._table.column(place), asked, words)
            except ConfigError as error:
                self._found[name, asked] = error.faults
        found = self._found[name, asked]
        if isinstance(found, Column):
            return found
        raise ConfigError(found)


@lru_cache(maxsize=64)
def _held(table: IdentityKey[pa.Table]) -> _Held:
    return _Held(table.it)


def opened(file: File, asked: Types = ()) -> Columns:
    """Return the columns of a table.

    Args:
        file: with the table.
        asked: what columns hold, where it is not to be inferred.

    Raises:
        ConfigError: the file cannot be read.
    """
    return Columns(_held(IdentityKey(read(file))), asked)


def column(file: File, name: str, asked: Types = (), key: str = "path") -> Column:
    """Return one column, as `Columns.column` does."""
    return opened(file, asked).column(name, key)


def _column(name: str, values: pa.ChunkedArray, asked: str | None, words: Words) -> Column:
    stored = values.type
    if types.is_dictionary(stored):
        values = pc.cast(values, stored.value_type)
    if str(values.type) == "string_view":
        values = values.cast(pa.string())
    if asked is not None and asked not in TYPES:
        return Column(name, "date", dates_of_text(name, values, asked), (), str(values.type), words)
    kind = asked or kind_of(name, values)
    classes: tuple[str, ...] = ()
    if kind == "other" or values.null_count == len(values):
        kind = "empty" if values.null_count == len(values) else "other"
        found = frozen(np.full(len(values), np.nan))
    elif kind == "category":
        found, classes = codes_of(values)
    elif kind == "date":
        found = days_of(name, values)
    else:
        found = numbers_of(name, values, kind)
    return Column(name, kind, found, classes, str(stored), words)
