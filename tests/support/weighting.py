"""Signals for weightings: gradients of many shapes, and one call for one run or a stack of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from mtlrun.catalog import load_option, options
from mtlrun.config import build
from mtlrun.weighting.base import Aggregator, Facts, Signals, State, Weighting
from mtlrun.weighting.one_run import lane_fields, with_fields
from support.cohorts import cohort_of

SIZE = 12  # shared parameters P of the made-up gradients


def gradient_families(tasks: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return task gradients (T, P), float64, of every kind that a weighting must survive."""
    plain = rng.standard_normal((tasks, SIZE))
    one = rng.standard_normal(SIZE)
    lengths = rng.uniform(0.5, 2, (tasks, 1))
    signs = np.where(np.arange(tasks) % 2, -1.0, 1.0)[:, None]
    zeroed = plain.copy()
    zeroed[0] = 0
    stationary = plain - plain.mean(0)  # the mean of the gradients is 0
    left, right = (np.linalg.qr(rng.standard_normal((SIZE, tasks)))[0] for _ in range(2))
    return {
        "random": plain,
        "zero": np.zeros_like(plain),
        "one zero": zeroed,
        "parallel": lengths * one,
        "equal": np.tile(one, (tasks, 1)),
        "opposed": signs * lengths * one,
        "nearly parallel": one + 1e-5 * plain,
        "stationary": stationary,
        "ill-conditioned": left[:tasks] @ np.diag(np.logspace(0, -5, tasks)) @ right.T,
        "fewer directions than tasks": rng.standard_normal((tasks, 2)) @ rng.standard_normal((2, SIZE)),
        "all tiny": 1e-8 * plain,
        "all huge": 1e8 * plain,
        "badly scaled": 10.0 ** rng.permutation(np.linspace(-8, 8, tasks))[:, None] * plain,
        "ties": np.pad(rng.integers(-1, 2, (tasks, 3)).astype(float), ((0, 0), (0, SIZE - 3))),
        "one doubled": np.vstack([plain[:-1], 2 * plain[:1]]),
        "one undone": np.vstack([plain[:-1], -2 * plain[:1]]),
    }


def nearly_cancelling(tasks: int, rng: np.random.Generator) -> np.ndarray:
    """Return task gradients (T, P), float64, whose lengths differ by up to 1e16 and that nearly oppose each other."""
    signs, lengths = rng.choice([-1.0, 1.0], (tasks, 1)), 10.0 ** rng.uniform(-8, 8, (tasks, 1))
    apart = 10.0 ** rng.uniform(-8, -1)
    return signs * lengths * (rng.standard_normal(SIZE) + apart * rng.standard_normal((tasks, SIZE)))


