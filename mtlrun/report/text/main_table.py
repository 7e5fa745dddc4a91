"""The table that people read, as text cells: one block per suite. Formats only escape, colour and rule it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.pairs.layout import LABELS
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.named_columns import chosen_frame, ordered_table
from mtlrun.report.setting_text import setting_text
from mtlrun.report.tables import flat, plain
from mtlrun.report.text import number_format as words

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("sharing", "mitigation")
STRATEGIES = ("heads", "weighting", "schedule", "regularization")
GAIN = "gain % [95 %]"
FIGURES = ("STL", "MTL", GAIN, "p", "verdict", "seeds")
TOLD = (GAIN, "verdict")


@dataclass(frozen=True)
class Block:
    """One table of text.

    Attributes:
        title: what it is about.
        note: what all its lines have in common.
        header: names of the columns.
        lines: the cells, line by line.
        words: by line and column the verdict or contrast word that the cell tells, else None; for colouring.
        starts: whether a line begins a new group.
        group: how many columns at the left are empty where they repeat what stands above.
    """

    title: str
    note: str
    header: list[str]
    lines: list[list[str]]
    words: list[list[str | None]]
    starts: list[bool]
    group: int = 0

    def ungrouped(self) -> Block:
        """Return the table with every cell of every line filled, without groups."""
        lines: list[list[str]] = []
        for cells, start in zip(self.lines, self.starts, strict=True):
            above = lines[-1] if lines and not start else cells
            repeats = self.group and not any(cells[: self.group])
            lines.append([*(above if repeats else cells)[: self.group], *cells[self.group :]])
        return replace(self, lines=lines, starts=[False] * len(lines), group=0)


def plain_block(
    title: str,
    note: str,
    header: Sequence[str],
    lines: list[list[str]],
    starts: Sequence[bool] = (),
    group: int = 0,
) -> Block:
    """Return a table of which no cell tells a verdict; without `starts` all lines are one group."""
    told: list[list[str | None]] = [[None] * len(header) for _ in lines]
    return Block(title, note, list(header), lines, told, _grouped(starts) or [False] * len(lines), group)


def _grouped(starts: Sequence[bool]) -> list[bool]:
    """Return where groups of lines start; nowhere if each is one line, which needs nothing before the next."""
    return [False] * len(starts) if all(starts) else list(starts)


def row_blocks(
    summary: Summary, marks: words.Marks = words.UNICODE, spread: bool = True, leave_out: Sequence[str] = ()
) -> list[Block]:
    """Return a block per suite: its tasks under each cell, with gain and verdict.

    Sharing, mitigation and settings are shown only where they vary. `spread` adds standard deviations to the
    means; `leave_out` names columns of `FIGURES` that are not wanted.
    """
    figures = [name for name in FIGURES if name not in leave_out]
    return [
        _row_block(str(suite), rows, figures, marks, spread, bool(summary.sort))
        for suite, rows in summary.rows.groupby("suite", sort=False)
    ]


def contrast_blocks(summary: Summary) -> list[Block]:
    """Return a block per suite: what each mitigation does to each task, against none."""
    return [
        _contrast_block(str(suite), contrasts)
        for suite, contrasts in summary.contrasts.groupby("suite", sort=False)
    ]


def aggregate_blocks(summary: Summary) -> list[Block]:
    """Return one block with what each setting does over all its suites; none where no setting has several."""
    found = summary.aggregates
    if found.empty:
        return []
    names = names_of(found.assign(suite="", task=""))
    shown = names.to_numpy().tolist()
    records: list[Any] = list(found.itertuples())
    lines = [
        [
            *settings,
            words.interval(row.mean_gain, row.mean_gain_low, row.mean_gain_high, 2),
            words.interval(row.iqm_gain, math.nan, math.nan, 2),
            words.interval(row.improvement, math.nan, math.nan, 2, sign=""),
            "-" if len(found) == 1 else f"{row.mean_rank:.2f}",
            f"{row.n_tasks} in {row.n_suites}",
        ]
        for settings, row in zip(shown, records, strict=True)
    ]
    header = [*names.columns, "mean gain % [95 %]", "middle half %", "P(better)", "rank", "tasks"]
    return [plain_block("all suites", "", header, lines)]


def frame_block(summary: Summary, level: str, columns: Sequence[str] = ()) -> Block:
    """Return one of `tables.LEVELS` as it is; columns that hold one value stand in the note unless they are wanted.

    Raises:
        ConfigError: there is no such level or column.
    """
    found = ordered_table(summary, level)
    if columns:
        shown = flat(chosen_frame(found, columns))
        lines = [[_text(value) for value in values] for values in shown.itertuples(index=False)]
        return plain_block(level, "", [str(name) for name in shown], lines)
    frame = flat(found).drop(columns="cell_id", errors="ignore")
    constant = [name for name in frame if len(frame) > 1 and frame[name].nunique(dropna=False) == 1]
    note = ", ".join(f"{name} {_text(frame[name].iloc[0])}" for name in constant)
    shown = frame.drop(columns=constant)
    lines = [[_text(value) for value in values] for values in shown.itertuples(index=False)]
    return plain_block(level, note, [str(name) for name in shown], lines)


def names_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that tell the cells of one suite apart, as text: one column per name that varies.

    Sharing and mitigation come first; a setting is needed where cells of the same labels differ in it; single
    strategies only where all that does not tell the cells apart.
    """
    import pandas as pd

    found = {name: rows[name] for name in NAMES if rows[name].nunique() > 1}
    found |= {short: values for short, values in _settings(rows).items() if values.nunique() > 1}
    names = pd.DataFrame(found, index=rows.index)
    if pd.concat([rows["task"], names], axis=1).duplicated().any():
        more = [name for name in STRATEGIES if rows[name].nunique() > 1]
        names = pd.concat([names, rows[more]], axis=1)
    return names.astype(str)


