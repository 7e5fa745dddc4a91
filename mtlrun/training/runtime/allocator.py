"""Memory of freed tensors is kept for the next step, rather than given back to the system and asked for again.

A training step frees and allocates the same megabytes thousands of times. With glibc's defaults each step may pay
for hundreds of page faults, up to a third of its time (docs/performance.md).
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
KEPT_BYTES = 2**30  # free at the end of the heap
MAPPED_BYTES = (
    2**25
)  # larger tensors come and go as before: among them, holes would cost more than page faults


def keep_freed_memory() -> bool:
    """Tell the C library's allocator; returns whether it could be told. Results do not depend on it."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, other C libraries may not
    return mallopt is not None and all(
        mallopt(option, size)
        for option, size in ((M_TRIM_THRESHOLD, KEPT_BYTES), (M_MMAP_THRESHOLD, MAPPED_BYTES))
    )
