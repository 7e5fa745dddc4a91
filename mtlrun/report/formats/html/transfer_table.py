"""The transfer table of the page: cells with what they are sorted by, and the choices of its filters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.forest_plot import PERCENT, by_task
from mtlrun.report.formats.html.scale import Scale
from mtlrun.report.named_columns import known_columns, named_column, no_column
from mtlrun.report.setting_text import setting_text
from mtlrun.report.tables import plain
from mtlrun.report.text import number_format as words
from mtlrun.report.text.chosen_columns import ALIASES, column_text
from mtlrun.report.text.main_table import GAIN, names_of

if TYPE_CHECKING:
    import pandas as pd

FILTERED = ("suite", "sharing", "mitigation", "verdict")


@dataclass(frozen=True)
class Column:
    """A column: its name, the kind that style.css knows, and what its figures mean."""

    name: str
    kind: str
    title: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell: its text, what it is sorted by, the kind of its column, and the verdict that it tells."""

    text: str
    key: str
    column: Column
    word: str = ""
    interval: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Row:
    """A row: its number, which figures and details share, its cells, and its values of `FILTERED`."""

    number: str
    cells: list[Cell]
    filters: dict[str, str]


@dataclass(frozen=True)
class Table:
    """The whole table; `choices` are the values of each filter that has several."""

    columns: list[Column]
    rows: list[Row]
    choices: dict[str, list[str]]


def transfer_table(summary: Summary, wanted: Sequence[str] = ()) -> Table:
    """Return all rows of a report; settings are shown where they vary.

    Args:
        summary: what to show.
        wanted: the columns, in this order: those of the table, settings, or any of `rows`; none for the usual ones.

    Raises:
        ConfigError: there is no such column.
    """
    rows = summary.rows if summary.sort else by_task(summary.rows)
    names = _names(rows)
    first = [name for name in ("suite",) if rows[name].nunique() > 1]
    more = [name for name in ("metric",) if rows[name].nunique() > 1]
    columns = [
        *(Column(name, "name") for name in (*first, "task", *more)),
        *(Column(str(name), "name") for name in names),
        Column("STL", "figure", "trained alone: mean and standard deviation over seeds"),
        Column("MTL", "figure", "trained together: mean and standard deviation over seeds"),
        Column(GAIN, "gain", "mean paired difference in % of STL, positive is better"),
        Column("p", "figure", "adjusted for all tests of its family"),
        Column("verdict", "verdict"),
        Column("seeds", "figure", "seeds, and how many more would probably decide"),
    ]
    decimals = {
        key: words.decimals_for([*part["stl_sd"], *part["mtl_sd"]])
        for key, part in rows.groupby(["suite", "task"], sort=False)
    }
    scales = {suite: _scale(part) for suite, part in rows.groupby("suite", sort=False)}
    found = []
    records: list[Any] = list(rows.itertuples())
    kept, added, further = _wanted(columns, rows, wanted)
    columns = [*columns, *added]
    for row, settings, own in zip(records, names.to_numpy().tolist(), further, strict=True):
        told = [str(getattr(row, name)) for name in (*first, "task", *more)]
        cells = [
            *((text, text) for text in told),
            *((text, text) for text in settings),
            *_figures(row, decimals[row.suite, row.task]),
            *own,
        ]
        made = [
            _cell(column, *cell, row, scales[row.suite]) for column, cell in zip(columns, cells, strict=True)
        ]
        shown = [made[place] for place in kept]
        found.append(Row(str(row.Index), shown, {name: str(getattr(row, name)) for name in FILTERED}))
    choices = {name: [str(value) for value in dict.fromkeys(rows[name])] for name in FILTERED}
    several = {name: values for name, values in choices.items() if len(values) > 1}
    return Table([columns[place] for place in kept], found, several)


