"""Standard output, which may be a full disk, a closed pipe, or nothing at all."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from mtlrun.errors import MtlrunError, StoreError
from mtlrun.text.printable import printable


class OutputError(MtlrunError):
    """Standard output that cannot be written."""


def write_out(content: str | bytes, end: str = "\n") -> None:
    """Write text with an end, or bytes as they are, to standard output.

    Raises:
        OutputError: it cannot be written.
        BrokenPipeError: its reader has gone.
    """
    try:
        if isinstance(content, bytes):
            sys.stdout.buffer.write(content)
        else:
            sys.stdout.write(content + end)
        sys.stdout.flush()  # here at the latest a fault is noticed
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise OutputError(f"standard output cannot be written: {error.strerror}") from error


def say(text: str) -> None:
    """Write a line of text for people to standard output, control characters in it as escapes.

    Raises:
        OutputError: it cannot be written.
        BrokenPipeError: its reader has gone.
    """
    write_out(printable(text))


def tell(text: str) -> None:
    """Write a message to standard error, control characters in it as escapes; nowhere where nobody can read it."""
    with contextlib.suppress(OSError):
        print(printable(text), file=sys.stderr, flush=True)


def discard_output() -> None:
    """Let the rest of standard output go nowhere, so that its end does not fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_file(path: str, content: str | bytes) -> None:
    """Write a file whole or not at all; what a link leads to, and straight into a pipe or a device.

    Raises:
        StoreError: it cannot be written.
    """
    from mtlrun.store.files import write_whole

    data = content.encode() if isinstance(content, str) else content
    place = Path(path).resolve()
    if not place.exists() or place.is_file():
        write_whole(place, lambda file: file.write(data))
        return
    try:
        place.write_bytes(data)
    except OSError as error:
        raise StoreError(f"`{path}` cannot be written: {error.strerror or error}") from error
