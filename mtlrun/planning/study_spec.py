"""What a command asks for, read once from its checked jobs: planning, training and storing take it as objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtlrun.catalog import Known
from mtlrun.config import Configured
from mtlrun.memo import Memo
from mtlrun.planning.run_spec import Config
from mtlrun.planning.runs import PARTS
from mtlrun.planning.tuning import Tuning

CELL_NODES = (*PARTS, "budget")
"""The groups that a cell is made of."""


@dataclass(frozen=True, eq=False)
class JobSpec:
    """One job: a cell, or several where its options stand for several.

    Attributes:
        nodes: complete nodes by group of `CELL_NODES`.
        dtype: of the parameters.
    """

    nodes: Mapping[str, Config]
    dtype: str


@dataclass(frozen=True, eq=False)
class StudySpec:
    """What a command asks for: settings of the study as a whole, and its jobs.

    Attributes:
        name: under which the store keeps the study.
        store: folder of the store.
        invocation: tells the command from others.
        statistics: node that says how the study is judged.
        stop: node that says when it has enough seeds.
        check: settings for the gate.
        seeds: of every cell; more are added to a cell while it is undecided, where `stop` says so.
        controls: names of `mtlrun.prepare.controls.CONTROLS`.
        frontier: points of a front from one task alone to another; None for no front.
        tuning: settings to try before; None for none.
        launcher: trains, as of `mtlrun.execution.launcher.Launcher`.
        device: `auto`, `cpu` or `cuda`.
        save: which weights are kept: `best`, `last` or None.
        every: how often diagnostics are recorded, as of `mtlrun.planning.settings.recording.steps_between`.
        checkpoint_s: seconds from one checkpoint of a cohort to the next; None for no checkpoints.
        trackers: node of each tracker that the study is written to, by name.
        jobs: in the order of the command.
        plain: the config of the first job, whose settings of the study are those of all.
        known: every option that has a name.
        memo: knows what other jobs, and other studies of the same command, have in common with these.
    """

    name: str
    store: str
    invocation: str
    statistics: Config
    stop: Config
    check: Config
    seeds: list[int]
    controls: list[str]
    frontier: int | None
    tuning: Tuning | None
    launcher: Configured
    device: str
    save: str | None
    every: int | None
    checkpoint_s: float | None
    trackers: Mapping[str, Mapping[str, Any]]
    jobs: Sequence[JobSpec]
    plain: Config
    known: Known
    memo: Memo