def _wanted(
    columns: Sequence[Column], rows: pd.DataFrame, wanted: Sequence[str]
) -> tuple[list[int], list[Column], list[list[tuple[str, str]]]]:
    """Return the places of the wanted columns among the table's and further ones; these; and text and key of each.

    Raises:
        ConfigError: there is no such column.
    """
    own = [ALIASES.get(name, name) for name in wanted]
    known = [column.name for column in columns]
    others = [name for name in dict.fromkeys(own) if name not in known]
    values = {name: named_column(rows, name) for name in others}
    faults = [
        no_column("--columns", n, [*known, *known_columns(rows)]) for n, v in values.items() if v is None
    ]
    if faults:
        raise ConfigError(faults)
    cells = [[_plain_cell(value) for value in found[1]] for found in values.values() if found is not None]
    places = [[*known, *others].index(name) for name in own] or list(range(len(known)))
    more = [list(parts) for parts in zip(*cells, strict=True)] if cells else [[] for _ in range(len(rows))]
    return places, [Column(name, "figure") for name in others], more


def _plain_cell(value: Any) -> tuple[str, str]:
    """Return text and sorting key of a value of a column that is no usual one."""
    text = column_text(plain(value))
    return text, _key(value) if isinstance(value, int | float) else text


def _names(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what tells cells apart within their suites, for all suites together; mitigation always."""
    import pandas as pd

    parts = [names_of(part) for _, part in rows.groupby("suite", sort=False)]
    names = pd.concat(parts).reindex(rows.index)
    for name in names:
        own = rows[name].astype(str) if name in rows else rows["hyper"].map(lambda h, n=name: _setting(h, n))
        names[name] = names[name].where(names[name].notna(), own)
    if "mitigation" not in names:
        names.insert(0, "mitigation", rows["mitigation"].astype(str))
    return names


def _setting(hyper: dict[str, Any], short: str) -> str:
    found = [value for key, value in hyper.items() if short in (key, key.rpartition(".")[2])]
    return setting_text(found[0]) if found else "-"


def _scale(rows: pd.DataFrame) -> tuple[Scale, float, float] | None:
    """Return the scale of a suite's gains in percent, and its ends as coordinates."""
    values = rows[list(PERCENT)].to_numpy(dtype=float)
    scale = Scale.of(values)
    places = scale.coordinates(values[~(values != values)])
    if not places.size:
        return None
    low, high = min(0.0, places.min()), max(0.0, places.max())
    return (scale, low, high) if high > low else None


def _figures(row: Any, decimals: int | None) -> list[tuple[str, str]]:
    """Return text and sorting key of the columns after the names."""
    value = row.gain_pct if row.gain_pct == row.gain_pct else row.diff
    return [
        (words.with_spread(row.stl_mean, row.stl_sd, decimals, words.UNICODE), _key(row.stl_mean)),
        (words.with_spread(row.mtl_mean, row.mtl_sd, decimals, words.UNICODE), _key(row.mtl_mean)),
        (words.gain(row), _key(value)),
        (words.p_value(row.p_adjusted), _key(row.p_adjusted)),
        (words.verdict(row, words.UNICODE), str(row.verdict)),
        (words.seeds(row, words.UNICODE), _key(row.n_seeds)),
    ]


def _key(value: Any) -> str:
    found = plain(value)
    return "" if found is None else repr(float(found))


def _cell(column: Column, text: str, key: str, row: Any, scale: tuple[Scale, float, float] | None) -> Cell:
    word = row.verdict if column.kind in ("gain", "verdict") else ""
    interval = _place(row, *scale) if column.kind == "gain" and scale else None
    return Cell(words.true_minus(text) if column.kind != "name" else text, key, column, word, interval)


def _place(row: Any, scale: Scale, low: float, high: float) -> tuple[float, float, float] | None:
    """Return where the ends of a row's interval and zero lie between the ends of a scale, from 0 to 100."""
    ends = [row.ci_low, row.ci_high] if row.ci_low == row.ci_low else [row.gain_pct, row.gain_pct]
    if any(math.isnan(end) for end in ends):
        return None
    begin, end, zero = (
        100 * (float(place) - low) / (high - low) for place in scale.coordinates([*ends, 0.0])
    )
    return round(begin, 1), round(end, 1), round(zero, 1)
