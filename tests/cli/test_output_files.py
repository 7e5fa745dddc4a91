"""Where `--output` leads: a file, what a link names, or a pipe that somebody reads."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mtlrun.cli.output import write_file
from mtlrun.errors import StoreError


def test_a_link_stays_and_what_it_names_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_file(str(tmp_path / "link"), "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


def test_a_pipe_stays_and_is_written_into(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_file(str(pipe), b"content")
    reader.join()
    assert read == [b"content"] and pipe.is_fifo()


def test_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written: Is a directory"):
        write_file(str(tmp_path), "text")
