"""Predictions of a trained run for new inputs, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mtlrun.data.task import SourceInfo, Task
from mtlrun.errors import DataError
from mtlrun.launch.saved import SavedRun

ROWS = 4096  # that pass at once


def predict(run: SavedRun, paths: Sequence[Path]) -> pd.DataFrame:
    """Return what a run predicts, one row an example.

    Of a multiclass task the columns are the predicted class and the probability of each class, `<task>` and
    `<task>_p<class>`; of a binary one the predicted label and its probability; of several labels or numbers
    `<task>_<k>` each, and probabilities of labels.

    Args:
        run: with its weights.
        paths: a file for each source: NPY (N, ...), or CSV with a column for every number of an input.

    Raises:
        DataError: files that do not fit the run.
    """
    sources = run.info.sources
    if len(paths) != len(sources):
        names = ", ".join(source.name for source in sources)
        raise DataError(f"run {run.run_id} reads {len(sources)} inputs ({names}), found {len(paths)} files")
    inputs = [read_inputs(path, source) for path, source in zip(paths, sources, strict=True)]
    if len({len(x) for x in inputs}) > 1:
        raise DataError(f"files must have equally many examples, found {[len(x) for x in inputs]}")
    tables = [_table(task, out) for task, out in zip(run.info.tasks, outputs_of(run, inputs), strict=True)]
    return pd.concat(tables, axis=1)


@torch.no_grad()
def outputs_of(run: SavedRun, inputs: Sequence[np.ndarray]) -> list[Tensor]:
    """Return the outputs (N, outputs) of each task, at its own checkpoint, for inputs (N, ...) of each source."""
    found: dict[int, Tensor] = {}
    for step, tasks in run.by_step().items():
        network = run.network(step)
        dtype = next(network.parameters()).dtype
        whole = [torch.from_numpy(x).to(dtype).split(ROWS) for x in inputs]
        pieces: list[list[Tensor]] = [network(list(piece)) for piece in zip(*whole, strict=True)]
        found |= {t: torch.cat([piece[t] for piece in pieces]) for t in tasks}
    return [found[t] for t in range(len(run.info.tasks))]


def read_inputs(path: Path, source: SourceInfo) -> np.ndarray:
    """Return the inputs (N, *input_shape) of a file, float32.

    Raises:
        DataError: the file cannot be read, or does not fit.
    """
    try:
        of_arrays = path.suffix == ".npy"
        values = np.load(path, allow_pickle=False) if of_arrays else pd.read_csv(path).to_numpy()
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise DataError(f"`{path}` cannot be read: {str(error).partition(chr(10))[0]}") from error
    shape, size = source.input_shape, int(np.prod(source.input_shape))
    if not np.issubdtype(values.dtype, np.number) and values.dtype != bool:
        raise DataError(f"`{path}` must hold numbers alone, found {values.dtype}")
    if values.ndim == 0 or not len(values) or values[0].size != size:
        one = values.shape[1:] if values.ndim else ()
        raise DataError(f"`{path}` must have examples of shape {shape}, {size} numbers each, found {one}")
    if not np.isfinite(values).all():
        raise DataError(f"`{path}` must hold finite numbers, and has others")
    return values.astype(np.float32).reshape(len(values), *shape)


def _table(task: Task, outputs: Tensor) -> pd.DataFrame:
    """Return the columns of one task."""
    name, columns = task.name, {}
    if task.kind == "multiclass":
        columns[name] = outputs.argmax(1).numpy()
        return pd.DataFrame(columns | _each(f"{name}_p", outputs.softmax(1)))
    if task.kind in ("binary", "multilabel"):
        one = task.outputs == 1
        labels = (outputs > 0).to(torch.int64)
        chances = outputs.sigmoid()
        columns = {name: labels[:, 0].numpy()} if one else _each(f"{name}_", labels)
        return pd.DataFrame(
            columns | ({f"{name}_p": chances[:, 0].numpy()} if one else _each(f"{name}_p", chances))
        )
    return pd.DataFrame({name: outputs[:, 0].numpy()} if task.outputs == 1 else _each(f"{name}_", outputs))


def _each(prefix: str, values: Tensor) -> dict[str, np.ndarray]:
    return {f"{prefix}{k}": column.numpy() for k, column in enumerate(values.unbind(1))}
