"""The examples of all lanes, resident on the device or streamed to it; and the batches drawn from them.

Resident, each distinct array is there once. Targets are always resident.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlrun.data.task import Source, SuiteData
from mtlrun.streams import stream
from mtlrun.training.batches.augment import augmented
from mtlrun.training.batches.streamed_inputs import Streamed, ahead, arrived


class Table:
    """One array per lane, (R, N, ...), of which lanes with the same array share one copy.

    Args:
        arrays: one per lane.
        device: where they stay.
        dtype: of real numbers.
    """

    def __init__(self, arrays: Sequence[np.ndarray], device: torch.device, dtype: torch.dtype) -> None:
        distinct = {id(a): a for a in arrays}
        self.elements = arrays[0][0].size  # of one example
        flat = torch.from_numpy(np.concatenate(list(distinct.values()))).to(device)
        self._flat = flat.to(dtype) if flat.is_floating_point() else flat
        ends = np.cumsum([len(a) for a in distinct.values()])
        begins = dict(zip(distinct, [0, *ends[:-1].tolist()], strict=True))
        offsets = torch.tensor([[begins[id(a)]] for a in arrays])
        self._offsets = offsets.to(device) if len(distinct) > 1 else None

    def gather(self, rows: Tensor) -> Tensor:
        """Return each lane's rows: (..., R, B) row numbers to (..., R, B, ...)."""
        rows = rows.to(self._flat.device)
        if self._offsets is not None:
            rows = rows + self._offsets
        return self._flat.index_select(0, rows.reshape(-1)).unflatten(0, rows.shape)


class Inputs:
    """The inputs of one source of every lane. Bytes stay bytes on the device; what is gathered is standardised there.

    Args:
        sources: one per lane.
        device: where they are used.
        dtype: of what is gathered.
        streamed: whether they stay where they lie, and come to the device as they are gathered.

    Attributes:
        elements: of one example.
    """

    def __init__(
        self, sources: Sequence[Source], device: torch.device, dtype: torch.dtype, streamed: bool = False
    ) -> None:
        arrays = [s.inputs for s in sources]
        self._streamed = Streamed(arrays, device) if streamed else None
        self._table = self._streamed or Table(arrays, device, dtype)
        self.elements = self._table.elements
        self._dtype, self._augment = dtype, sources[0].augment
        self._mean, self._std = None, None
        if any(s.scaling is not None for s in sources):
            size, inner = sources[0].inputs.shape[1], (1,) * (sources[0].inputs.ndim - 2)
            as_is = (np.zeros(size, np.float32), np.ones(size, np.float32))
            both = [[np.array((s.scaling or as_is)[k]) for s in sources] for k in (0, 1)]
            self._mean, self._std = (
                torch.from_numpy(np.stack(k)).reshape(len(sources), 1, size, *inner).to(device, dtype)
                for k in both
            )

    def fetch(self, rows: Tensor) -> Any:
        """Begin to gather each lane's rows; this may be done in another thread. `finish` takes what it returns."""
        return self._table.gather(rows)

    def finish(self, fetched: Any, draws: Tensor | None = None) -> Tensor:
        """Return what was fetched, varied by `draws`, uniform numbers (..., R, B, 3), and standardised."""
        found: Tensor = arrived(*fetched) if self._streamed else fetched
        found = found.to(self._dtype) if found.is_floating_point() else found
        if draws is not None and self._augment is not None:
            found = augmented(found, draws, self._augment)
        found = found.to(self._dtype)
        return found if self._mean is None or self._std is None else (found - self._mean) / self._std

    def gather(self, rows: Tensor, draws: Tensor | None = None) -> Tensor:
        """Return each lane's rows as `Table.gather` does, finished."""
        return self.finish(self.fetch(rows), draws)


Wanted = tuple[Sequence[Tensor], Sequence[Tensor | None] | None]
"""Rows per source and draws, as of `Bank.gather`."""


