"""Linear networks on several regressions: the optimum of the training objective, and its expected risk.

docs/theory.md derives every formula here. Each task t has n_t inputs with X_t'X_t = n_t I, so that its mean
squared error is, up to a constant, norm(theta_t - estimate_t)^2, with its least-squares estimate
X_t'y_t / n_t. d is the number of inputs, T of tasks; risks are norm(theta_t - truth_t)^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_TURN = 0.25
"""Radians that the shared direction may turn from data set to data set for `expected_risks` to say a risk."""


HeadForm = Literal["private", "common", "none"]
"""Linear heads without biases: one a task, one for all tasks, or no heads at all."""


@dataclass(frozen=True)
class LinearNetwork:
    """A network without biases or activations, and the objective that it is trained on.

    Attributes:
        features: outputs of the encoder, which bound the rank of what a shared one computes.
        heads: which it has; with `none` the encoder's output is the prediction.
        tie: factor of the squared distance between each two tasks' encoders in the objective: 0 where they have
            nothing to do with each other, infinite where they are one.
        weights: of the tasks' losses, (T,), all above 0.
    """

    features: int
    heads: HeadForm
    tie: float
    weights: tuple[float, ...]


def optimum(network: LinearNetwork, estimates: Array) -> Array | None:
    """Return the predictors (T, d) at the minimum of the objective, given least-squares estimates (T, d).

    None where no minimum is reached: a finite tie between encoders whose heads are free costs nothing as the
    encoders shrink and the heads grow.
    """
    mixing = _mixing(network)
    if mixing is not None:
        return mixing @ estimates
    if network.heads != "private" or not math.isinf(network.tie):
        return None
    scale = np.sqrt(network.weights)[:, None]
    _, _, directions = np.linalg.svd(scale * estimates, full_matrices=False)
    kept = directions[: network.features]  # (features, d), the top singular directions
    return estimates @ kept.T @ kept


def expected_risks(network: LinearNetwork, truths: Array, variances: Array) -> Array | None:
    """Return the mean over data sets of each task's risk (T,) at the minimum of the objective.

    It is exact where the minimum is linear in the estimates. For two tasks with private heads on one shared feature
    it is an expansion, None where that is no good; for more tasks or features there is none.

    Args:
        network: what is trained.
        truths: the true vectors, (T, d).
        variances: noise variance of each entry of an estimate, sigma_t^2 / n_t, (T,).
    """
    mixing = _mixing(network)
    if mixing is not None:
        bias = ((mixing @ truths - truths) ** 2).sum(1)
        return bias + truths.shape[1] * mixing**2 @ variances
    shared = network.heads == "private" and math.isinf(network.tie)
    if shared and network.features == 1 and len(truths) == 2:
        return _one_direction(np.array(network.weights), truths, variances)
    return None


def _mixing(network: LinearNetwork) -> Array | None:
    """Return the matrix (T, T) that makes predictors of estimates; None where they are not linear in them."""
    weights, tie = np.array(network.weights, dtype=np.float64), network.tie
    tasks = len(weights)
    roomy = network.heads == "private" and network.features >= tasks
    if tasks == 1 or tie == 0 or (math.isinf(tie) and roomy):
        return np.eye(tasks)
    if math.isinf(tie) and network.heads in ("common", "none"):
        return np.tile(weights / weights.sum(), (tasks, 1))
    if network.heads == "none":
        laplacian = tasks * np.eye(tasks) - np.ones((tasks, tasks))
        return np.asarray(np.linalg.solve(np.diag(weights) + tie * laplacian, np.diag(weights)), np.float64)
    return None


def _one_direction(weights: Array, truths: Array, variances: Array) -> Array | None:
    """Return risks (2,) of projecting estimates on the top direction of the weighted ones.

    With M = [sqrt(w_t) estimate_t] (d, 2) and v the top eigenvector of M'M, task t's predictor is M v v_t. v turns
    by an angle around its place for the mean of M'M, which holds the noise; risks are expanded to second order in
    that angle, and normal moments are taken. None where its standard deviation is above `MOST_TURN`.
    """
    noise = np.diag(weights * variances)
    signal = np.sqrt(weights)[:, None] * truths
    signal = signal @ signal.T
    moments = _Moments(signal, noise, truths.shape[1])
    mean = signal + truths.shape[1] * noise
    (low, high), vectors = np.linalg.eigh(mean)
    v, n, gap = vectors[:, 1], vectors[:, 0], high - low
    turn = moments.of(n, v, n, v)
    if turn > (MOST_TURN * gap) ** 2:
        return None
    drift = (moments.of(n, v, n, n) - moments.of(n, v, v, v)) / gap**2
    risks = []
    for k in range(2):
        p, p1, p2 = v[k] * v, n[k] * v + v[k] * n, 2 * (n[k] * n - v[k] * v)  # by order of derivative
        value = p @ mean @ p - 2 * p @ signal[k] + signal[k, k]
        slope = 2 * p1 @ (mean @ p - signal[k])
        curvature = 2 * (p1 @ mean @ p1 + p2 @ (mean @ p - signal[k]))
        together = 2 * (moments.of(p1, p, n, v) - moments.with_task(n, v, k, p1)) / gap
        risks.append(value + slope * drift + curvature * turn / gap**2 / 2 + together)
    return np.array(risks) / weights


@dataclass(frozen=True)
class _Moments:
    """Covariances of what noise makes of M'M, where M = S + E, columns of E normal and independent.

    Attributes:
        signal: S'S, (2, 2).
        noise: variances of the entries of E by column, as a diagonal matrix.
        dim: d, the rows of M.
    """

    signal: Array
    noise: Array
    dim: int

    def of(self, x: Array, y: Array, z: Array, u: Array) -> float:
        """Return the covariance of x'M'My and z'M'Mu."""
        s, e = self.signal, self.noise
        mixed = (x @ s @ z) * (y @ e @ u) + (x @ s @ u) * (y @ e @ z)
        mixed += (y @ s @ z) * (x @ e @ u) + (y @ s @ u) * (x @ e @ z)
        return float(mixed + self.dim * ((x @ e @ z) * (y @ e @ u) + (x @ e @ u) * (y @ e @ z)))

    def with_task(self, x: Array, y: Array, k: int, z: Array) -> float:
        """Return the covariance of x'M'My and z'M's_k, with column k of S."""
        s, e = self.signal[k], self.noise
        return float((x @ s) * (y @ e @ z) + (y @ s) * (x @ e @ z))
