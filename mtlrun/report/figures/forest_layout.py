"""Where the rows of a forest plot stand: its panels, and how they are set in columns so that a page holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.drawing import PAGE_IN, letters_in
from mtlrun.report.text.labels import cell_names

if TYPE_CHECKING:
    import pandas as pd

HEADING = 1.15
"""Height of a task's name, in rows."""

HEAD_IN, FOOT_IN = 0.42, 0.38
"""Heights of what stands above and below the rows of a panel."""

_PITCHES_IN = (0.2, 0.17, 0.145, 0.125)
_LEAST_AXES_IN, _MOST_COLUMNS, _MOST_LETTERS = 1.0, 4, 48
_NUMBER_LETTERS, _LEAST_ROWS, _LONG_NAME = 22, 5, 44
_AROUND_IN = 0.7
"""Height of caption and legend."""


class Panel(NamedTuple):
    """Rows of one suite that share an axis: gains in percent, or differences of one metric in its own unit."""

    title: str
    unit: str
    rows: pd.DataFrame
    columns: tuple[str, str, str]
    margin: float

    @property
    def plain(self) -> bool:
        """Whether each task has one row, so that its name needs no line of its own."""
        return not self.rows["task"].duplicated().any()


class Segment(NamedTuple):
    """Rows of one task that stand together; `first` unless they go on from the column before."""

    panel: Panel
    task: str
    rows: pd.DataFrame
    first: bool = True

    @property
    def head(self) -> float:
        return 0.0 if self.panel.plain else HEADING


class Plan(NamedTuple):
    """How a forest plot is set: its columns, the height of a row, and whether numbers stand beside the intervals."""

    columns: list[list[Segment]]
    pitch_in: float
    numbers: bool
    points: float
    label_in: float
    axes_in: float
    letters: int


def panels_of(summary: Summary) -> list[Panel]:
    """Return a panel per suite for rows in percent, and one per suite and metric for those without."""
    panels = []
    for suite, rows in summary.rows.groupby("suite", sort=False):
        heads, names = _parted(rows["task"].astype(str) if _one_cell(rows) else cell_names(rows))
        rows = rows.assign(name=names, head=heads)
        known = rows["gain_pct"].notna()
        if known.any() or rows["diff"].isna().all():
            columns = ("gain_pct", "ci_low", "ci_high")
            shown = rows[known | rows["diff"].isna()]
            metrics = ", ".join(dict.fromkeys(shown["metric"]))
            unit = f"gain in {metrics}, % of STL"
            panels.append(Panel(str(suite), unit, shown, columns, summary.settings.margin))
        for metric, some in rows[~known & rows["diff"].notna()].groupby("metric", sort=False):
            columns = ("diff", "diff_low", "diff_high")
            panels.append(Panel(str(suite), f"gain in {metric}, its own unit", some, columns, 0.0))
    return panels


def _one_cell(rows: pd.DataFrame) -> bool:
    return not rows["task"].duplicated().any()


def _parted(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what stands in headings of their own and what is left beside the rows, where names are long.

    The last parts of a name stay, as many as are short enough; rows that have the others in common stand together.
    """
    parts = [name.split("  ") for name in names]
    if max(len("  ".join(part)) for part in parts) <= _LONG_NAME:
        return [""] * len(parts), ["  ".join(part) for part in parts]
    least = min(len(part) for part in parts)
    kept = max(
        [n for n in range(1, least) if max(len("  ".join(part[-n:])) for part in parts) <= _LONG_NAME // 2]
        or [1]
    )
    return ["  ".join(part[:-kept]) for part in parts], ["  ".join(part[-kept:]) for part in parts]


def rows_in(parts: Sequence[Segment]) -> float:
    """Return the height of segments in rows, headings included."""
    return sum(len(part.rows) + part.head for part in parts)


def height_in(parts: Sequence[Segment], pitch_in: float) -> float:
    """Return the height of a column, with what stands around its panels."""
    return pitch_in * rows_in(parts) + (HEAD_IN + FOOT_IN) * len({id(part.panel) for part in parts})


def plan_columns(panels: Sequence[Panel], width_in: float, most: int = _MOST_COLUMNS) -> Plan:
    """Return the first way of setting rows that a page holds: wider apart before closer, fewer columns before more.

    Where no way does, that with the most columns, which then is higher than a page.
    """
    segments = [
        Segment(panel, f"{task}  {head}".rstrip(), rows)
        for panel in panels
        for task, of_task in panel.rows.groupby("task", sort=False)
        for head, rows in of_task.groupby("head", sort=False)
    ]
    plans = []
    for columns in range(1, most + 1):
        for numbers in (True, False):
            plan = _plan(segments, width_in, columns, numbers)
            if plan.axes_in < _LEAST_AXES_IN:
                continue
            plans.append(plan)
            if max(height_in(parts, plan.pitch_in) for parts in plan.columns) <= PAGE_IN - _AROUND_IN:
                return plan
    return plans[-1] if plans else _plan(segments, width_in, 1, numbers=False)


def _plan(segments: Sequence[Segment], width_in: float, columns: int, numbers: bool) -> Plan:
    set_in = _columns(segments, columns)
    most_in = PAGE_IN - _AROUND_IN
    fitting = (p for p in _PITCHES_IN if max(height_in(parts, p) for parts in set_in) <= most_in)
    pitch = next(fitting, _PITCHES_IN[-1])
    points = min(7.0 if columns == 1 else 6.2, 72 * pitch * 0.72)
    names = [str(name) for part in segments for name in part.rows["name"]]
    tasks = [part.task.partition("  ")[0] for part in segments]  # what follows may stand above intervals
    longest = max([2 + min(_MOST_LETTERS, len(name)) for name in names] + [len(task) * 1.1 for task in tasks])
    label_in = letters_in(1, points) * longest + 0.05
    number_in = letters_in(_NUMBER_LETTERS, points - 0.5) if numbers else 0.1
    axes_in = width_in / columns - label_in - number_in - 0.15
    short_in = max(0.0, _LEAST_AXES_IN - axes_in) if columns == 1 and not numbers else 0.0
    letters = _MOST_LETTERS - int(short_in / letters_in(1, points))
    return Plan(set_in, pitch, numbers, points, label_in - short_in, axes_in + short_in, letters)


def _columns(segments: Sequence[Segment], count: int) -> list[list[Segment]]:
    """Return segments in columns of about one height; a task of many rows may go on in the next one."""
    pitch = _PITCHES_IN[-1]
    columns: list[list[Segment]] = [[]]
    left = list(segments)
    target_in = height_in(left, pitch) / count
    while left:
        rest = left.pop(0)
        free = (target_in - height_in([*columns[-1], rest._replace(rows=rest.rows[:0])], pitch)) / pitch
        fits = int(free)
        if len(columns) == count or free >= len(rest.rows) / 2 or (not columns[-1] and fits < 3):
            columns[-1].append(rest)
            continue
        if fits >= _LEAST_ROWS and len(rest.rows) - fits >= _LEAST_ROWS:
            columns[-1].append(rest._replace(rows=rest.rows[:fits]))
            rest = rest._replace(rows=rest.rows[fits:], first=False)
        left.insert(0, rest)
        target_in = height_in(left, pitch) / (count - len(columns))
        columns.append([])
    return [column for column in columns if column]
