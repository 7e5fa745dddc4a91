"""What is told while training: lines where there is no terminal, a bar where there is one."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mtlrun import progress
from mtlrun.execution.local import Local
from mtlrun.progress import Progress


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def batch(reused: int = 0, processes: int = 1) -> Any:
    """Return a batch of two cohorts: 3 runs and 1,000 run-steps."""
    cohorts = [
        SimpleNamespace(runs=["a", "b"], run_steps=600),
        SimpleNamespace(runs=["c"], run_steps=400),
    ]
    known = set(map(str, range(reused)))
    return SimpleNamespace(cohorts=cohorts, reused=known, processes=processes, launcher=Local())


def test_what_is_trained_and_reused_is_told_first(clock):
    for reused, processes, told in (
        (0, 1, "training 3 runs in 2 cohorts on 1 process\n"),
        (1234, 2, "training 3 runs, reusing 1,234, in 2 cohorts on 2 processes\n"),
    ):
        stream = io.StringIO()
        Progress(stream).begin(batch(reused, processes))
        assert stream.getvalue() == told


def test_remarks_are_printed_as_they_are():
    stream = io.StringIO()
    Progress(stream).note("[red]1 of 2[/]")
    assert stream.getvalue() == "[red]1 of 2[/]\n"


def test_lines_come_at_intervals_with_rate_and_time_left(clock):
    stream = io.StringIO()
    watcher = Progress(stream)
    watcher.begin(batch())
    for _ in range(4):  # 40 run-steps every second, of which the first 6 s are the start
        clock.now += 3
        watcher.advance(120)
    clock.now += 4
    watcher.advance(160)
    clock.now += 1
    watcher.end()
    lines = stream.getvalue().splitlines()[1:]
    assert lines == [" 48 %, 40 run-steps/s, 13 s left", "640 run-steps in 17.0 s"]


def test_a_short_study_is_told_in_two_lines(clock):
    stream = io.StringIO()
    watcher = Progress(stream)
    watcher.begin(batch())
    for _ in range(1000):
        watcher.advance(1)
    clock.now += 1.5
    watcher.end()
    assert stream.getvalue().splitlines()[1:] == ["1,000 run-steps in 1.5 s"]


def test_nothing_moves_for_a_while(clock):
    stream = io.StringIO()
    watcher = Progress(stream)
    watcher.begin(batch())
    for _ in range(3):
        clock.now += 6
        watcher.advance(0)
    assert "0 run-steps/s, 0 s left" in stream.getvalue()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal, whatever the environment says of the real one."""
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end(stream):
    watcher = Progress(stream)
    watcher.begin(batch())
    watcher.advance(500)
    cast(Any, watcher)._bar.refresh()
    assert "50 %" in stream.getvalue()
    watcher.end()
    shown = stream.getvalue().rsplit("\x1b", 1)[-1]
    assert "500 run-steps in" in shown
    assert " left" not in shown


def test_an_interrupted_bar_leaves_the_terminal_as_it_was(stream):
    watcher = Progress(stream)
    watcher.begin(batch())
    watcher.end()
    text = stream.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is hidden and shown again
