"""Inputs that stay in main memory or in a mapped file, and come to the device batch by batch.

A thread reads and copies ahead of use, while the device trains. What arrives, and in which order, is what resident
inputs give, so results are equal bit for bit. Shape letters: R lanes, B batch.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

T = TypeVar("T")

AHEAD = 2  # pieces that are read before they are used


class Streamed:
    """One array per lane, (R, N, ...), left where it lies.

    Args:
        arrays: one per lane; `np.memmap` is read as rows are asked for.
        device: where rows are brought.
    """

    def __init__(self, arrays: Sequence[np.ndarray], device: torch.device) -> None:
        self.elements = arrays[0][0].size  # of one example
        self._arrays = [np.asarray(array) for array in arrays]
        self._shared = all(array is arrays[0] for array in arrays)
        self._dtype = torch.from_numpy(np.empty(0, arrays[0].dtype)).dtype
        self._pinned = device.type == "cuda"
        self._copies = torch.cuda.Stream(device) if self._pinned else None

    def gather(self, rows: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
        """Bring each lane's rows to the device: (..., R, B) row numbers, here, to (..., R, B, ...).

        On a GPU the copy may still go on when this returns; the event says when it is done.
        """
        first = self._arrays[0]
        host = torch.empty((*rows.shape, *first.shape[1:]), dtype=self._dtype, pin_memory=self._pinned)
        flat = (math.prod(rows.shape[:-2]), *rows.shape[-2:])  # (steps, R, B)
        wanted, found = rows.numpy().reshape(flat), host.numpy().reshape(*flat, *first.shape[1:])
        if self._shared:
            np.take(first, wanted, axis=0, out=found, mode="clip")  # other modes copy once more
        for lane, array in enumerate(() if self._shared else self._arrays):
            found[:, lane] = array[wanted[:, lane]]
        if self._copies is None:
            return host, None
        with torch.cuda.stream(self._copies):
            return host.to(self._copies.device, non_blocking=True), self._copies.record_event()


def arrived(found: Tensor, copied: torch.cuda.Event | None) -> Tensor:
    """Return what `Streamed.gather` brings, safe to use: later work on the GPU waits for the copy."""
    if copied is not None:
        now = torch.cuda.current_stream(found.device)
        now.wait_event(copied)
        found.record_stream(now)
    return found


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield what an iterator yields, worked out by a thread up to `AHEAD` items before they are asked for."""
    end = object()
    thread = ThreadPoolExecutor(1, "mtlrun-reads-ahead")
    try:
        waiting = deque(thread.submit(next, items, end) for _ in range(AHEAD))
        for _ in itertools.count():
            item = waiting.popleft().result()
            if item is end:
                return
            waiting.append(thread.submit(next, items, end))
            yield item  # type: ignore[misc]
    finally:
        thread.shutdown(wait=True, cancel_futures=True)
