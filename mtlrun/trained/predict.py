"""Predictions of a trained run for new inputs, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mtlrun.data.input_files import read_inputs
from mtlrun.data.task import Task
from mtlrun.errors import DataError
from mtlrun.text.pluralize import pluralize
from mtlrun.trained.saved_run import SavedRun

ROWS = 4096  # that pass at once


def predict(run: SavedRun, paths: Sequence[Path]) -> pd.DataFrame:
    """Return what a run predicts, one row an example; where files differ in length, cells of a shorter one are empty.

    Of a multiclass task the columns are the predicted class and the probability of each, `<task>` and
    `<task>_p<number>`, or `<task>_p_<name>` where classes have names; of a binary one the predicted class and the
    probability of the second, `<task>_p`; of several labels or amounts `<task>_<k>` each, and probabilities of
    labels. Amounts are in the unit of the data, in double precision, and so are probabilities.

    Args:
        run: with its weights.
        paths: a file for each source, of the form that the suite reads, or else NPY (N, ...), or CSV with a column
            for every number of an input.

    Raises:
        DataError: files that cannot be read, or do not fit the run.
    """
    sources = run.info.sources
    if len(paths) != len(sources):
        names, found = ", ".join(source.name for source in sources), pluralize(len(paths), "file")
        raise DataError(f"run {run.run_id} reads {pluralize(len(sources), 'input')} ({names}), found {found}")
    inputs = run.suite.examples_of(paths, run.spec.seed)
    if inputs is None:
        inputs = [read_inputs(path, source) for path, source in zip(paths, sources, strict=True)]
    rows = [len(x) for x in inputs]
    if not all(rows):
        raise DataError(f"files must have one example or more each, found {rows}")
    outputs = zip(run.info.tasks, outputs_of(run, [_padded(x, max(rows)) for x in inputs]), strict=True)
    tables = [_table(t, out[: rows[t.source]], run.suite.class_names(t.name)) for t, out in outputs]
    return pd.concat(tables, axis=1)


@torch.no_grad()
def outputs_of(run: SavedRun, inputs: Sequence[np.ndarray]) -> list[Tensor]:
    """Return the outputs of each task, float64 (N, outputs), for inputs (N, ...) of each source.

    A task's outputs are those of its own checkpoint. Inputs are as the suite has them; amounts are in the unit of
    the data.
    """
    found: dict[int, Tensor] = {}
    for step, tasks in run.by_step().items():
        whole = run.whole(step)
        cut = [torch.tensor(x).to(whole.dtype).split(ROWS) for x in inputs]
        pieces: list[tuple[Tensor, ...]] = [whole(*piece) for piece in zip(*cut, strict=True)]
        found |= {t: torch.cat([piece[t] for piece in pieces]) for t in tasks}
    return [run.in_units(task.name, found[t]) for t, task in enumerate(run.info.tasks)]


def _padded(values: np.ndarray, rows: int) -> np.ndarray:
    """Return inputs (N, ...) with zeros behind them, (rows, ...): each task reads its own source's rows alone."""
    return np.concatenate([values, np.zeros((rows - len(values), *values.shape[1:]), values.dtype)])


def _table(task: Task, outputs: Tensor, classes: Sequence[str] | None) -> pd.DataFrame:
    """Return the columns of one task; `classes` are the names of its classes, where they have any."""
    name = task.name
    if task.kind == "regression":
        return pd.DataFrame(
            {name: outputs[:, 0].numpy()} if task.outputs == 1 else _each(f"{name}_", outputs)
        )
    if task.kind == "multiclass":
        ends = [str(k) for k in range(task.outputs)] if classes is None else [f"_{c}" for c in classes]
        return pd.DataFrame(
            _named(name, outputs.argmax(1), classes) | _each(f"{name}_p", outputs.softmax(1), ends)
        )
    labels, chances = (outputs > 0).to(torch.int64), outputs.sigmoid()
    if task.outputs == 1:
        return pd.DataFrame(_named(name, labels[:, 0], classes) | {f"{name}_p": chances[:, 0].numpy()})
    return pd.DataFrame(_each(f"{name}_", labels) | _each(f"{name}_p", chances))


def _named(column: str, codes: Tensor, classes: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Return a column of predicted classes (N,), by name where they have names."""
    return {column: codes.numpy() if classes is None else np.array(classes, dtype=object)[codes.numpy()]}


def _each(prefix: str, values: Tensor, ends: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Return a column for each entry of (N, outputs), numbered where their names have no ends."""
    ends = ends or [str(k) for k in range(values.shape[1])]
    return {prefix + end: column.numpy() for end, column in zip(ends, values.unbind(1), strict=True)}
