"""The process that writes to one tracker: standard input says what, standard output takes events.

An event is `{}` for each answer of the tracker, and at last `new`, `known` and `place`, or an `error`.
"""

from __future__ import annotations

import json
import os
import sys
from types import TracebackType
from typing import Any, TextIO

from mtlrun.config import build
from mtlrun.errors import MtlrunError
from mtlrun.store.store import Store
from mtlrun.trackers.base import Tracker
from mtlrun.trackers.content import TrackedStudy
from mtlrun.user_code import told


def start() -> None:
    """Do what standard input says, and end."""
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no event

    def tell_error(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        _tell(events, {"error": str(error) if isinstance(error, MtlrunError) else told(error)})

    sys.excepthook = tell_error  # of whatever kind it is, nobody else is there to tell it
    write(json.loads(sys.stdin.read()), events)


def write(request: dict[str, Any], events: TextIO) -> None:
    """Write a study to a tracker.

    Args:
        request: the folder of its `store`, the name of the `study`, and the `node` of the tracker.
        events: where answers are written.
    """
    tracker: Tracker = build(request["node"])
    study = TrackedStudy(Store(request["store"]), request["study"])
    study.judge()  # before the first request, since it may take longer than an answer
    written = tracker.write(study, lambda: _tell(events, {}))
    _tell(events, written._asdict())


def _tell(events: TextIO, event: dict[str, Any]) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()