def loss_families(tasks: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return task losses (T,), float64."""
    plain = rng.uniform(0.1, 3, tasks)
    zeroed = plain.copy()
    zeroed[0] = 0
    return {
        "random": plain,
        "zero": np.zeros(tasks),
        "one zero": zeroed,
        "badly scaled": 10.0 ** rng.permutation(np.linspace(-8, 8, tasks)),
    }


def vectorised() -> list[str]:
    """Return the options of conf/weighting but those whose lanes go one by one, as other packages' code does."""
    return [name for name in options("weighting") if not build(load_option("weighting", name)).one_by_one]


class Case(NamedTuple):
    """One run's inputs to a weighting over some steps, or the stacked inputs of several runs.

    Attributes:
        losses: (steps, T).
        gramian: (T, T), the same in all steps.
        jacobian: the gradients, (T, P), the same in all steps.
        probed: what the method's `probe` asks for, as further batches with these very gradients would give it.
        draw: (steps, *random_shape), unused by weightings that draw nothing.
        learned: the weighting's own parameters, at random values.
        state: before the first step.
        fields: the weighting's numbers, as tensors.
    """

    losses: Tensor
    gramian: Tensor
    jacobian: Tensor
    probed: Tensor
    draw: Tensor
    learned: State
    state: State
    fields: State


def make_case(
    method: Weighting,
    losses: np.ndarray,
    gradients: np.ndarray,
    rng: np.random.Generator,
    dtype: torch.dtype = torch.float64,
) -> Case:
    """Return a run's inputs for losses (steps, T) and gradients (T, P), with random draws."""
    steps, tasks = losses.shape
    rows = torch.from_numpy(gradients).to(dtype)  # cast before the product, as in training
    facts = facts_of(tasks)
    learned = {k: torch.from_numpy(rng.standard_normal(v.shape)) for k, v in method.learned(facts).items()}
    gramian = rows @ rows.mT
    return Case(
        torch.from_numpy(losses).to(dtype),
        gramian,
        rows,
        gramian if method.probe == "cross_gramian" else gramian.sum(1),
        torch.from_numpy(rng.random((steps, *method.random_shape(tasks)))).to(dtype),
        _to(learned, dtype),
        _to(method.init_state(facts), dtype),
        _to(lane_fields(method, range(tasks)), dtype),
    )


def facts_of(tasks: int) -> Facts:
    """Return what a weighting may know beforehand of the made-up runs."""
    rows = tuple(50 * (k + 1) for k in range(tasks))
    return Facts(tasks, SIZE, rows, tuple(float(k == 0) for k in range(tasks)))


def run_case(method: Weighting, case: Case) -> Tensor:
    """Return the weights of every step of one run, (steps, T); an epoch has two steps."""
    torch.set_num_threads(1)  # matrices are tiny
    state, weights = case.state, []
    draws = method.random_shape(len(case.gramian)) != ()
    for step, losses in enumerate(case.losses):
        signals = Signals(
            losses,
            case.gramian if method.needs == "gramian" else None,
            case.draw[step] if draws else None,
            case.learned,
            torch.tensor(step > 0 and step % 2 == 0),
            None if method.probe == "none" else case.probed,
        )
        lane = with_fields(method, case.fields)
        if isinstance(lane, Aggregator):
            update, found, state = lane.aggregate(case.jacobian, signals, state)
            found = found + 0 * update.sum()  # an update that is not finite is seen in the weights
        else:
            found, state = lane.weigh(signals, state)
        if method.watches_update:
            state = lane.after(0.9 * losses, state)
        weights.append(found)
    return torch.stack(weights)


def run_stacked(method: Weighting, cases: Sequence[Case]) -> Tensor:
    """Return the same for several runs at once by `torch.vmap`, (R, steps, T), where the method allows it."""
    torch.set_num_threads(1)  # matrices are tiny
    if method.one_by_one:
        return torch.stack([run_case(method, case) for case in cases])
    stacked = tree_map(lambda *leaves: torch.stack(leaves), *cases)
    return torch.vmap(lambda case: run_case(method, case))(stacked)


def weights_of(method: Weighting, gramian: Any, losses: Any = None, **given: Any) -> np.ndarray:
    """Return one step's weights for a Gramian and losses, given as lists or arrays, in float64."""
    matrix = torch.as_tensor(gramian, dtype=torch.float64)
    tasks = len(matrix)
    values = torch.ones(tasks) if losses is None else torch.as_tensor(losses)
    signals = Signals(
        values.double(), matrix, given.get("draw"), method.learned(Facts(tasks)), torch.tensor(False)
    )
    return method.weigh(signals, method.init_state(Facts(tasks)))[0].numpy()


def probed_weights(method: Weighting, matrices: Sequence[Any]) -> np.ndarray:
    """Return the weights of some steps of one run that finds these cross-Gramians, (steps, T), in float64."""
    state, found = _to(method.init_state(Facts(len(matrices[0]))), torch.float64), []
    for matrix in matrices:
        probed = torch.as_tensor(matrix, dtype=torch.float64)
        signals = Signals(torch.ones(len(probed)), None, None, {}, torch.tensor(False), probed)
        weights, state = method.weigh(signals, state)
        found.append(weights.numpy())
    return np.array(found)


def aggregate_steps(method: Aggregator, jacobians: Sequence[Any], losses: Sequence[Any]) -> list[Any]:
    """Return the updates and weights of some steps of one run, in float64."""
    state, found = _to(method.init_state(Facts(*jacobians[0].shape)), torch.float64), []
    for rows, values in zip(jacobians, losses, strict=True):
        signals = Signals(torch.as_tensor(values).double(), None, None, {}, torch.tensor(False))
        update, weights, state = method.aggregate(torch.as_tensor(rows).double(), signals, state)
        found.append((update.numpy(), weights.numpy()))
    return found


def first_step(configs: Sequence[dict[str, Any]]) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Return what the engine's first step sees for these runs: gradients, losses and weights, (R, ...)."""
    torch.set_num_threads(1)
    cohort = cohort_of(configs, torch.device("cpu"))
    trainer = cohort.begin(cohort.phases[0])
    return trainer.program.gradients(trainer.lanes, next(cohort.batches(cohort.phases[0], 0)))


def _to(tree: State, dtype: torch.dtype) -> State:
    return {name: value.to(dtype) for name, value in tree.items()}
