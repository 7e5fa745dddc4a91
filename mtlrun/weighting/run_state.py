"""A weighting in one run of a user's own training loop: all that it keeps from step to step.

Shape letters: T tasks, P shared elements.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlrun.errors import ConfigError, Fault
from mtlrun.streams import stream
from mtlrun.weighting.base import Facts, Signals, State, Weighting
from mtlrun.weighting.one_run import after, aggregate, lane_fields, standing, weigh


class RunState:
    """A weighting's memory, its trained parameters, its random numbers and the count of its steps.

    Args:
        weighting: the strategy.
        facts: of the run.
        like: gives dtype and device.
        seed: of the random numbers.
        steps_per_epoch: steps after which an epoch begins, or None.

    Attributes:
        learned: the weighting's own trained parameters.
        steps: done so far.
    """

    def __init__(
        self, weighting: Weighting, facts: Facts, like: Tensor, seed: int, steps_per_epoch: float | None
    ) -> None:
        self.weighting, self._like, self._seed, self._per_epoch = weighting, like, seed, steps_per_epoch
        self._numbers = self._sent(lane_fields(weighting, range(facts.tasks)))
        self._state = self._sent(weighting.init_state(facts))
        self.learned = self._sent(weighting.learned(facts))
        for parameter in self.learned.values():
            parameter.requires_grad_()
        self._draw_shape = weighting.random_shape(facts.tasks)
        self._flags = [torch.tensor(flag, device=like.device) for flag in (False, True)]
        self.steps, self._draws = 0, _draws(seed, 0)

    def weigh(self, losses: Tensor, gramian: Tensor | None = None, probed: Tensor | None = None) -> Tensor:
        """Return the task weights (T,), with a graph where they follow from trained parameters."""
        with self._exact():
            signals = self._signals(losses, gramian, probed)
            weights, self._state = weigh(self.weighting, self._numbers, signals, self._state)
        return weights

    def aggregate(self, jacobian: Tensor, losses: Tensor, probed: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the shared gradient (P,) from the task gradients (T, P), and the task weights (T,)."""
        with self._exact():
            signals = self._signals(losses, None, probed)
            found = aggregate(self.weighting, self._numbers, jacobian, signals, self._state)
        update, weights, self._state = found
        return update, weights

    def standing(self) -> Tensor:
        """Return the task weights (T,) before the step."""
        return standing(self.weighting, self._numbers, self._state)

    def after(self, losses: Tensor) -> None:
        """Show the weighting the losses (T,) that the update left on its batch."""
        with self._exact():
            self._state = after(self.weighting, self._numbers, losses, self._state)

    def train(self, weights: Tensor, losses: Tensor) -> None:
        """Add the gradients of sum_t w_t L_t and of the penalty to `.grad` of the trained parameters."""
        if self.learned:
            objective = (weights * losses).sum() + self.weighting.penalty(self.learned)
            objective.backward(inputs=list(self.learned.values()))

    def state_dict(self) -> dict[str, Any]:
        """Return numbers and tensors alone; the tensors stay as they are when training goes on."""
        learned = {name: parameter.detach().clone() for name, parameter in self.learned.items()}
        return {"seed": self._seed, "steps": self.steps, "state": dict(self._state), "learned": learned}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises:
            ConfigError: it belongs to another weighting, or to another number of tasks or parameters.
        """
        parts = sorted(self.state_dict())
        if sorted(state_dict) != parts:
            raise ConfigError(
                [Fault("state_dict", f"must have the parts {', '.join(parts)}", sorted(state_dict))]
            )
        faults = [
            Fault(
                f"state_dict[{part!r}]",
                f"must fit {type(self.weighting).__name__} here: {_shapes(own)}",
                found,
            )
            for part, own in (("state", self._state), ("learned", self.learned))
            if (found := _shapes(state_dict[part])) != _shapes(own)
        ]
        if faults:
            raise ConfigError(faults)
        self._seed, self.steps = state_dict["seed"], state_dict["steps"]
        self._state = self._sent(state_dict["state"])
        with torch.no_grad():
            for name, parameter in self.learned.items():
                parameter.copy_(state_dict["learned"][name])
        self._draws = _draws(self._seed, self.steps * math.prod(self._draw_shape) if self._draw_shape else 0)

    def _signals(self, losses: Tensor, gramian: Tensor | None, probed: Tensor | None) -> Signals:
        draw, per_epoch = None, self._per_epoch or math.inf
        if self._draw_shape:
            draw = torch.from_numpy(self._draws.random(self._draw_shape)).to(self._like)
        new_epoch = int(self.steps / per_epoch) > int((self.steps - 1) / per_epoch)
        return Signals(losses, gramian, draw, self.learned, self._flags[new_epoch], probed)

    def _sent(self, tensors: Mapping[str, Tensor]) -> State:
        return {name: tensor.detach().to(self._like, copy=True) for name, tensor in tensors.items()}

    def _exact(self) -> AbstractContextManager[Any]:
        """Return a context in which no product is computed with fewer digits, whatever the caller's autocast."""
        return torch.autocast(self._like.device.type, enabled=False)


def _draws(seed: int, skip: int) -> np.random.Generator:
    """Return the run's stream of uniform numbers, the first ones passed over."""
    draws = stream(seed, "weighting")
    draws.bit_generator.advance(skip)  # type: ignore[attr-defined]
    return draws


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in tensors.items()}
