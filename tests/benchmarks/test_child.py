"""A child's cost is its own: not that of the process which asks, nor without its children."""

from __future__ import annotations

import sys

import pytest

from benchmarks.child import CommandFailed, run_child

SPIN = "import time\nwhile time.process_time() < 0.3: pass"


def test_output_and_cost_of_a_command() -> None:
    cost = run_child([sys.executable, "-c", f"{SPIN}\nprint('done')"])
    assert cost.output == "done\n"
    assert 0.3 <= cost.cpu_s < 3.0
    assert cost.wall_s >= 0.3


def test_cost_includes_children() -> None:
    nested = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPIN!r}], check=True)"
    assert run_child([sys.executable, "-c", nested]).cpu_s >= 0.3


def test_peak_memory_is_the_childs_alone() -> None:
    held = bytearray(300 * 2**20)  # bytes that this process holds
    small = run_child([sys.executable, "-c", "pass"])
    large = run_child([sys.executable, "-c", "x = bytearray(b'1') * (200 * 2**20)"])
    assert len(held) == 300 * 2**20
    assert small.peak_mib < 100
    assert 200 <= large.peak_mib < 300


def test_a_failed_command_tells_what_it_wrote() -> None:
    with pytest.raises(CommandFailed, match="no such thing"):
        run_child([sys.executable, "-c", "import sys; sys.exit('no such thing')"])