def _settings(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return, by short name, the settings in which rows of the same labels differ."""
    found: dict[str, pd.Series] = {}
    labels = rows.groupby(list(LABELS), sort=False).ngroup()
    keys = sorted({key for hyper in rows["hyper"] for key in hyper})
    shorts = [key.rpartition(".")[2] for key in keys]
    for key, short in zip(keys, shorts, strict=True):
        values = rows["hyper"].map(lambda hyper, key=key: setting_text(hyper.get(key, "-")))
        if values.groupby(labels).nunique().max() > 1:
            found[short if shorts.count(short) == 1 else key] = values
    return found


def in_order(rows: pd.DataFrame, sort: str | None) -> pd.DataFrame:
    """Return the rows of one suite in the order of its table: as they are if sorted, else task by task."""
    if sort:
        return rows
    return rows.iloc[rows.groupby("task", sort=False).ngroup().to_numpy().argsort(kind="stable")]


def _row_block(
    suite: str, rows: pd.DataFrame, figures: list[str], marks: words.Marks, spread: bool, flat: bool
) -> Block:
    """Return the table of one suite: tasks with their cells, or `flat` with the task on every line."""
    names = names_of(rows)
    one_metric = rows["metric"].nunique() == 1
    decimals = {
        task: words.decimals_for([*group["stl_sd"], *group["mtl_sd"]])
        for task, group in rows.groupby("task", sort=False)
    }
    rows = in_order(rows, "flat" if flat else None)
    records: list[Any] = list(rows.itertuples())
    starts = [flat or not k or row.task != records[k - 1].task for k, row in enumerate(records)]
    lines, told = [], []
    for row, start, settings in zip(records, starts, names.loc[rows.index].to_numpy().tolist(), strict=True):
        cells = {
            "STL": words.with_spread(row.stl_mean, row.stl_sd, decimals[row.task], marks, spread),
            "MTL": words.with_spread(row.mtl_mean, row.mtl_sd, decimals[row.task], marks, spread),
            GAIN: words.gain(row),
            "p": words.p_value(row.p_adjusted),
            "verdict": words.verdict(row, marks),
            "seeds": words.seeds(row, marks),
        }
        label = (str(row.task) if one_metric else f"{row.task} ({row.metric})") if start else ""
        lines.append([label, *settings, *(cells[name] for name in figures)])
        told.append([None] * (1 + len(names.columns)) + [row.verdict if n in TOLD else None for n in figures])
    header = ["task", *names.columns, *figures]
    return Block(suite, _note(rows, names, one_metric), header, lines, told, _grouped(starts), 1)


def _note(rows: pd.DataFrame, names: pd.DataFrame, one_metric: bool) -> str:
    parts = []
    if one_metric:
        parts.append(f"{rows['metric'].iloc[0]}, {rows['direction'].iloc[0]} is better")
    parts += [f"{name} {rows[name].iloc[0]}" for name in NAMES if name not in names]
    return "; ".join(parts)


def _contrast_block(suite: str, contrasts: pd.DataFrame) -> Block:
    names = names_of(contrasts)
    if "mitigation" not in names:
        names.insert(0, "mitigation", contrasts["mitigation"])
    tasks = list(contrasts["task"].unique())
    lines: dict[tuple[str, ...], dict[str, Any]] = {}
    records: list[Any] = list(contrasts.itertuples())
    for row, key in zip(records, map(tuple, names.to_numpy().tolist()), strict=True):
        lines.setdefault(key, {})[row.task] = row
    cells = [
        [*key, *(_contrast(found[task]) if task in found else "-" for task in tasks)]
        for key, found in lines.items()
    ]
    told = [
        [*[None] * len(key), *(found[task].verdict if task in found else None for task in tasks)]
        for key, found in lines.items()
    ]
    header = [*names.columns, *tasks]
    return Block(suite, "", header, cells, told, [False] * len(cells))


def _contrast(row: Any) -> str:
    value, _, rest = words.gain(row).partition(" [")
    unit = words.ABSOLUTE if rest.endswith(words.ABSOLUTE) else ""
    if not row.n_seeds + row.n_diverged:
        return "no seeds"
    return row.verdict if value == "-" else f"{row.verdict} {value}{unit}"


def _text(value: Any) -> str:
    value = plain(value)
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
