"""Random numbers in the network: masks behind the blocks of encoders, and what sharing schemes decide by.

A run's numbers are drawn from its own streams, one for each name, and are given to every training step like its
examples. Names of masks know nothing of tasks, sharing or other lanes. Shape letters: R lanes, B batch.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtlrun.models.base import Encoder
from mtlrun.sharing.drawn import Drawn
from mtlrun.streams import stream
from mtlrun.training.vectorize.convolution import StackedLayer

DRAWN = 2**22  # elements of masks of all lanes that are drawn at once: 16 MiB

PROGRESS = "progress"
"""The name under which modules that draw find the part of the steps that went before, (R,)."""

Mask = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Maps uniform numbers to a mask of the same shape."""


class Site(StackedLayer):
    """Multiplies activations by the mask that it holds; without one it passes them on.

    Args:
        name: of the mask. Sites of one name have one mask.

    Attributes:
        batch_axis: 0; 1 in a network over stacked lanes. Masks have as many examples as the largest batch.
    """

    any_leading_axes = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.batch_axis = name, 0

    def forward(self, inputs: Tensor) -> Tensor:
        """Map activations to activations of the same shape."""
        if not self.held:
            return inputs
        (mask,) = self.held
        return inputs * mask.narrow(self.batch_axis, 0, inputs.shape[self.batch_axis])


def with_sites(encoder: Encoder, name: str) -> Encoder:
    """Return an encoder with a site behind each block, called `<name>/<block>`."""
    blocks = []
    for number, block in enumerate(encoder):
        site = Site(f"{name}/{number}")
        blocks.append(block.append(site) if type(block) is nn.Sequential else nn.Sequential(block, site))
    return Encoder(blocks, encoder.features)


def sites_of(network: nn.Module) -> list[Site | Drawn]:
    """Return all modules of a network that hold random numbers."""
    return [module for module in network.modules() if isinstance(module, Site | Drawn)]


def hold(sites: Sequence[Site | Drawn], masks: Mapping[str, Tensor]) -> None:
    """Give every site its numbers, or none."""
    for site in sites:
        names = (site.name, PROGRESS) if isinstance(site, Drawn) else (site.name,)
        site.held = [masks[name] for name in names] if masks else []


def draw_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what the modules of a sharing scheme draw in a step, by name."""
    return {site.name: site.shape for site in sites_of(network) if isinstance(site, Drawn)}


@torch.no_grad()
def mask_shapes(network: nn.Module, inputs: Sequence[tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return the shape of one example's mask by name; found by passing one example of zeros.

    Args:
        network: of one run, with real parameters.
        inputs: the shape of one example of each source.
    """
    sites = [site for site in sites_of(network) if isinstance(site, Site)]
    shapes: dict[str, tuple[int, ...]] = {}

    def note(site: nn.Module, _: object, outputs: Tensor) -> None:
        assert isinstance(site, Site)
        shapes[site.name] = tuple(outputs.shape[1:])

    hooks = [site.register_forward_hook(note) for site in sites]
    if sites:
        network([torch.zeros(1, *shape) for shape in inputs])
    for hook in hooks:
        hook.remove()
    return shapes


class Masks:
    """The masks and draws of all lanes.

    Args:
        seeds: one per lane.
        makers: one per lane, what makes its masks.
        shapes: of one example's mask, by name.
        rows: B, of the largest batch.
        send: brings an array to the device.
        draws: shapes of what one step draws besides, by name.
        steps: of the budget.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        makers: Sequence[Mask],
        shapes: Mapping[str, tuple[int, ...]],
        rows: int,
        send: Callable[[np.ndarray], Tensor],
        draws: Mapping[str, tuple[int, ...]] | None = None,
        steps: int = 1,
    ) -> None:
        self._seeds, self._makers, self._send = seeds, makers, send
        self._draws, self._steps = dict(draws or {}), steps
        self._shapes = {name: (rows, *shape) for name, shape in shapes.items()} | self._draws

    def of(self, purpose: str, skip: int, most: int) -> Iterator[dict[str, Tensor]]:
        """Yield the masks of steps without end, (R, B, ...) by name, and draws, (R, ...), with the progress, (R,).

        Args:
            purpose: what the examples of the steps are for, as their stream says.
            skip: steps of every run's own sequence that are passed over.
            most: steps that are drawn at once.
        """
        if not self._shapes:
            yield from itertools.repeat({})
        kinds = {name: "draws" if name in self._draws else "masks" for name in self._shapes}
        streams = {n: [stream(s, f"{kind}/{purpose}/{n}") for s in self._seeds] for n, kind in kinds.items()}
        for name, lanes in streams.items():
            for lane in lanes:
                _pass_over(lane, skip * math.prod(self._shapes[name]))
        elements = len(self._seeds) * sum(math.prod(shape) for shape in self._shapes.values())
        together = min(most, max(1, DRAWN // elements))
        for begun in itertools.count(skip, together):
            drawn = {name: self._send(self._draw(name, lanes, together)) for name, lanes in streams.items()}
            if self._draws:
                drawn[PROGRESS] = self._send(self._progress(begun, together))
            for step in range(together):
                yield {name: masks[step] for name, masks in drawn.items()}

    def _draw(self, name: str, lanes: Sequence[np.random.Generator], steps: int) -> NDArray[np.float32]:
        """Return the masks of some steps, (steps, R, B, ...); how many at once changes no number."""
        shape = (steps, *self._shapes[name])
        uniform = [lane.random(shape, np.float32) for lane in lanes]
        if name in self._draws:
            return np.stack(uniform, 1)
        return np.stack([mask(u) for mask, u in zip(self._makers, uniform, strict=True)], 1)

    def _progress(self, begun: int, steps: int) -> NDArray[np.float32]:
        """Return the part of the budget's steps that goes before each of some steps, at most 1, (steps, R)."""
        done = np.minimum(np.arange(begun, begun + steps) / self._steps, 1)
        return np.repeat(done.astype(np.float32)[:, None], len(self._seeds), 1)


def _pass_over(generator: np.random.Generator, numbers: int) -> None:
    """Pass over uniform numbers of 32 bits, of which a generator at its beginning makes two from each draw."""
    generator.bit_generator.advance(numbers // 2)  # type: ignore[attr-defined]
    generator.random(numbers % 2, np.float32)  # and keeps the second half
