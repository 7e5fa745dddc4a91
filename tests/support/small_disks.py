"""Small file systems in memory, where this user may mount them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = 4096


def mount(*words: str) -> str:
    """Mount something, and return why that failed, or ""."""
    try:
        done = subprocess.run(["mount", *words], capture_output=True, text=True)
    except FileNotFoundError:
        return "there is no `mount` here"
    return done.stderr.strip() or ("" if done.returncode == 0 else f"mount ended with {done.returncode}")


@contextlib.contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[Path]:
    """Mount a file system of so many KiB at a folder; leave the test out where that is not possible."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs Linux and root")
    folder.mkdir()
    if fault := mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)):
        pytest.skip(f"no file system can be mounted here: {fault}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def change(folder: Path, options: str) -> None:
    """Change a mounted file system, as to another size, or so that it can only be read."""
    assert not mount("-o", f"remount,{options}", str(folder))
