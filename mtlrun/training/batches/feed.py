"""What the steps of a cohort consume: batches, further batches and random numbers, from every run's own streams."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch import Tensor

from mtlrun.data.task import Augment, Source, SuiteData
from mtlrun.streams import stream
from mtlrun.training.batches.augment import DRAWS
from mtlrun.training.batches.bank import Bank, BatchStream, Wanted, batch_streams
from mtlrun.training.batches.lanes import Batch, Examples
from mtlrun.training.vectorize.masks import Masks

CHUNK_STEPS = 64  # batches are drawn and sent to the device for this many steps at a time
GATHERED = 2**17  # input elements that are gathered at once, where batches are small: what a core keeps near


class Feed:
    """Draws for all lanes of a cohort.

    Args:
        seeds: one per lane.
        data: one per lane.
        bank: the data on the device.
        sizes: examples of each source in a batch.
        send: brings an array to the device.
        masks: of the network, for all lanes.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        data: Sequence[SuiteData],
        bank: Bank,
        sizes: Sequence[int],
        send: Callable[[np.ndarray], Tensor],
        masks: Masks,
    ) -> None:
        self._masks = masks
        self._seeds, self._data, self._bank, self._sizes, self._send = seeds, data, bank, sizes, send
        self._rows = [len(source.splits["train"]) for source in data[0].sources]

    def batches(
        self,
        steps: int,
        skip: int,
        extra: int,
        draws: Sequence[tuple[slice, tuple[int, ...]]],
        first: int = 0,
    ) -> Iterator[Batch]:
        """Yield the batches of some steps.

        Args:
            steps: how many.
            skip: batches of every run's own sequence that are passed over.
            extra: further, independent batches that every step gets.
            draws: for each rules their lanes and the shape of the random numbers that a lane's step needs.
            first: steps that are done already. Whole chunks of them are not drawn; the batches that follow lie in
                memory as they would have done.
        """
        begun = first // CHUNK_STEPS * CHUNK_STEPS
        examples = self._examples("batches", skip + begun)
        further = [self._examples(f"extra/{k}", skip + begun) for k in range(extra)]
        numbers = [self._numbers(*wanted, begun) for wanted in draws]
        flags = [self._send(np.array(flag)) for flag in (False, True)]
        per_epoch = max(n / b for n, b in zip(self._rows, self._sizes, strict=True))
        for step in range(begun, steps):
            new_epoch = int(step / per_epoch) > int((step - 1) / per_epoch)
            batch = Batch(
                next(examples), [next(f) for f in further], [next(n) for n in numbers], flags[new_epoch]
            )
            if step >= first:
                yield batch

    def _examples(self, name: str, skip: int) -> Iterator[Examples]:
        """Yield examples without end, of the batches that the stream `name` of every run gives."""
        streams = batch_streams(self._seeds, self._data, self._sizes, name)
        masks = self._masks.of(name, skip, CHUNK_STEPS)
        varied = [
            self._variations(f"augment/{name}/{s.name}", s.augment, b, skip) for s, b in self._sources()
        ]
        for lane in (lane for source in streams for lane in source):
            lane.skip(skip)
        full = all(n == b for n, b in zip(self._rows, self._sizes, strict=True))
        if full and not any(s.augment for s, _ in self._sources()):  # always the same
            rows = [self._bank.rows(np.stack([lane.take(1)[0] for lane in source])) for source in streams]
            always = self._bank.gather(rows)
            yield from (Examples(*always, mask) for mask in masks)
        for inputs, targets in self._bank.gather_each(self._wanted(streams, varied)):
            for k in range(len(inputs[0])):
                yield Examples([x[k] for x in inputs], [y[k] for y in targets], next(masks))

    def _wanted(
        self, streams: Sequence[Sequence[BatchStream]], varied: Sequence[Iterator[Tensor | None]]
    ) -> Iterator[Wanted]:
        """Yield without end the rows of some steps, (steps, R, B) per source, and how they are varied."""
        largest = max(b * t.elements for b, t in zip(self._sizes, self._bank.inputs, strict=True))
        together = min(max(1, GATHERED // (largest * len(self._seeds))), CHUNK_STEPS)
        while True:
            chunk = [self._bank.rows(np.stack([lane.take(CHUNK_STEPS) for lane in s], 1)) for s in streams]
            draws = [next(v) for v in varied]
            for first in range(0, CHUNK_STEPS, together):
                now = slice(first, first + together)
                yield [c[now] for c in chunk], [None if d is None else d[now] for d in draws]

    def _sources(self) -> list[tuple[Source, int]]:
        """Return the sources of the first lane, with the examples of each in a batch."""
        return list(zip(self._data[0].sources, self._sizes, strict=True))

    def _variations(
        self, name: str, augment: Augment | None, size: int, skip: int
    ) -> Iterator[Tensor | None]:
        """Yield uniform numbers for `CHUNK_STEPS` batches at a time, (steps, R, B, 3), from the runs' streams."""
        if augment is None:
            yield from itertools.repeat(None)
        draws = [stream(seed, name) for seed in self._seeds]
        for lane in draws:
            lane.bit_generator.advance(skip * size * DRAWS)  # type: ignore[attr-defined]
        while True:
            yield self._send(np.stack([d.random((CHUNK_STEPS, size, DRAWS)) for d in draws], 1))

    def _numbers(self, lanes: slice, shape: tuple[int, ...], skip: int) -> Iterator[Tensor | None]:
        """Yield random numbers without end, (R, *shape), from some lanes' own streams; None for no shape.

        Those of the first `skip` steps are passed over.
        """
        if not shape:
            yield from itertools.repeat(None)
        draws = [stream(seed, "weighting") for seed in self._seeds[lanes]]
        for lane in draws:
            lane.bit_generator.advance(skip * math.prod(shape))  # type: ignore[attr-defined]
        while True:
            yield from self._send(np.stack([d.random((CHUNK_STEPS, *shape)) for d in draws], 1))
