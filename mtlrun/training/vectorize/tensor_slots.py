"""Where a network keeps its tensors, so that those of any lane can be put there.

Parameters and running statistics are stacked over lanes and change. Other buffers, as tables of positions, stay as
they are: where all lanes have the same they are put into the network once, else every lane has its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mtlrun.training.objective.gradients import Tensors

Place = tuple[nn.Module, str, str]
"""A module, an attribute of it, and the name of the tensor in the network."""


def put(module: nn.Module, attribute: str, value: Tensor) -> None:
    """Set an attribute past the bookkeeping of modules, but for modules with bookkeeping of their own."""
    if type(module).__setattr__ is nn.Module.__setattr__:
        object.__setattr__(module, attribute, value)
    else:
        setattr(module, attribute, value)


def free_parameters(network: nn.Module) -> list[Place]:
    """Take the parameters out of a network's modules; return where they were. Tied ones have one name."""
    names = {id(p): name for name, p in network.named_parameters()}
    places = []
    for module in network.modules():
        for attribute, parameter in list(module._parameters.items()):
            if parameter is not None:
                del module._parameters[attribute]
                places.append((module, attribute, names[id(parameter)]))
    return places


def constants_of(network: nn.Module) -> Tensors:
    """Return the buffers that training leaves as they are, by name."""
    return {name: getattr(module, attribute) for module, attribute, name in _constant_places(network)}


def free_constants(network: nn.Module, names: Sequence[str]) -> list[Place]:
    """Take some constants out of a network's modules; return where they were."""
    places = [place for place in _constant_places(network) if place[2] in names]
    for module, attribute, _ in places:
        del module._buffers[attribute]
    return places


def _constant_places(network: nn.Module) -> list[Place]:
    return [
        (module, attribute, f"{prefix}.{attribute}" if prefix else attribute)
        for prefix, module in network.named_modules()
        if not (isinstance(module, _BatchNorm) and module.track_running_stats)
        for attribute, buffer in module._buffers.items()
        if buffer is not None
    ]


def own_constants(networks: Sequence[nn.Module], device: torch.device, dtype: torch.dtype) -> Tensors:
    """Put constants that all networks have alike on the device, in the first network; return the others, (R, ...)."""
    found, own = [constants_of(network) for network in networks], {}
    for module, attribute, name in _constant_places(networks[0]):
        values = [constants[name] for constants in found]
        if all(value is values[0] or torch.equal(value, values[0]) for value in values[1:]):
            module._buffers[attribute] = _sent(values[0], device, dtype)
        else:
            own[name] = _sent(torch.stack(values), device, dtype)
    return own


def _sent(values: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return values.to(device, dtype if values.is_floating_point() else None)
