"""What trackers write of a study: its runs with settings and curves, and the report. Read from the store."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from mtlrun.catalog import Known, label, options_of
from mtlrun.memo import Memo
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.formats.registry import render
from mtlrun.report.setting_text import setting_text
from mtlrun.report.tables import plain
from mtlrun.report.text.sentences import sentences
from mtlrun.store.store import Store

CHUNK = 200
"""Runs whose curves are read at a time."""

LEFT_OUT = ("data", "sources", "seed")
"""What of a config is no setting: digests of data and of code; the seed has a key of its own."""


class Point(NamedTuple):
    """A metric at a step of training; `name` is `SPLIT/TASK/METRIC`."""

    step: int
    name: str
    value: float


class About(NamedTuple):
    """What a run is in its study.

    Attributes:
        role: `multi-task`, `single-task` for a baseline, or `control`.
        labels: the cell's labels; of a baseline its suite; and `task` or `control` where it is of one.
        hyper: settings that vary within the study.
    """

    role: str
    labels: dict[str, str]
    hyper: dict[str, Any]


@dataclass(frozen=True)
class TrackedRun:
    """A run as trackers show it.

    Attributes:
        run_id: as in the store.
        about: what it is in its study.
        seed: its seed.
        status: `finished`, `diverged` or `failed`.
        error: the message of a failed run, else "".
        settings: every setting by dotted key, as text.
        made_with: the device, and the version of each package.
        cost: its figures, units in their names.
        points: its curves, in the order of steps.
    """

    run_id: str
    about: About
    seed: int
    status: str
    error: str
    settings: dict[str, str]
    made_with: dict[str, str]
    cost: dict[str, float]
    points: list[Point]

    @property
    def name(self) -> str:
        """A name for people: what is trained, and the seed."""
        labels = self.about.labels
        parts = (
            [labels["suite"], labels["sharing"], labels["mitigation"]]
            if self.about.role == "multi-task"
            else [labels["suite"], labels.get("control", self.about.role), labels["task"]]
        )
        hyper = [f"{key}={setting_text(value)}" for key, value in self.about.hyper.items()]
        return " ".join([*parts, *hyper, f"seed={self.seed}"])


class TrackedStudy:
    """A study as trackers show it.

    Args:
        store: where it is.
        name: its name.

    Attributes:
        runs: what each run is that the study asks for.
        statuses: of those that are stored.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name = store, name
        self.manifest = store.read_study(name)
        self.runs = runs_of(self.manifest["cells"])
        self._known, self._memo = options_of(), Memo()
        stored = store.statuses()
        self.statuses = {run_id: stored[run_id] for run_id in self.runs if run_id in stored}

    @property
    def folder(self) -> Path:
        """The folder of the store."""
        return self.store.path

    def lacking(self, has: Mapping[str, str]) -> list[str]:
        """Return the ids of stored runs that a tracker does not have, or has with another status.

        Args:
            has: the status that it has, by run id.
        """
        return [run_id for run_id, status in self.statuses.items() if has.get(run_id) != status]

    def read(self, run_ids: Iterable[str]) -> Iterator[TrackedRun]:
        """Yield runs with their curves."""
        left = iter(run_ids)
        while ids := list(islice(left, CHUNK)):
            points = _points(self.store, ids)
            for row in self.store.runs(ids).to_dict("records"):
                settings = flat_settings(row["config"], self._known, self._memo)
                yield _tracked(row, self.runs[row["run_id"]], settings, points.get(row["run_id"], []))

    @cached_property
    def summary(self) -> Summary:
        """What the study found."""
        ids = set(self.runs)
        return summarise(self.manifest, self.store.runs(ids), self.store.curves(ids), self.store.scores(ids))

    def judge(self) -> None:
        """Make the report now, and not when it is first read."""
        _ = self.files

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table of the summary, as plain values; nested ones as text."""
        rows = getattr(self.summary, name).to_dict("records")
        return [{key: _cell(plain(value)) for key, value in row.items()} for row in rows]

    def measures(self) -> dict[str, float]:
        """Return the gain in percent of each row, and delta-m of each suite, by a name for people."""
        found = {}
        for name, table, column in (("gain_pct", "rows", "gain_pct"), ("delta_m", "suites", "delta_m")):
            for row in getattr(self.summary, table).to_dict("records"):
                if (value := plain(row[column])) is not None:
                    hyper = [f"{key}={setting_text(part)}" for key, part in row["hyper"].items()]
                    labels = [row[key] for key in ("suite", "task", "sharing", "mitigation") if key in row]
                    found["/".join([name, *map(str, labels), *hyper])] = float(value)
        return found

    def text(self) -> str:
        """Return what the study found in words."""
        return "\n\n".join(sentences(self.summary))

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The report by file name: as a page, for programs, and its tables."""
        asked = {"report.html": ("html", "rows"), "report.json": ("json", "rows")}
        asked |= {f"{level}.csv": ("csv", level) for level in ("rows", "contrasts", "suites", "runs")}
        found = {}
        for name, (form, level) in asked.items():
            content = render(self.summary, form, level)
            found[name] = content.encode() if isinstance(content, str) else content
        return found


