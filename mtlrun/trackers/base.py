"""What every experiment tracker has in common: its settings, and that it writes a stored study."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from mtlrun.config import Configured
from mtlrun.errors import Fault, MtlrunError

if TYPE_CHECKING:
    from mtlrun.trackers.content import TrackedStudy

Tell = Callable[[], None]
"""Is called before the first request and after each answer, so that a tracker that does not answer is noticed."""


class TrackerError(MtlrunError):
    """A tracker that cannot be written to; a note says so, and the study continues."""


class Written(NamedTuple):
    """What a tracker was given.

    Attributes:
        new: runs that it did not have.
        known: runs that it had.
        place: where to look at them.
    """

    new: int
    known: int
    place: str


@dataclass
class Tracker(Configured, ABC):
    """Writes the runs of a stored study, and what was found of them.

    What it has of a run is left as it is, so that the same command may write twice.

    Attributes:
        module: the module that must be there to write.
        extra: the extra of mtlrun that installs it.
        timeout_s: seconds without an answer after which it is given up.
        limit_s: seconds after which it is given up, however it answers.
    """

    module: ClassVar[str]
    extra: ClassVar[str]

    timeout_s: float = field(default=60.0, kw_only=True)
    limit_s: float = field(default=1800.0, kw_only=True)

    @abstractmethod
    def write(self, study: TrackedStudy, tell: Tell) -> Written:
        """Write what the tracker does not have yet.

        Args:
            study: what the store has of it.
            tell: called before the first request, and after each answer.

        Raises:
            TrackerError: it cannot be written to. Errors of its own library may also come through.
        """

    def faults(self) -> Iterator[Fault]:
        """Yield limits that are not positive, and a library that is not installed."""
        for name in ("timeout_s", "limit_s"):
            if getattr(self, name) <= 0:
                yield Fault(name, "must be positive", getattr(self, name))
        if not _is_installed(self.module):
            yield Fault("_target_", f"needs the package {self.module}: pip install 'mtlrun[{self.extra}]'")


def _is_installed(module: str) -> bool:
    """Whether there is such a module; a folder without code, as the one that wandb writes, is none."""
    found = importlib.util.find_spec(module)
    return found is not None and found.origin is not None
