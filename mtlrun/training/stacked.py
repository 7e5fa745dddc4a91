"""Networks over all lanes at once, where every layer has a rule for it; vmap serves the others.

A network is written for one run, of ordinary layers. Dense layers become batched matrix products over stacked
weights, the very kernels that a loop written by hand for many runs would call; layers of images become grouped
kernels (`convolution.py`); layers that act on each element stay as they are; containers keep their own forward
code. What vmap would make of the same network costs about 60 % more (docs/performance.md).

Shape letters: R lanes, B batch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mtlrun.training.convolution import StackedLayer, chunk_images, has_image_rule, image_layer
from mtlrun.training.network import Network

Forward = Callable[[Sequence[Tensor]], list[Tensor]]

ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Identity)
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def forward_of_lanes(network: Network, parameters: Mapping[str, Tensor]) -> Forward:
    """Return the function from inputs, (R, B, ...) per source, to outputs, (R, B, outputs) per task.

    Args:
        network: one run's, on any device; only its structure is used.
        parameters: stacked, (R, ...) by name; read anew in every call.
    """
    stacked = stack_layers(network, parameters)
    return stacked if stacked is not None else vmapped(network, parameters)


def stack_layers(network: Network, parameters: Mapping[str, Tensor]) -> nn.Module | None:
    """Return the network over lanes, or None where a module has no rule."""
    if not all(_has_rule(module) for module in network.modules()):
        return None
    stacked = copy.deepcopy(network)
    for name, module in list(stacked.named_modules()):
        parent, _, child = name.rpartition(".")
        holder = stacked.get_submodule(parent)
        if isinstance(module, nn.Linear):
            weight, bias = parameters[name + ".weight"], parameters.get(name + ".bias")
            setattr(holder, child, StackedLinear(weight, bias))
        elif isinstance(module, nn.Flatten):
            setattr(holder, child, nn.Flatten(module.start_dim + 1, module.end_dim))
        elif has_image_rule(module):
            setattr(holder, child, image_layer(module, name + ".", parameters))
    chunk_images(stacked)
    return stacked


def vmapped(network: Network, parameters: Mapping[str, Tensor]) -> Forward:
    """Return the network over lanes by `torch.vmap`; one lane is called as it is."""
    names = list(parameters)

    def one(values: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
        return functional_call(network, dict(zip(names, values, strict=True)), (inputs,))

    def forward(inputs: Sequence[Tensor]) -> list[Tensor]:
        values = list(parameters.values())
        if len(inputs[0]) > 1:
            return torch.vmap(one)(values, list(inputs))
        outputs = one([v.squeeze(0) for v in values], [x.squeeze(0) for x in inputs])
        return [output.unsqueeze(0) for output in outputs]

    return forward


class StackedLinear(StackedLayer):
    """`nn.Linear` of R runs: inputs (R, B, in), weights (R, out, in), biases (R, out)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (R, B, out)."""
        weight, *biases = self.held
        if not biases:
            return torch.bmm(inputs, weight.mT)
        return torch.baddbmm(biases[0].unsqueeze(1), inputs, weight.mT)


def _has_rule(module: nn.Module) -> bool:
    """Whether a module works on stacked tensors, itself or by a replacement."""
    if isinstance(module, nn.Flatten):
        return module.start_dim > 0 and module.end_dim == -1
    known = (nn.Linear, *ELEMENTWISE, *CONTAINERS)
    return type(module) in known or has_image_rule(module) or getattr(module, "any_leading_axes", False)
