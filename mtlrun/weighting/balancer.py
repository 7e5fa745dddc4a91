"""Any task weighting in a training loop of the user's own: `Balancer`.

Shape letters: T tasks, P shared elements, of the shared parameters or of the representation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mtlrun.config import checked
from mtlrun.errors import ConfigError, Fault
from mtlrun.weighting.balancer_arguments import argument_faults
from mtlrun.weighting.balancer_probes import cross_gramian, validation_slopes
from mtlrun.weighting.base import Facts, Weighting
from mtlrun.weighting.run_state import RunState
from mtlrun.weighting.task_gradients import (
    Losses,
    TaskGradients,
    add_gradient,
    leaves_of,
    products,
    scalars,
    values_of,
    weighted_sum,
)


class Balancer:
    """A task weighting for an ordinary PyTorch training loop: `backward` takes the place of `loss.backward()`.

    The weighting's own functions are called, those that the engine vectorises, so that one run trains as it does
    under `mtlrun run`. What `backward` does for the gradients is what the engine does:

    - A weighting that needs the losses alone (`DWA`, `Uncertainty`, `FAMO`, ...): every parameter gets the gradient
      of the weighted sum of the losses.
    - A gradient method (`PCGrad`, `CAGrad`, `GradDrop`, ...): the shared parameters get the combined gradient, all
      others the plain gradient of their own task's loss.

    With one task a gradient method has nothing to combine, and its loss weighs 1.

    Args:
        weighting: the strategy, as `PCGrad()` or `CAGrad(c=0.5)`.
        shared: all parameters that several tasks use, on their device; the parameters of each task alone need not be
            named.
        tasks: T, how many tasks there are.
        seed: of the random numbers that some weightings draw; the same as in the engine for a run of this seed.
        steps_per_epoch: steps after which an epoch begins, as `len(loader)`, for weightings that look at epochs
            (`DWA`, `STCH`).
        rows: training rows of each task, for `DataSize`.
        primary: position of the task that the others help, if there is one, for `Relatedness` and `AutoLambda`.
        lr: learning rate of the look-ahead step of `AutoLambda`, as a rule the optimizer's.

    Attributes:
        weighting: the strategy.
        lr: may be set anew between steps.

    Raises:
        ConfigError: a setting of the weighting is wrong, or something that it needs is missing.

    Example:
        ```python
        balancer = Balancer(PCGrad(), shared=encoder.parameters(), tasks=2)
        for inputs, targets in loader:
            features = encoder(inputs)
            losses = [mse(head(features), y) for head, y in zip(heads, targets)]
            optimizer.zero_grad()
            balancer.backward(losses)
            optimizer.step()
        ```
    """

    def __init__(
        self,
        weighting: Weighting,
        shared: Iterable[Tensor],
        tasks: int,
        *,
        seed: int = 0,
        steps_per_epoch: float | None = None,
        rows: Sequence[int] = (),
        primary: int | None = None,
        lr: float | None = None,
    ) -> None:
        if not isinstance(weighting, Weighting):
            rule = "must be a weighting, as PCGrad() of mtlrun.weighting"
            raise ConfigError([Fault("weighting", rule, getattr(weighting, "__name__", weighting))])
        self.weighting, self.lr = checked(weighting), lr
        self._shared = list({id(p): p for p in shared}.values())
        faults = list(
            argument_faults(self.weighting, self._shared, tasks, steps_per_epoch, rows, primary, lr)
        )
        if faults:
            raise ConfigError(faults)
        dtypes = (p.dtype for p in self._shared)
        dtype = functools.reduce(torch.promote_types, dtypes, torch.float32)
        self._like = torch.empty((), dtype=dtype, device=self._shared[0].device)
        goal = tuple(float(primary in (None, task)) for task in range(tasks))
        facts = Facts(tasks, sum(p.numel() for p in self._shared), tuple(rows), goal)
        self._run = RunState(self.weighting, facts, self._like, seed, steps_per_epoch)
        self._tasks, self._goal = tasks, self._like.new_tensor(goal)
        self._combines = self.weighting.needs != "losses" and tasks > 1
        self._awaits_after = False

    def parameters(self) -> Iterator[Tensor]:
        """Yield the weighting's own trained parameters, to be given to the optimizer; none for most weightings.

        In the engine weight decay does not apply to them.
        """
        yield from self._run.learned.values()

    def backward(
        self,
        losses: Losses,
        representation: Tensor | Sequence[Tensor] | None = None,
        probe_losses: Sequence[Callable[[], Losses]] = (),
    ) -> Tensor:
        """Add this step's gradients to `.grad` of every parameter, and return the task weights (T,).

        Call it once a step, where `loss.backward()` would stand. What a weighting does not need is ignored, so that
        a loop that gives all of it serves every weighting.

        Args:
            losses: a list of T scalars. A stacked tensor (T,) works too; each task's backward pass then also goes,
                with zeros, through the other tasks' heads.
            representation: the output of the last shared layer, one tensor or several, from which the losses were
                computed; for weightings with `gradients_at="representation"`.
            probe_losses: two functions that compute task losses, for weightings with a `probe`: on one further batch
                each (`MoDo`, `SDMGrad`); or on this batch again, and on a further one (`AutoLambda`).

        Raises:
            ConfigError: the losses do not fit, or something that the weighting needs is missing; no gradient has
                been changed.
        """
        separate = scalars(losses, self._tasks)
        if self._awaits_after:
            name = type(self.weighting).__name__
            rule = f"must be called after each optimizer step, with the new losses, for {name}"
            raise ConfigError([Fault("after_step", rule)])
        probed = self._probe(separate, probe_losses)
        values = values_of(separate, self._like)
        if self._combines:
            weights = self._combine(separate, values, probed, representation, isinstance(losses, Tensor))
        else:
            plain = self.weighting.needs != "losses"
            weights = torch.ones_like(values) if plain else self._run.weigh(values, None, probed)
            weighted_sum(separate, weights.detach()).backward()
        self._run.train(weights, values)
        self._run.steps += 1
        self._awaits_after = self.weighting.watches_update
        return weights.detach()

    def after_step(self, losses: Losses) -> None:
        """Show the weighting the losses that the update left on its batch.

        Needed by weightings with `watches_update` (`FAMO`), after every `optimizer.step()`; others ignore it.

        Args:
            losses: of the same batch again, T scalars or a tensor (T,); they need no graph.
        """
        if self.weighting.watches_update:
            self._run.after(values_of(scalars(losses, self._tasks, graph=False), self._like))
            self._awaits_after = False

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs, numbers and tensors alone: `torch.load(weights_only=True)` reads it."""
        return self._run.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned: with its memory, trained parameters and random numbers.

        Raises:
            ConfigError: it belongs to another weighting, or to another number of tasks or parameters.
        """
        self._run.load_state_dict(state_dict)
        self._awaits_after = False

    def _combine(
        self,
        losses: Sequence[Tensor],
        values: Tensor,
        probed: Tensor | None,
        representation: Tensor | Sequence[Tensor] | None,
        stacked: bool,
    ) -> Tensor:
        """Give the shared parameters the combined gradient and all others their own; return the weights (T,)."""
        at: Sequence[Tensor] = self._shared
        others = leaves_of(losses)
        shared = {id(p) for p in self._shared}
        if self.weighting.gradients_at == "representation":
            at = _representation(representation, type(self.weighting).__name__)
            others = leaves_of(losses, at)
            if any(id(leaf) in shared for leaf in others):
                rule = "must be the output of the last shared layer: losses depend on shared parameters beside it"
                raise ConfigError([Fault("representation", rule)])
        found = TaskGradients(losses, at, [leaf for leaf in others if id(leaf) not in shared], self._like)
        if not stacked:
            found.check_owners()
        if self.weighting.needs == "gramian":
            weights = self._run.weigh(values, products(found.jacobian, found.jacobian), probed)
            combined = (weights.detach().unsqueeze(1) * found.jacobian).sum(0)
        else:
            combined, weights = self._run.aggregate(found.jacobian, values, probed)
        for leaf, gradient in found.own:
            add_gradient(leaf, gradient)
        parts = combined.detach().split([tensor.numel() for tensor in at])
        if at is self._shared:
            for parameter, part in zip(at, parts, strict=True):
                if parameter.requires_grad:
                    add_gradient(parameter, part)
        else:
            torch.autograd.backward(at, [p.view(z.shape).to(z) for z, p in zip(at, parts, strict=True)])
        return weights

    def _probe(self, losses: Sequence[Tensor], functions: Sequence[Callable[[], Losses]]) -> Tensor | None:
        """Return what the weighting's `probe` finds, or None."""
        probe = self.weighting.probe
        if probe == "none" or self._tasks == 1:
            return None
        if len(functions) != 2:
            slopes = probe == "validation_slopes"
            batches = "on this batch again and on a further one" if slopes else "on a further batch each"
            rule = f"must be two functions that return task losses, {batches}, for"
            raise ConfigError(
                [Fault("probe_losses", f"{rule} {type(self.weighting).__name__}", len(functions))]
            )
        if probe == "cross_gramian":
            return cross_gramian(functions, self._shared, self._tasks, self._like)
        assert self.lr is not None  # checked at first
        return validation_slopes(losses, functions, self._run.standing(), self._goal, self.lr)


def _representation(given: Tensor | Sequence[Tensor] | None, name: str) -> list[Tensor]:
    """Return the tensors of a representation."""
    found = [given] if isinstance(given, Tensor) else list(given or ())
    if not found or not all(z.requires_grad for z in found):
        rule = "must be the output of the last shared layer, with its graph, for"
        raise ConfigError([Fault("representation", f'{rule} {name}(gradients_at="representation")')])
    return found
