"""With which precision, and by which kernels, a cohort computes.

| dtype | parameters, losses, statistics | products |
|---|---|---|
| float32 | float32 | float32 |
| tf32 | float32 | TF32 on a GPU that has it (10 bits of mantissa), else float32 |
| bfloat16 | float32 | bfloat16, by torch's autocast |
| float64 | float64 | float64 |
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch

STORED = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.float32,
    "float64": torch.float64,
}
"""The type of the parameters, by the config's `dtype`."""


@contextlib.contextmanager
def numerics(dtype: str, deterministic: bool) -> Iterator[None]:
    """Set torch's own switches for a while, and put them back.

    Args:
        dtype: of the config.
        deterministic: whether only kernels may be used that give the same bits every time; one that has no such
            form then raises a RuntimeError.
    """
    precision, strict = torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled()
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs for it
    torch.set_float32_matmul_precision("high" if dtype == "tf32" else "highest")
    if deterministic != strict:  # the call imports torch._inductor, for 2 s
        torch.use_deterministic_algorithms(deterministic)
    try:
        with torch.backends.cudnn.flags(
            enabled=True, deterministic=deterministic, allow_tf32=dtype == "tf32"
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
        if deterministic != strict:
            torch.use_deterministic_algorithms(strict)
