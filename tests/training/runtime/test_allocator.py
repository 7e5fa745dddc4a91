"""The allocator keeps what a step frees: large tensors come from memory of its own, not from the system anew."""

import ctypes
import subprocess
import sys

import pytest

MAPPED = """
import ctypes, sys, torch
from mtlrun.training.runtime.allocator import keep_freed_memory

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"
    )]

mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Info
if sys.argv[1] == "kept":
    assert keep_freed_memory()
before = mallinfo().hblks
tensor = torch.ones(2**21)  # 8 MiB: with glibc's defaults at first a mapping of its own, given back when freed
print(mallinfo().hblks - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="glibc from 2.33 counts its mappings")
def test_large_tensors_are_not_mapped_anew():
    mapped = {
        how: int(subprocess.run([sys.executable, "-c", MAPPED, how], capture_output=True, check=True).stdout)
        for how in ("default", "kept")
    }
    assert mapped == {"default": 1, "kept": 0}
