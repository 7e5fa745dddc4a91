"""Adam on a few numbers per run, for weightings that train their task weights by an optimizer of their own."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mtlrun.weighting.base import State

BETAS = (0.9, 0.999)
EPS = 1e-8


def adam_start(size: int) -> State:
    """Return Adam's memory of `size` numbers before its first step."""
    return {"mean": torch.zeros(size), "square": torch.zeros(size), "steps": torch.zeros(())}


def adam_step(gradient: Tensor, state: State) -> tuple[Tensor, State]:
    """Return the direction that Adam takes for a gradient (..., T), to be scaled by -lr, and its next memory.

    Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1, with torch's defaults.
    """
    steps = state["steps"] + 1
    mean = state["mean"] + (1 - BETAS[0]) * (gradient - state["mean"])
    square = state["square"] + (1 - BETAS[1]) * (gradient.square() - state["square"])
    # 1 - beta^steps, which cancels in float32 unless taken so
    first, second = (-torch.expm1(steps.unsqueeze(-1) * math.log(beta)) for beta in BETAS)
    direction = mean / first / ((square / second).sqrt() + EPS)
    return direction, {"mean": mean, "square": square, "steps": steps}
