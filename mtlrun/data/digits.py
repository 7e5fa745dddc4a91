"""The 1,797 handwritten digits (8x8) that scikit-learn bundles, split once for all digit suites.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI repository, 1998 (the test
part).
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from mtlrun.data.splits import cut, read_only, stratified_order
from mtlrun.data.task import SourceInfo
from mtlrun.streams import stream

TEST_ROWS = 600  # a third: one test image is 0.17 points of accuracy, fine enough for a margin of 1 %
VAL_ROWS = 300  # a sixth: enough to choose a step by; the other half, 897 rows, trains
ROWS = {"train": 1797 - VAL_ROWS - TEST_ROWS, "val": VAL_ROWS, "test": TEST_ROWS}
PIXEL_MAX = 16  # pixels are counts from 0 to 16
FIXED_SEED = 0  # of everything that is drawn once for all seeds: the split, the composites, the permutation


def digits_info(name: str, input_shape: tuple[int, ...] = (1, 8, 8)) -> SourceInfo:
    """Return the sizes of a source with one example per digit image."""
    return SourceInfo(name, input_shape, dict(ROWS))


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the images, float32 (1797, 1, 8, 8) in [0, 1], and the digits, int64 (1797,)."""
    rows = _bundled_rows()
    scaled = (rows[:, :-1] / PIXEL_MAX).astype(np.float32).reshape(-1, 1, 8, 8)
    return read_only(scaled), read_only(rows[:, -1].astype(np.int64))


def _bundled_rows() -> np.ndarray:
    """Return the table that scikit-learn bundles, float64 (1797, 65): 64 pixels and the digit.

    It is read from its file; importing `sklearn.datasets` for that takes 2 s in every process.
    """
    found = find_spec("sklearn")
    for folder in (found.submodule_search_locations or []) if found else []:
        file = Path(folder, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return np.column_stack([images, labels])


def digits_split(train: int, seed: int | None = None) -> dict[str, np.ndarray]:
    """Return the parts of the digits, stratified by the digit, with `train` rows of the training part.

    Args:
        train: Training rows to keep; a smaller number gives a subset.
        seed: Of the split, whose arrays are the same objects every time; None is the fixed split.
    """
    return dict(_split(train, FIXED_SEED if seed is None else seed))


@lru_cache(maxsize=1024)
def _split(train: int, seed: int) -> dict[str, np.ndarray]:
    order = stratified_order(digits()[1], stream(seed, "split"))
    return cut(order, VAL_ROWS, TEST_ROWS, train)


@cache
def attribute_targets(members: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Return float32 (1797, L) in {0, 1}: column l is 1 for the digits in `members[l]`."""
    labels = digits()[1]
    return read_only(np.stack([np.isin(labels, group) for group in members], axis=1).astype(np.float32))
