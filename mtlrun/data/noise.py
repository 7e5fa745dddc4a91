"""Label noise: what a task's training targets become at a given rate, and what is left of them when shuffled."""

from __future__ import annotations

import numpy as np

from mtlrun.data.task import Source, Task
from mtlrun.streams import stream


def noisy_targets(source: Source, task: Task, rate: float, seed: int) -> np.ndarray:
    """Return the targets of a task with label noise in the training part, and only there.

    Multiclass: with probability `rate` the class becomes a uniformly drawn other one. Binary and multilabel:
    every 0/1 flips with that probability. Regression: Gaussian noise is added whose standard deviation is
    `rate` times that of the target over the training part.

    The draws are those of the stream `noise/<task>`, one per row and the same for every rate and training
    size: labels that are wrong at one rate are wrong, in the same way, at every higher rate.

    Args:
        source: Holds the clean targets; rows outside `val` and `test` are the training part.
        task: The task.
        rate: In [0, 1]. At 0 the clean array itself is returned.
        seed: Seed of the run.
    """
    clean = source.targets[task.name]
    if rate == 0:
        return clean
    rng = stream(seed, f"noise/{task.name}")
    training = np.ones(len(clean), dtype=bool)
    training[source.splits["val"]] = False
    training[source.splits["test"]] = False
    noisy = clean.copy()
    if task.kind == "regression":
        deviation = np.nanstd if task.partial else np.std  # they round differently
        spread = deviation(clean[training], axis=0, dtype=np.float64)
        moved = clean + rate * spread * rng.standard_normal(clean.shape)
        noisy[training] = moved[training].astype(clean.dtype)
        return noisy
    hit = rng.random(clean.shape) < rate
    hit &= clean >= 0  # a target that is missing, NaN or -1, stays so
    if task.kind == "multiclass":
        offset = 1 + (rng.random(clean.shape) * (task.outputs - 1)).astype(clean.dtype)
        wrong = (clean + offset) % task.outputs
    else:
        wrong = 1 - clean
    noisy[training] = np.where(hit, wrong, clean)[training]
    return noisy


def shuffled_targets(targets: np.ndarray, train: np.ndarray, task: str, seed: int) -> np.ndarray:
    """Return targets (N, ...) whose rows `train` are shuffled among themselves, from the stream `shuffle/<task>`."""
    shuffled = targets.copy()
    shuffled[train] = targets[stream(seed, f"shuffle/{task}").permutation(train)]
    return shuffled
