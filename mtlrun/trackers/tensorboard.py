"""TensorBoard: a folder of event files for each run, and one for the study."""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtlrun.errors import Fault
from mtlrun.trackers.base import Tell, Tracker, Written

if TYPE_CHECKING:
    from mtlrun.trackers.content import TrackedRun, TrackedStudy

STUDY = "_study"
"""The folder of what a study found; runs have ids at the end of theirs."""

_NOT_ALLOWED = re.compile(r"[^\w.=+\-\[\]]+")


@dataclass
class TensorBoard(Tracker):
    """Writes event files, which `tensorboard --logdir FOLDER` shows.

    Attributes:
        folder: where; null: `tensorboard` in the store's folder. Each study has a folder of its name in it.
    """

    folder: str | None = None

    module = "tensorboard"
    extra = "tensorboard"

    def faults(self) -> Iterator[Fault]:
        """Yield a file in the folder's place, besides the faults of every tracker."""
        yield from super().faults()
        if self.folder is not None and os.path.isfile(self.folder):
            yield Fault("folder", "must be a folder, and is a file", self.folder)

    def write(self, study: TrackedStudy, tell: Tell) -> Written:
        """Write the runs that the folder does not have, and what the study found; see `Tracker.write`."""
        folder = (Path(self.folder) if self.folder else study.folder / "tensorboard") / study.name
        folder.mkdir(parents=True, exist_ok=True)
        tell()
        has = _found(folder)
        new = study.lacking({run_id: status for run_id, (_, status) in has.items()})
        for run in study.read(new):
            if run.run_id in has:
                shutil.rmtree(has[run.run_id][0])  # of a run that failed at first
            _write_whole(folder, _folder_name(run), lambda writer, run=run: _write_run(writer, run))
            tell()
        _write_whole(folder, STUDY, lambda writer: _write_study(writer, study))
        for name, content in study.files.items():
            (folder / STUDY / name).write_bytes(content)
        return Written(len(new), len(study.statuses) - len(new), str(folder))


def _found(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return the folders of runs that are there, with the status that they were written with, by run id."""
    found = {}
    for path in folder.iterdir():
        status, _, run_id = path.name.rpartition(".")[2].partition("-")
        if run_id and not path.name.startswith("."):
            found[run_id] = (path, status)
    return found


def _folder_name(run: TrackedRun) -> str:
    """Return a name for people, then the run's status and id, by which it is found again."""
    return f"{_NOT_ALLOWED.sub('_', run.name)[:150]}.{run.status}-{run.run_id}"


def _write_whole(folder: Path, name: str, write: Any) -> None:
    """Write the events of one folder aside, then move it into place, so that it is there whole or not at all."""
    from torch.utils.tensorboard import SummaryWriter

    beside, place = folder / f".{name}.tmp", folder / name
    shutil.rmtree(beside, ignore_errors=True)
    with SummaryWriter(str(beside)) as writer:
        write(writer)
    shutil.rmtree(place, ignore_errors=True)
    beside.rename(place)


def _write_run(writer: Any, run: TrackedRun) -> None:
    """Write a run's curves, its settings, and how it ended; settings and last values are TensorBoard's hparams."""
    from torch.utils.tensorboard.summary import hparams

    last = {}
    for step, name, value in run.points:
        writer.add_scalar(name, value, step)
        if name.startswith("test/") and math.isfinite(value):
            last[name] = value
    settings: dict[str, Any] = {**run.about.labels, **run.settings, "seed": run.seed, "role": run.about.role}
    for summary in hparams(settings, dict.fromkeys(last, 0.0)):
        writer.file_writer.add_summary(summary)
    about: dict[str, Any] = {
        "run_id": run.run_id,
        "status": run.status,
        "error": run.error,
        **settings,
        **run.made_with,
    }
    about |= {f"cost.{key}": value for key, value in run.cost.items()}
    writer.add_text("run", "\n".join(f"    {key}: {value}" for key, value in about.items()))


def _write_study(writer: Any, study: TrackedStudy) -> None:
    """Write the verdicts, the contrasts and the report's sentences as text, and gains as scalars."""
    for name, value in study.measures().items():
        writer.add_scalar(name, value, len(study.statuses))
    writer.add_text("report", study.text())
    for name in ("rows", "contrasts", "suites"):
        writer.add_text(name, _markdown(study.table(name)))


def _markdown(rows: list[dict[str, Any]]) -> str:
    """Return rows as a table."""
    if not rows:
        return "none"
    lines = ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    cells = ([_text(value) for value in row.values()] for row in rows)
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in cells)])


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value).replace("|", "\\|")
