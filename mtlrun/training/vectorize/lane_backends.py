"""Which way a network goes over the lanes: by rules, under vmap, or one by one.

Networks of our own layers are known to go by rules or under vmap. One with layers of other people is tried: a small
batch passes two lanes, forward and backward, under vmap and one by one; where vmap fails, warns that it loops inside,
or gives other numbers, lanes go one by one. The trial depends on the network alone, so that every cohort and the plan
decide alike, whatever the machine's load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlrun.errors import ConfigError, Fault
from mtlrun.training.objective.gradients import Tensors
from mtlrun.training.vectorize.batchnorm import statistics_of
from mtlrun.training.vectorize.stacked import ELEMENTWISE, Forward, Lone, OneByOne, Stacked, Vmapped, has_rule
from mtlrun.training.vectorize.tensor_slots import constants_of
from mtlrun.training.vectorize.vmap import without_loops
from mtlrun.user_code import FOREIGN_ERRORS, told

ROWS = 3  # of the batch that is tried
MOVED = 1.01  # the second lane's parameters, in those of the first
TOLERANCE = (
    1e-3  # float32 sums in another order, relative to a tensor's largest element; a mix-up is far larger
)
OWN = __name__.partition(".")[0]

Way = Lone | Stacked | Vmapped


def forward_of_lanes(
    network: nn.Module,
    parameters: Mapping[str, Tensor],
    autocast: bool = False,
    statistics: Tensors | None = None,
    constants: Tensors | None = None,
    apart: bool = False,
) -> Forward:
    """Return a network over the lanes of its parameters.

    Args:
        network: one run's, on any device; only its structure is used, and buffers that all lanes have alike.
        parameters: stacked, (R, ...) by name.
        autocast: as of `Forward`.
        statistics: likewise.
        constants: likewise.
        apart: whether lanes go one by one, since vmap cannot take the network.
    """
    kind: type[Way] = OneByOne if apart else Vmapped
    if len(next(iter(parameters.values()))) == 1:
        kind = Lone
    elif by_rules(network):
        kind = Stacked
    return kind(network, parameters, autocast, statistics, constants)


def by_rules(network: nn.Module) -> bool:
    """Whether every layer of a network has a rule, stands in one place, and has no buffers of its own."""
    modules = [module for _, module in network.named_modules(remove_duplicate=False)]
    placed = [id(module) for module in modules if not isinstance(module, ELEMENTWISE)]
    several = len(set(placed)) < len(placed)
    return all(map(has_rule, modules)) and not several and not constants_of(network)


def is_foreign(network: nn.Module) -> bool:
    """Whether a network does not go by rules, and not because of layers of ours alone, so that it must be tried."""
    if by_rules(network):
        return False
    without = [module for module in network.modules() if not has_rule(module)]
    return not all(type(module).__module__.partition(".")[0] == OWN for module in without) or not without


def why_one_by_one(network: nn.Module, inputs: Sequence[tuple[int, ...]]) -> str | None:
    """Return why vmap cannot take a network, in a line, or None where it can.

    Args:
        network: of one run, with real parameters on the CPU, in evaluation.
        inputs: the shape of one example of each source.

    Raises:
        ConfigError: the network cannot be trained at all.
    """
    if not is_foreign(network):
        return None
    generator = torch.Generator().manual_seed(0)
    examples = [torch.randn(2, ROWS, *shape, generator=generator) for shape in inputs]
    try:
        expected = _passed(OneByOne, network, examples)
    except FOREIGN_ERRORS as error:
        raise ConfigError([Fault("model", f"cannot pass forward and backward: {told(error)}")]) from error
    found, why = without_loops(lambda: _passed(Vmapped, network, examples))
    if found is None:
        return why
    if not all(_alike(*pair) for pair in zip(found, expected, strict=True)):
        return "vmap gives other numbers than lanes one by one"
    return None


def _passed(kind: type[Way], network: nn.Module, examples: Sequence[Tensor]) -> list[Tensor]:
    """Return the outputs of two lanes, and the gradients of their sum with respect to parameters."""
    stacked = {n: torch.stack([p, MOVED * p]).detach().float() for n, p in network.named_parameters()}
    leaves = {name: values.requires_grad_() for name, values in stacked.items()}
    statistics = {n: torch.stack([s, s]).float() for n, s in statistics_of(network).items()}
    forward = kind(network, leaves, statistics=statistics)
    with forward.in_training(forward.norms, forward.statistics):
        outputs = forward([x.float() for x in examples])
    total = torch.stack([(out * out).sum() for out in outputs]).sum()
    gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    return [*outputs, *(g for g in gradients if g is not None)]


def _alike(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    if not bool(expected.isfinite().all()):
        return True  # what is not finite tells nothing
    return bool(((found - expected).abs() <= TOLERANCE * expected.abs().max() + 1e-6).all())
