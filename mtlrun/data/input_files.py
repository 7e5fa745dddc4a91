"""Inputs of a trained run from plain files: NPY, NPZ with `inputs`, or CSV with a column for every number."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from mtlrun.data.task import SourceInfo
from mtlrun.errors import DataError

READ_ERRORS = (OSError, EOFError, ValueError, zipfile.BadZipFile, pd.errors.ParserError)


def read_inputs(path: Path, source: SourceInfo) -> np.ndarray:
    """Return the inputs (N, *input_shape) of a file, float32; uint8 where the source has images.

    Raises:
        DataError: the file cannot be read, or does not fit.
    """
    values = read_numbers(path, source)
    if source.pixels and not ((values == np.round(values)) & (values >= 0) & (values <= 255)).all():
        found = f"{values.min():g} to {values.max():g}"
        raise DataError(f"`{path}` must hold pixels as whole numbers from 0 to 255, found {found}")
    return values.astype(np.uint8 if source.pixels else np.float32)


def read_numbers(path: Path, source: SourceInfo) -> np.ndarray:
    """Return the inputs (N, *input_shape) of a file in the type that it has them in.

    Raises:
        DataError: the file cannot be read, or does not fit.
    """
    try:
        values = READERS.get(path.suffix, _csv)(path)
    except READ_ERRORS as error:
        raise DataError(f"`{path}` cannot be read: {str(error).partition(chr(10))[0]}") from error
    if values.dtype == bool:
        values = values.astype(np.uint8)
    if not (np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)):
        raise DataError(f"`{path}` must hold numbers alone, found {values.dtype}")
    shape, size = source.input_shape, int(np.prod(source.input_shape))
    if values.ndim == 0 or not len(values) or values[0].size != size:
        one = values.shape[1:] if values.ndim else ()
        raise DataError(f"`{path}` must have examples of shape {shape}, {size} numbers each, found {one}")
    if not np.isfinite(values).all():
        raise DataError(f"`{path}` must hold finite numbers, and has others")
    return values.reshape(len(values), *shape)


def _npy(path: Path) -> np.ndarray:
    found: np.ndarray = np.load(path, allow_pickle=False)
    return found


def _npz(path: Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as file:
        if "inputs" not in file.files:
            raise DataError(f"`{path}` must have an array `inputs`, found {', '.join(file.files) or 'none'}")
        found: np.ndarray = file["inputs"]
    return found


def _csv(path: Path) -> np.ndarray:
    """Return the numbers below the names of the columns, (N, columns).

    Raises:
        DataError: the first line holds no names.
    """
    first = pd.read_csv(path, header=None, nrows=1).iloc[0]
    if all(isinstance(v, float | np.floating) and not float(v).is_integer() for v in first):
        raise DataError(f"`{path}` must name its columns in the first line, found {first[0]:g}, ...")
    return pd.read_csv(path).to_numpy()


READERS = {".npy": _npy, ".npz": _npz}
