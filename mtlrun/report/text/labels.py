"""Names of cells as pictures write them, where no header says what a value is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.report.text.main_table import NAMES, names_of

if TYPE_CHECKING:
    import pandas as pd


def cell_names(rows: pd.DataFrame, without: str = "") -> list[str]:
    """Return for each row of one suite the names that tell its cell apart, as "none  train_size=50  lr=0.1".

    Args:
        rows: of a report.
        without: a setting that is not wanted, by its whole name.
    """
    if without:
        left = rows["hyper"].map(lambda hyper: {key: value for key, value in hyper.items() if key != without})
        rows = rows.assign(hyper=left, task=[f"{task} {k}" for k, task in enumerate(rows["task"])])
    names = names_of(rows)
    if not len(names.columns):
        return [str(name) for name in rows["mitigation"]]
    return [
        "  ".join(_part(column, value) for column, value in found if value != "-") for found in _items(names)
    ]


def row_names(rows: pd.DataFrame, tasks: bool = True) -> list[str]:
    """Return for each row of any suites its suite and cell, where they vary, and its task if these are wanted."""
    cells = dict[object, str]()
    for _, part in rows.groupby("suite", sort=False):
        cells |= dict(zip(part.index, cell_names(part), strict=True))
    several = ["suite"] if rows["suite"].nunique() > 1 or not tasks else []
    several += ["task"] if tasks else []
    varies = rows.groupby("suite")["cell_id"].nunique().max() > 1
    return [
        "  ".join([*(str(row[name]) for name in several), *([cells[place]] if varies else [])])
        for place, row in rows.iterrows()
    ]


def _items(names: pd.DataFrame) -> list[list[tuple[str, str]]]:
    return [list(zip(names.columns, values, strict=True)) for values in names.to_numpy().tolist()]


def _part(column: str, value: str) -> str:
    return value if column in NAMES else f"{column}={value}"
