"""Every table of a report: one entry says what it is called, how it is made, filtered, shown and drawn.

All who need to know the tables read them here: `--level` with its help and its completion, filters, the formats, the
messages about empty tables. The functions are named, as `module:function`, and imported when they are used, so that
help and completion need neither pandas nor matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

ROWS = "rows"
"""The table that a report shows unless another is asked for."""

COLUMNS, SETTINGS, CELLS, POINTS, MEMBERS = "columns", "settings", "cells", "points", "members"
"""How filters narrow a table: by its columns; by those that are no facts of a task; to the cells of the rows that are
left; to these and all points of their fronts; to these cells and the named task with its partners."""


SIZES = {"one-column": 3.35, "two-column": 6.9, "wide": 10.0}
"""Widths of pictures in inches: of one and of two columns of a journal, and of a slide."""


@dataclass(frozen=True)
class Level:
    """A table.

    Attributes:
        help: what it has, in a few words.
        field: of `Summary`, which holds it; empty where it is derived.
        table: the function that derives it of a `Summary`.
        keep: how filters narrow `field`; what is derived follows what it is derived of.
        lacking: why a study has none, after "the study".
        block: the function of a `Summary` and signs that gives the table for people; without it, every column.
        note: how to read it.
        picture: the function that draws it of a `Summary`; without it, there is no picture.
        in_page: whether JSON has it beside the rows.
    """

    help: str
    field: str = ""
    table: str = ""
    keep: str = COLUMNS
    lacking: str = ""
    block: str = ""
    note: str = ""
    picture: str = ""
    in_page: bool = False


_NO_FRONT = "has no front of fixed weights: train it with frontier=11"

LEVELS: Mapping[str, Level] = {
    ROWS: Level(
        "gains with verdicts, a row per task and cell",
        field="rows",
        picture="mtlrun.report.figures.gains:draw_gains",
        in_page=True,
    ),
    "runs": Level("values of each seed", field="pairs"),
    "curves": Level(
        "metrics over training",
        table="mtlrun.report.analysis.curves:curve_table",
        block="mtlrun.report.text.blocks.curves:curves_block",
        note=(
            "Curves of the primary metric, a sign for each evaluation, all curves of a task on one scale; first, "
            "best and last value of the mean curve. Every value of every run: --format csv."
        ),
        picture="mtlrun.report.figures.curves:draw_curves",
    ),
    "gain_over": Level(
        "gains against a numeric setting (--over)",
        table="mtlrun.report.analysis.gain_over:gain_over_table",
        lacking="has no numeric setting that varies, so there is nothing to set gains against",
        block="mtlrun.report.text.gain_over:gain_over_block",
        picture="mtlrun.report.figures.gain_over:draw_gain_over",
    ),
    "matrix": Level(
        "which task helps or hurts which, of suites of pairs",
        table="mtlrun.report.analysis.matrix:matrix_table",
        lacking="has no task that is trained with several partners: train it with suite.pairs=all",
        block="mtlrun.report.text.blocks.matrix:matrix_block",
        note="Gain of the task on the left in % of STL, trained together with the task above.",
        picture="mtlrun.report.figures.matrix:draw_matrix",
    ),
    "contrasts": Level(
        "each mitigation against none",
        field="contrasts",
        lacking="has no contrast: it takes mitigation=none and another one",
        in_page=True,
    ),
    "suites": Level("delta-m of each cell", field="suites", keep=CELLS, in_page=True),
    "aggregates": Level(
        "each setting over all suites",
        field="aggregates",
        keep=SETTINGS,
        lacking="has no setting on several suites, so there is nothing to tell or draw of them together",
        picture="mtlrun.report.figures.aggregates:draw_aggregates",
        in_page=True,
    ),
    "attribution": Level(
        "what gains are made of",
        field="attribution",
        lacking="has no controls, so no gain is split: train it with controls=[capacity,...]",
        picture="mtlrun.report.figures.waterfall:draw_waterfalls",
        in_page=True,
    ),
    "frontier": Level(
        "mitigations against fixed weights",
        field="frontier",
        keep=SETTINGS,
        lacking=_NO_FRONT,
        picture="mtlrun.report.figures.pareto:draw_fronts",
        in_page=True,
    ),
    "front_gains": Level(
        "gains of the points of fronts", field="front_gains", keep=POINTS, lacking=_NO_FRONT, in_page=True
    ),
    "diagnostics": Level(
        "gradient cosines and task weights over training, and overfitting gaps",
        field="diagnostics",
        keep=MEMBERS,
        lacking="has no run that has finished",
        block="mtlrun.report.text.blocks.diagnostics:diagnostics_block",
        note=(
            "Cosines of the tasks' gradients of the shared parameters at each evaluation, mean over seeds; below 0 "
            "the gradients conflict. Early and late: first and last quarter of the evaluations. Weights are those "
            "that the strategy gave the tasks' losses or gradients, on its own scale. Gap: how much better the "
            "primary metric is on training than on validation data, in its unit, at the step that reports read."
        ),
        picture="mtlrun.report.figures.diagnostics:draw_diagnostics",
    ),
    "layers": Level(
        "gradient cosines by layer",
        table="mtlrun.report.analysis.training.layers:layer_table",
        lacking="has no gradients recorded by layer",
        block="mtlrun.report.text.blocks.layers:layers_block",
        note=(
            "Cosines of the tasks' gradients of each layer's shared parameters, mean over seeds; early and late: "
            "first and last quarter of the recorded steps. Magnitude: 1 for gradients of one length, near 0 where "
            "one task's outweighs the other's."
        ),
        picture="mtlrun.report.figures.layers:draw_layers",
    ),
    "cost": Level("time and size of each cell", field="cost", keep=CELLS, in_page=True),
    "theory": Level(
        "gains against what theory expects",
        field="theory",
        lacking="has no suite that knows what training must come to",
        in_page=True,
    ),
    "phases": Level("what schedules train when", field="phases", keep=CELLS),
    "variance": Level(
        "where the error of each gain comes from",
        table="mtlrun.report.analysis.variance:variance_table",
        block="mtlrun.report.text.blocks.variance:variance_block",
        picture="mtlrun.report.figures.variance:draw_variance",
    ),
}
"""Every table by name, in the order in which they are listed."""

PICTURED = tuple(name for name, level in LEVELS.items() if level.picture)
PAGE = tuple(name for name, level in LEVELS.items() if level.in_page)


def load(place: str) -> Callable[..., Any]:
    """Return a function that an entry names."""
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found