def runs_of(cells: Iterable[Mapping[str, Any]]) -> dict[str, About]:
    """Return what each run is that a manifest's cells ask for; the first that asks for a run says it."""
    found: dict[str, About] = {}
    for cell in cells:
        labels = cell["labels"]
        for run_id in cell["runs"]:
            found.setdefault(run_id, About("multi-task", dict(labels), dict(cell.get("hyper") or {})))
    for cell in cells:
        of_suite = {"suite": cell["labels"]["suite"]}
        for task, ids in cell["baselines"].items():
            for run_id in ids:
                found.setdefault(run_id, About("single-task", {**of_suite, "task": task}, {}))
        for control, by_task in (cell.get("controls") or {}).items():
            for task, ids in by_task.items():
                about = About("control", {**of_suite, "control": control, "task": task}, {})
                found.update({run_id: about for run_id in ids if run_id not in found})
    return found


def flat_settings(config: Mapping[str, Any], known: Known, memo: Memo) -> dict[str, str]:
    """Return the settings of a run by dotted key, as text; under a group's own key stands the option."""
    found: dict[str, str] = {}
    for group, node in config.items():
        if group not in LEFT_OUT:
            if isinstance(node, Mapping) and "_target_" in node:
                found[group] = memo.keyed((group, node), label, group, node, known)
            found |= _flat(node, group)
    return found


def _flat(value: Any, key: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {key: setting_text(value)}
    parts = ((name, part) for name, part in value.items() if name != "_target_" or "." in key)
    return {k: text for name, part in parts for k, text in _flat(part, f"{key}.{name}").items()}


def _tracked(
    row: Mapping[Hashable, Any], about: About, settings: dict[str, str], points: list[Point]
) -> TrackedRun:
    return TrackedRun(
        row["run_id"],
        about,
        int(row["seed"]),
        row["status"],
        row["error"] or "",
        settings,
        {"device": row["device"], **{key: str(value) for key, value in row["versions"].items()}},
        {key: float(value) for key, value in row["cost"].items() if type(value) in (int, float)},
        points,
    )


def _points(store: Store, ids: Iterable[str]) -> dict[str, list[Point]]:
    """Return the curves of runs, by run id."""
    curves = store.curves(ids)
    found: dict[str, list[Point]] = {}
    columns = ("run_id", "split", "task", "metric", "step", "value")
    for run_id, split, task, metric, step, value in zip(
        *(curves[name].tolist() for name in columns), strict=True
    ):
        found.setdefault(run_id, []).append(Point(step, f"{split}/{task}/{metric}", value))
    return {run_id: sorted(points, key=lambda point: point.step) for run_id, points in found.items()}


def _cell(value: Any) -> Any:
    return setting_text(value) if isinstance(value, dict | list) else value
