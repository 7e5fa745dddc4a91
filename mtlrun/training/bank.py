"""The examples of all lanes, resident on the device, each distinct array once; and the batches drawn from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mtlrun.data.task import SuiteData
from mtlrun.streams import stream


class Table:
    """One array per lane, (R, N, ...), of which lanes with the same array share one copy."""

    def __init__(self, arrays: Sequence[np.ndarray], device: torch.device, dtype: torch.dtype) -> None:
        distinct = {id(a): a for a in arrays}
        place = {key: i for i, key in enumerate(distinct)}
        rows = len(arrays[0])
        self.elements = arrays[0][0].size  # of one example
        flat = torch.from_numpy(np.concatenate(list(distinct.values()))).to(device)
        self._flat = flat.to(dtype) if flat.is_floating_point() else flat
        offsets = torch.tensor([[place[id(a)] * rows] for a in arrays])
        self._offsets = offsets.to(device) if len(distinct) > 1 else None

    def gather(self, rows: Tensor) -> Tensor:
        """Return each lane's rows: (..., R, B) row numbers to (..., R, B, ...)."""
        if self._offsets is not None:
            rows = rows + self._offsets
        return self._flat.index_select(0, rows.reshape(-1)).unflatten(0, rows.shape)


class Bank:
    """The sources and targets of every lane of a cohort.

    Args:
        lanes: each lane's data; they agree in tasks and sizes.
        device: where the data stay.
        dtype: of inputs and of real-valued targets.
    """

    def __init__(self, lanes: Sequence[SuiteData], device: torch.device, dtype: torch.dtype) -> None:
        self.tasks = lanes[0].tasks
        self.device = device
        sources = range(len(lanes[0].sources))
        self.inputs = [Table([d.sources[s].inputs for d in lanes], device, dtype) for s in sources]
        self._targets = [
            Table([d.sources[d.tasks[t].source].targets[d.tasks[t].name] for d in lanes], device, dtype)
            for t in range(len(self.tasks))
        ]
        self._splits = [
            {
                name: np.stack([d.sources[s].splits[name] for d in lanes])
                for name in lanes[0].sources[s].splits
            }
            for s in sources
        ]

    def gather(self, rows: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return inputs, one (R, B, ...) per source, and targets, one per task, of (R, B) rows per source.

        Further axes before the lanes stand for steps.
        """
        inputs = [table.gather(r) for table, r in zip(self.inputs, rows, strict=True)]
        targets = [
            table.gather(rows[task.source]) for table, task in zip(self._targets, self.tasks, strict=True)
        ]
        return inputs, targets

    def split(self, name: str, limit: int | None = None) -> list[Tensor]:
        """Return the rows of a split, one (R, n) per source, the first `limit` of them where it is given."""
        return [torch.from_numpy(part[name][:, :limit]).to(self.device) for part in self._splits]


class BatchStream:
    """The batches of one source in one run: passes over the training rows, each in a new random order.

    A batch may span two passes, so all have the same size; `full` batches are all rows in their own order.
    """

    def __init__(self, seed: int, source: str, rows: np.ndarray, size: int, name: str = "batches") -> None:
        self._rng = stream(seed, f"{name}/{source}")
        self._rows, self._size = rows, size
        self._left = rows[:0]

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