class Bank:
    """The sources and targets of every lane of a cohort.

    Args:
        lanes: each lane's data; they agree in tasks and sizes.
        device: where the data stay.
        dtype: of inputs and of real-valued targets.
        streamed: whether inputs stay where they lie, and come to the device as they are gathered.

    Attributes:
        units: for each task what a difference of 1 in its targets was before they were standardised, (R, 1, K); None
            where they were not.
    """

    def __init__(
        self,
        lanes: Sequence[SuiteData],
        device: torch.device,
        dtype: torch.dtype,
        streamed: bool = False,
    ) -> None:
        self.tasks = lanes[0].tasks
        self.device, self.streamed = device, streamed
        sources = range(len(lanes[0].sources))
        self.inputs = [Inputs([d.sources[s] for d in lanes], device, dtype, streamed) for s in sources]
        self._targets = [
            Table([d.sources[d.tasks[t].source].targets[d.tasks[t].name] for d in lanes], device, dtype)
            for t in range(len(self.tasks))
        ]
        self.units = [self._unit(lanes, t, dtype) for t in range(len(self.tasks))]
        self._splits = [
            {
                name: np.stack([d.sources[s].splits[name] for d in lanes])
                for name in lanes[0].sources[s].splits
            }
            for s in sources
        ]

    def _unit(self, lanes: Sequence[SuiteData], task: int, dtype: torch.dtype) -> Tensor | None:
        name = self.tasks[task].name
        found = [(d.sources[d.tasks[task].source].units, d.tasks[task].name) for d in lanes]
        if name not in found[0][0]:
            return None
        scales = np.stack([units[name][1] for units, name in found])
        return torch.from_numpy(scales).to(self.device, dtype).unsqueeze(1)

    def gather(
        self, rows: Sequence[Tensor], draws: Sequence[Tensor | None] | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return inputs, one (R, B, ...) per source, and targets, one per task, of (R, B) rows per source.

        Further axes before the lanes stand for steps. Inputs are augmented by `draws`, uniform numbers (R, B, 3) per
        source or None.
        """
        (found,) = self.gather_each([(rows, draws)])
        return found

    def gather_each(self, wanted: Iterable[Wanted]) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
        """Yield what `gather` gives for each of some rows and draws; streamed inputs are read ahead of use."""
        begun = (
            (rows, draws or [None] * len(rows), [t.fetch(r) for t, r in zip(self.inputs, rows, strict=True)])
            for rows, draws in wanted
        )
        for rows, draws, fetched in ahead(begun) if self.streamed else begun:
            inputs = [t.finish(f, d) for t, f, d in zip(self.inputs, fetched, draws, strict=True)]
            numbered = zip(self._targets, self.tasks, strict=True)
            yield inputs, [table.gather(rows[task.source]) for table, task in numbered]

    def targets(self, task: int, rows: Tensor) -> Tensor:
        """Return the targets (R, B, ...) of one task, of (R, B) rows of its source."""
        return self._targets[task].gather(rows)

    def rows(self, numbers: np.ndarray) -> Tensor:
        """Return row numbers where they are needed: on the device, or here where inputs are streamed."""
        return torch.from_numpy(numbers).to("cpu" if self.streamed else self.device, non_blocking=True)

    def split(self, name: str, limit: int | None = None) -> list[Tensor]:
        """Return the rows of a split, one (R, n) per source, the first `limit` of them where it is given."""
        return [self.rows(part[name][:, :limit]) for part in self._splits]


class BatchStream:
    """The batches of one source in one run: passes over the training rows, each in a new random order.

    A batch may span two passes, so all have the same size; `full` batches are all rows in their own order.
    """

    def __init__(self, seed: int, source: str, rows: np.ndarray, size: int, name: str = "batches") -> None:
        self._rng = stream(seed, f"{name}/{source}")
        self._rows, self._size = rows, size
        self._left = rows[:0]

    def skip(self, steps: int) -> None:
        """Pass over the next batches, as `take` would; no more than one pass is in memory."""
        if self._size == len(self._rows):
            return
        rows = steps * self._size
        while rows > len(self._left):
            rows -= len(self._left)
            self._left = self._rng.permutation(self._rows)
        self._left = self._left[rows:]

    def take(self, steps: int) -> np.ndarray:
        """Return the rows of the next batches, (steps, B)."""
        if self._size == len(self._rows):
            return np.broadcast_to(self._rows, (steps, self._size))
        parts, have = [self._left], len(self._left)
        while have < steps * self._size:
            parts.append(self._rng.permutation(self._rows))
            have += len(self._rows)
        rows = np.concatenate(parts)
        self._left = rows[steps * self._size :]
        return rows[: steps * self._size].reshape(steps, self._size)


def batch_streams(
    seeds: Sequence[int], lanes: Sequence[SuiteData], sizes: Sequence[int], name: str = "batches"
) -> list[list[BatchStream]]:
    """Return the batch streams of every source (outer) and lane (inner), from their beginning.

    `name` is the random stream's.
    """
    return [
        [
            BatchStream(seed, d.sources[s].name, d.sources[s].splits["train"], size, name)
            for seed, d in zip(seeds, lanes, strict=True)
        ]
        for s, size in enumerate(sizes)
    ]
