"""Weights & Biases: a group of runs for each study, offline unless the environment says otherwise."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtlrun.errors import Fault
from mtlrun.trackers.base import Tell, Tracker, TrackerError, Written

if TYPE_CHECKING:
    from mtlrun.trackers.content import TrackedRun, TrackedStudy

MODE = "WANDB_MODE"

COMPLETE = "mtlrun-complete"
"""File in a run's folder that says that all of it was written, and with which status."""


@dataclass
class WeightsAndBiases(Tracker):
    """Writes run folders of Weights & Biases, which `wandb sync` uploads; WANDB_MODE=online uploads them at once.

    Attributes:
        project: the name of the project.
        entity: user or team; null: wandb's default.
        folder: where; null: the store's folder. wandb makes a folder `wandb` in it.
    """

    project: str = "mtlrun"
    entity: str | None = None
    folder: str | None = None

    module = "wandb"
    extra = "wandb"

    def faults(self) -> Iterator[Fault]:
        """Yield a project without a name, besides the faults of every tracker."""
        yield from super().faults()
        if not self.project:
            yield Fault("project", "must be a name", self.project)

    def write(self, study: TrackedStudy, tell: Tell) -> Written:
        """Write the runs that have no folder yet, and what the study found; see `Tracker.write`."""
        if os.environ.get(MODE) == "disabled":
            raise TrackerError(f"{MODE} is disabled")
        folder = Path(self.folder) if self.folder else study.folder
        folder.mkdir(parents=True, exist_ok=True)
        ending = hashlib.sha256(study.name.encode()).hexdigest()[:6]  # several studies may have one run
        tell()
        has = _complete(folder / "wandb")
        new = [r for r in study.statuses if has.get(f"{r}-{ending}") != study.statuses[r]]
        for run in study.read(new):
            with self._opened(study, folder, f"{run.run_id}-{ending}", run) as opened:
                _write_run(opened, run)
            _mark(opened, run.status)
            tell()
        of_study = f"study-{hashlib.sha256(study.files['report.json']).hexdigest()[:10]}-{ending}"
        if of_study not in has:
            with self._opened(study, folder, of_study) as opened:
                _write_study(opened, study)
            _mark(opened, "finished")
        return Written(len(new), len(study.statuses) - len(new), str(folder / "wandb"))

    def _opened(self, study: TrackedStudy, folder: Path, id_: str, run: TrackedRun | None = None) -> Any:
        """Open a run of Weights & Biases: one of ours, or that of the study."""
        import wandb

        config: dict[str, Any] = {"study": study.name}
        if run is not None:
            config |= {**run.about.labels, **run.settings, **run.made_with}
            config |= {"run_id": run.run_id, "seed": run.seed, "status": run.status}
        mode: Any = os.environ.get(MODE) or "offline"
        settings = wandb.Settings(silent=True, console="off", disable_git=True, x_disable_stats=True)
        return wandb.init(
            project=self.project,
            entity=self.entity,
            dir=str(folder),
            id=id_,
            name=run.name if run else f"study {study.name}",
            group=study.name,
            job_type=run.about.role if run else "study",
            config=config,
            mode=mode,
            save_code=False,
            settings=settings,
        )


def _complete(folder: Path) -> dict[str, str]:
    """Return the status of runs whose folders are whole, by the id that they have there."""
    marks = folder.glob(f"*run-*/{COMPLETE}") if folder.is_dir() else ()
    return {_id(path.parent): path.read_text() for path in marks}


def _id(folder: Path) -> str:
    """Return the id of a run's folder, which is called `[offline-]run-DATE_TIME-ID`."""
    return folder.name.removeprefix("offline-").split("-", 2)[2]


def _mark(opened: Any, status: str) -> None:
    Path(opened.dir).parent.joinpath(COMPLETE).write_text(status)


def _write_run(opened: Any, run: TrackedRun) -> None:
    """Write a run's curves, a line for each step."""
    for step, points in groupby(run.points, key=lambda point: point.step):
        opened.log({point.name: point.value for point in points}, step=step)
    opened.summary.update({f"cost/{key}": value for key, value in run.cost.items()})
    opened.summary["status"] = run.status
    if run.error:
        opened.summary["error"] = run.error


def _write_study(opened: Any, study: TrackedStudy) -> None:
    """Write the tables, gains and the report of a study."""
    import wandb

    shown: dict[str, Any] = {"report": wandb.Html(study.files["report.html"].decode(), inject=False)}
    for name in ("rows", "contrasts", "suites"):
        if rows := study.table(name):
            values: list[Any] = [list(row.values()) for row in rows]
            shown[name] = wandb.Table(list(rows[0]), values, allow_mixed_types=True)
    opened.log(shown)
    opened.summary.update(study.measures())
    opened.summary["found"] = study.text()
    for name, content in study.files.items():
        path = Path(opened.dir) / name
        path.write_bytes(content)
        opened.save(str(path), base_path=opened.dir, policy="end")
