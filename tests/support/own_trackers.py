"""Trackers of somebody else's: they fail in every way that a tracker can."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from mtlrun.trackers.base import Tracker, Written


@dataclass
class Noting(Tracker):
    """Writes the names of runs into a file."""

    path: str = ""

    module = "json"
    extra = "none"

    def write(self, study, tell):
        tell()
        print("this is no event")
        names = [run.name for run in study.read(study.statuses)]
        Path(self.path).write_text("\n".join(names))
        return Written(len(names), 0, self.path)


@dataclass
class Raising(Noting):
    def write(self, study, tell):
        raise ZeroDivisionError("no such thing\nand a second line")


@dataclass
class Dying(Noting):
    def write(self, study, tell):
        os._exit(7)


@dataclass
class Hanging(Noting):
    """Writes its process id, answers once, then never again."""

    def write(self, study, tell):
        Path(self.path).write_text(str(os.getpid()))
        tell()
        time.sleep(600)


@dataclass
class Dripping(Noting):
    """Answers for ever."""

    def write(self, study, tell):
        while True:
            tell()
            time.sleep(0.1)


@dataclass
class Missing(Noting):
    module = "no_such_package"
    extra = "missing"
