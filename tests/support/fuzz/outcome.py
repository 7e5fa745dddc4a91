"""What must hold however a command ends: no traceback, no hang, no file by half, one of the known exit codes."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from mtlrun.errors import MtlrunError
from support.commands import Result, mtlrun

CPU_LIMIT_S = 10.0
"""Processor time after which a command hangs. Clock time would blame a busy machine."""

CLOCK_LIMIT_S = 180.0
"""For a command that waits for something, as for a pipe."""

MEMORY = 4 * 2**30
"""Bytes that commands may take beyond what this process has at the beginning."""

CODES = (0, 1, 2, 3)


class HangError(BaseException):
    """A command has taken too long."""


class _Caught:
    """Keeps whatever a command lets through, but for an interruption of the tests."""

    error: BaseException | None = None

    def __enter__(self) -> _Caught:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return not isinstance(error, KeyboardInterrupt)


@contextlib.contextmanager
def limits() -> Iterator[None]:
    """Let a command end with `HangError` when it takes too long."""

    def hangs(number: int, frame: Any) -> None:
        raise HangError(f"signal {number}")

    timers = {
        signal.ITIMER_PROF: (signal.SIGPROF, CPU_LIMIT_S),
        signal.ITIMER_REAL: (signal.SIGALRM, CLOCK_LIMIT_S),
    }
    before = {number: signal.signal(number, hangs) for number, _ in timers.values()}
    for timer, (_, seconds) in timers.items():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def scarce_memory() -> Iterator[None]:
    """Let allocations fail, instead of the machine, where an input asks for far too much memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = (
        int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else None
    )
    if pages is not None:
        resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class Search:
    """Runs commands, counts how they ended, and keeps what must not have happened.

    A search goes on after a failure, so that one search tells all kinds of them.

    Args:
        folder: the working folder of the commands; new files of theirs stand there.

    Attributes:
        counts: examples by how they ended, and whatever else a test counts.
        failures: by kind the first command and what it did.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.failures: dict[str, str] = {}

    def run(self, words: Sequence[str], output: Path | None = None) -> Result | None:
        """Run a command; return what it gave, or None where it broke a rule.

        Args:
            words: of its line.
            output: a file that it is asked to write, and that is not there before.
        """
        found, error = self._tried(lambda: mtlrun(*words))
        broken = _crash(error) if error is not None else self._broken(found, output)
        if broken:
            self._keep(broken, f"mtlrun {_shown(words)}")
            return None
        self.counts[f"exit {found.code}"] += 1
        return found

    def call(self, act: Callable[[], Any], title: str) -> None:
        """Call a function, which may raise errors for users.

        Args:
            act: the function.
            title: tells what it does.
        """
        _, error = self._tried(act)
        if error is None:
            self.counts["accepted"] += 1
        elif isinstance(error, MtlrunError):
            self.counts["refused"] += 1
        else:
            self._keep(_crash(error), title)

    def _tried(self, act: Callable[[], Any]) -> tuple[Any, BaseException | None]:
        """Return what a function gives, or raises; the process is as before afterwards."""
        self.counts["examples"] += 1
        environment, path = dict(os.environ), list(sys.path)
        found, caught = None, _Caught()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with caught, limits():
                found = act()
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
        return found, caught.error

    def _keep(self, broken: str, title: str) -> None:
        kind = broken.splitlines()[0]
        self.counts["failures"] += 1
        if kind not in self.failures:
            self.failures[kind] = f"{title}\n{broken}"
            print(f"\n{self.failures[kind]}", flush=True)  # a long search need not end before it is read

    def _broken(self, result: Result, output: Path | None) -> str:
        if result.code not in CODES:
            return f"exit code {result.code}\n{result.err}"
        if "Traceback (most recent call last)" in result.err:
            return f"traceback on stderr: {result.err.strip().splitlines()[-1]}\n{result.err}"
        if result.code == 2 and not re.search("^mtlrun: ", result.err, re.M):
            return f"exit code 2 without a message\n{result.err}"
        if result.code == 2 and output is not None and output.exists():
            return f"a file by half: {output.name}\n{result.err}"
        left = list(self.folder.rglob(".*.tmp"))
        for path in left:
            path.unlink()
        return f"left behind: {left[0].name}" if left else ""

    def told(self, title: str) -> str:
        """Return the counts in one line."""
        return f"{title}: " + ", ".join(f"{name} {count:,}" for name, count in self.counts.items())

    def verify(self, title: str) -> None:
        """Print the counts; fail where a command broke a rule, and tell one command of each kind."""
        print(self.told(title))
        kinds = "\n\n".join(self.failures.values())
        assert not self.failures, f"{len(self.failures)} kinds of failures\n{kinds}"


def _crash(error: BaseException) -> str:
    """Return an exception that no command may let through: its kind with its innermost line, then all of it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/mtlrun/" in f.filename or "/hydra_plugins/" in f.filename] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
    trace = "".join(traceback.format_exception(error))
    return f"{type(error).__name__} at {place}: {str(error)[:200]!r}\n{trace[-3000:]}"


def _shown(words: Sequence[str]) -> str:
    return " ".join(ascii(word) for word in words)
