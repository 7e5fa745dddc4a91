"""What tests of trackers share: copies of a trained store, and readers of what was written."""

from __future__ import annotations

import shutil
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtlrun.store.store import Store
from mtlrun.trackers.content import TrackedStudy

BLOCK, HEAD, FILE_HEAD = 32768, 7, 7


def copy_of(store: Path, place: Path) -> Path:
    """Copy a trained store, which tests leave as it is."""
    return Path(shutil.copytree(store, place))


def study_in(store: Path) -> TrackedStudy:
    """Return the one study of a store, read anew."""
    return TrackedStudy(Store(store), "main")


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes connections and never answers; yields its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def wandb_records(path: Path) -> Iterator[Any]:
    """Yield the records of a `.wandb` file: a LevelDB log of protocol buffers, behind a head of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, whole = path.read_bytes(), FILE_HEAD, b""
    while at + HEAD <= len(data):
        if BLOCK - at % BLOCK < HEAD:
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + HEAD])
        whole += data[at + HEAD : at + HEAD + length]
        at += HEAD + length
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(whole)
            whole = b""
