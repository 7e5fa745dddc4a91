"""Networks of one run for tests of sharing schemes."""

from __future__ import annotations

from typing import Any

import torch

from mtlrun.config import build
from mtlrun.sharing.drawn import Drawn
from mtlrun.training.network import Network, Parts, build_network
from mtlrun.training.vectorize.masks import PROGRESS, draw_shapes, hold, sites_of
from support.configs import run_config


def network_of(seed: int = 0, suite: str = "digits_permuted", **choices: Any) -> Network:
    """Return the network of a run, float64."""
    config = run_config(seed, suite=suite, **choices)
    return build_network(Parts.of(config), build(config["suite"]).info(), seed).double()


def inputs_of(suite: str = "digits_permuted") -> list[torch.Tensor]:
    """Return nine images for each source of a suite, float64."""
    generator = torch.Generator().manual_seed(0)
    sources = 2 if suite == "digits_permuted" else 1
    return [torch.randn(9, 1, 8, 8, generator=generator, dtype=torch.float64) for _ in range(sources)]


def counts(network: Network) -> dict[int | None, int]:
    """Return the numbers of shared parameters and of each task's own."""
    owners, found = network.owners(), {}
    for name, values in network.named_parameters():
        found[owners[name]] = found.get(owners[name], 0) + values.numel()
    return found


def moved(network: Network) -> Network:
    """Move every parameter a little, away from zeros and equal copies that some schemes begin with."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for values in network.parameters():
            values += 0.1 * torch.randn(values.shape, generator=generator, dtype=values.dtype)
    return network


def drawn(network: Network, lanes: int) -> dict[str, torch.Tensor]:
    """Return what a network's own modules draw in a step, for several runs, (R, ...) by name; progress is 0.1."""
    generator = torch.Generator().manual_seed(11)
    shapes = draw_shapes(network)
    found = {n: torch.rand(lanes, *s, generator=generator, dtype=torch.float64) for n, s in shapes.items()}
    return found | {PROGRESS: torch.full((lanes,), 0.1, dtype=torch.float64)} if found else {}


def in_training(network: Network, draws: dict[str, torch.Tensor] | None = None, lane: int = 0) -> Network:
    """Let a network see the numbers of a training step, by default some of its own, and return it."""
    draws = drawn(network, 1) if draws is None else draws
    sites = [site for site in sites_of(network) if isinstance(site, Drawn)]
    hold(sites, {name: numbers[lane] for name, numbers in draws.items()})
    return network


def copy_weights(source: torch.nn.Module, target: torch.nn.Module) -> None:
    """Give a module the weights of another with the same parameters in the same order."""
    with torch.no_grad():
        for ours, theirs in zip(target.parameters(), source.parameters(), strict=True):
            ours.copy_(theirs)
