"""Networks without memory for their parameters: structure and shapes alone."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def without_memory(network: M) -> M:
    """Give a network parameters without memory, tied ones still tied, and return it; buffers stay."""
    known: dict[int, nn.Parameter] = {}
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                if id(parameter) not in known:
                    known[id(parameter)] = nn.Parameter(parameter.to("meta"), parameter.requires_grad)
                module._parameters[name] = known[id(parameter)]
    return network
