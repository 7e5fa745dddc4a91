"""How each task's loss changes along the gradient of held-out loss, by finite differences.

Shape letters: R lanes, T tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

STEP_LENGTH = 0.01  # of a finite difference in parameter space, as in DARTS (Liu et al., ICLR 2019)


def slopes_along_held_out(
    parameters: Mapping[str, Tensor],
    ahead: Mapping[str, Tensor],
    held_out: Callable[[], Mapping[str, Tensor]],
    losses: Callable[[], Tensor],
    lr: Tensor,
) -> Tensor:
    """Return how much each task's loss rises along the gradient of held-out loss, (R, T).

    With theta' = theta - lr ahead and v the gradient of held-out loss at theta', it is
    (L_t(theta + e v) - L_t(theta - e v)) / 2e, e = 0.01 / |v|: the product of v with task t's gradient (Liu et al.,
    Auto-Lambda, TMLR 2022, eq. 6). Parameters are moved in place, and put back exactly.

    Args:
        parameters: by name, (R, ...).
        ahead: gradient of the weighted losses, in the same shapes.
        held_out: returns the gradient of held-out loss at the parameters as they stand.
        losses: returns the task losses (R, T) at the parameters as they stand.
        lr: of the look-ahead step, (R,).
    """
    with _moved(parameters, ahead, -lr):
        direction = held_out()
    length = torch.stack([g.flatten(1).square().sum(1) for g in direction.values()]).sum(0).sqrt()
    step = STEP_LENGTH / length.clamp(min=torch.finfo(length.dtype).tiny ** 0.5)
    found = []
    for sign in (1, -1):
        with torch.no_grad(), _moved(parameters, direction, sign * step):
            found.append(losses())
    return (found[0] - found[1]) / (2 * step.unsqueeze(1))


@contextmanager
def _moved(parameters: Mapping[str, Tensor], direction: Mapping[str, Tensor], by: Tensor) -> Iterator[None]:
    """Move every lane's parameters along a direction, `by` (R,) lengths, and put them back exactly."""
    kept = {n: p.detach().clone() for n, p in parameters.items()}
    with torch.no_grad():
        for name, values in parameters.items():
            values.add_(direction[name] * by.view(-1, *[1] * (values.dim() - 1)))
    try:
        yield
    finally:
        with torch.no_grad():
            for name, values in parameters.items():
                values.copy_(kept[name])
