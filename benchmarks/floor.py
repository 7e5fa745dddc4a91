"""`python -m benchmarks.floor`: the least time that a run-step can take here, by operations and by bytes.

Operations: those of the matrix products and convolutions of a step, over the rate of one large product. Bytes: what
a step must read and write if nothing stays in a cache but within a kernel, over the rate of adding two large
tensors. A row can be no faster than the larger of the two; on a cache of megabytes the bytes can be beaten.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.ours import bench_cohort, endless
from benchmarks.works import IMAGES, MODELS, STEPS, Work, model_settings
from mtlrun.training.cost import step_flops
from mtlrun.training.loop.cohort import Cohort

LARGE = 1024  # rows of the product that shows the rate of operations
STREAMED = 2**25  # elements of the tensors that show the rate of bytes
ADAM_PASSES = 7  # parameter, both moments: read and written; gradient: read
FLOAT = 4  # bytes


class Floor(NamedTuple):
    """What one run-step needs at least."""

    flops: int
    bytes: int

    def seconds(self, flops_per_s: float, bytes_per_s: float) -> tuple[float, float]:
        """Return the seconds by operations and by bytes."""
        return self.flops / flops_per_s, self.bytes / bytes_per_s


def floor(work: Work) -> Floor:
    """Return the floor of a work: bytes are of the optimizer, the gradients, and activations there and back."""
    options = {"weighting": work.weighting, "model": MODELS[work.network]}
    images = work.network != "mlp"
    cohort = bench_cohort(1, endless(work.batch), options, model_settings(work), images)
    parameters = sum(p.numel() for p in cohort.parameters.values())
    tasks = len(cohort.info.tasks)
    passes = 1 if work.weighting == "equal" else tasks + 1  # gradients written by task, then combined
    elements = parameters * (ADAM_PASSES + passes) + 4 * _activations(cohort, work.batch)
    return Floor(step_flops({**cohort.config, "seed": 0}, torch.device("cpu")), elements * FLOAT)


def _activations(cohort: Cohort, batch: int) -> int:
    """Return the elements of inputs and of every layer's outputs for a batch."""
    network = cohort.network.to_empty(device="cpu")
    source = cohort.info.sources[0]
    inputs, sizes = torch.zeros(batch, *source.input_shape), []
    leaves = [m for m in network.modules() if not list(m.children())]
    handles = [m.register_forward_hook(lambda m, args, out: sizes.append(out.numel())) for m in leaves]
    with torch.no_grad():
        network([inputs])
    for handle in handles:
        handle.remove()
    return inputs.numel() + sum(sizes)


def rates() -> tuple[float, float]:
    """Return this machine's floating-point operations and bytes a second, on torch's threads: best of several."""
    square = torch.randn(LARGE, LARGE)
    product = torch.empty_like(square)
    a, b = torch.ones(STREAMED), torch.ones(STREAMED)

    def best(work: Callable[[], object], repeats: int = 8) -> float:
        found = []
        for _ in range(repeats):
            begun = time.process_time()
            work()
            found.append(time.process_time() - begun)
        return min(found)

    flops = 2 * LARGE**3 / best(lambda: torch.mm(square, square, out=product))
    return flops, 3 * FLOAT * STREAMED / best(lambda: a.add_(b))


def main() -> None:
    """Print the floors of all works."""
    torch.set_num_threads(1)
    flops_per_s, bytes_per_s = rates()
    page = Table(title=f"floors at {flops_per_s / 1e9:.0f} GFLOP/s and {bytes_per_s / 1e9:.1f} GB/s")
    for heading in ("work", "MFLOP", "KiB", "us by operations", "us by bytes", "run-steps/s at most"):
        page.add_column(heading, justify="left" if heading == "work" else "right")
    for work in (*STEPS, *IMAGES):
        least = floor(work)
        by_operations, by_bytes = least.seconds(flops_per_s, bytes_per_s)
        cells = (least.flops / 1e6, least.bytes / 1024, by_operations * 1e6, by_bytes * 1e6)
        most = 1 / max(by_operations, by_bytes)
        page.add_row(work.name, *(f"{c:,.1f}" for c in cells), f"{most:,.0f}")
    Console(width=120).print(page)


if __name__ == "__main__":
    main()
