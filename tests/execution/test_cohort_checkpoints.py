"""Cohorts that are broken off: what is written, what is gone on from, and what the records say of it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.cohorts import configs_of, specs_of
from support.configs import run_config
from support.stored_bits import stored_bits

from mtlrun.cli.signals import Ended, as_interruptions
from mtlrun.errors import StoreError
from mtlrun.execution import checkpoints
from mtlrun.execution.checkpoints import Checkpointing, Terms, take_begun
from mtlrun.execution.coordination.heartbeat import Cancelled
from mtlrun.execution.train import train_and_store
from mtlrun.execution.workers.task import Task
from mtlrun.planning.cohorts import cut_programs, group_runs
from mtlrun.planning.runs import config_id
from mtlrun.planning.settings.saving import Rule
from mtlrun.store.checkpoints import FOLDER, Checkpoints
from mtlrun.store.store import Store

CPU = torch.device("cpu")
NEVER_S = 1e9
CONFIGS = [run_config(s, 60, "float32", weighting="famo", regularization="dropout") for s in (0, 1)]
IDS = [config_id(config) for config in CONFIGS]
SAVE = {run_id: [Rule("per_task")] for run_id in IDS}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Training:
    """A cohort that is trained into a store, and may be ended by a signal after some steps.

    Attributes:
        told: run-steps.
        notes: texts.
    """

    def __init__(self, store: Path, every_s: float | None = NEVER_S, every: int | None = 7) -> None:
        self.store, self.every_s, self.every = Store(store), every_s, every
        self.told: list[int] = []
        self.notes: list[str] = []

    def run(
        self,
        stop_at: int = 0,
        steps_done: int = 0,
        configs: Any = CONFIGS,
        end: Callable[[], object] = lambda: signal.raise_signal(signal.SIGTERM),
    ) -> None:
        def progress(steps: int) -> None:
            self.told.append(steps)
            if stop_at and sum(self.told) == (stop_at - steps_done) * len(configs):
                end()

        checkpointing = None
        if self.every_s is not None:
            terms = Terms("cpu", False, self.every, SAVE)
            checkpointing = Checkpointing(self.store, terms, False, self.every_s, self.notes.append)
        task = Task(specs_of(configs), "cpu", save=SAVE, every=self.every, steps_done=steps_done)
        with as_interruptions():
            train_and_store(task, self.store, CPU, progress, checkpointing)


def broken_off(store: Path, steps: int = 25, steps_done: int = 0) -> Training:
    """Train until a signal comes."""
    training = Training(store)
    with pytest.raises(Ended):
        training.run(stop_at=steps, steps_done=steps_done)
    return training


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    store = tmp_path_factory.mktemp("never") / "stopped"
    training = Training(store, every_s=None)
    torch.set_num_threads(1)
    training.run()
    assert training.notes == [] and not (store / FOLDER).exists()
    return stored_bits(store)


def left(store: Path) -> list[tuple[list[str], int]]:
    return [(one.about["runs"], one.step) for one in Checkpoints(store).found()]


def costs(store: Path) -> list[dict[str, Any]]:
    return list(Store(store).runs()["cost"])


def test_a_signal_writes_a_checkpoint_and_training_goes_on_from_it(tmp_path, expected):
    assert sum(broken_off(tmp_path).told) == 25 * 2
    assert left(tmp_path) == [(IDS, 25)] and Store(tmp_path).statuses() == {}
    again = Training(tmp_path)
    again.run(steps_done=25)
    assert sum(again.told) == (60 - 25) * 2  # just the rest
    assert again.notes == ["going on from a checkpoint of 2 runs at step 25"]
    assert stored_bits(tmp_path) == expected
    assert left(tmp_path) == []
    assert [cost["resumed_at"] for cost in costs(tmp_path)] == [[25], [25]]


def test_an_interrupt_of_who_hears_of_progress_writes_a_checkpoint_first(tmp_path, expected):
    def cancel() -> None:
        raise Cancelled

    training = Training(tmp_path)
    with pytest.raises(Cancelled):
        training.run(stop_at=25, end=cancel)
    assert left(tmp_path) == [(IDS, 25)]
    Training(tmp_path).run(steps_done=25)
    assert stored_bits(tmp_path) == expected


def test_times_are_those_of_all_parts_and_each_part_is_told(tmp_path, expected, monkeypatch):
    broken_off(tmp_path)
    found = Checkpoints(tmp_path)
    (one,) = found.found()
    arrays, text = found.read(one.about)
    late = text.replace('"wall_s": ', '"wall_s": 1000').replace('"step_wall_s": ', '"step_wall_s": 1000')
    late = late.replace('"step_device_s": ', '"step_device_s": 1000').replace('"peak_mib": ', '"peak_mib": 9')
    found.write(one.about, one.step, arrays, late)
    broken_off(tmp_path, 40, steps_done=25)
    Training(tmp_path).run(steps_done=40)
    assert stored_bits(tmp_path) == expected
    for cost in costs(tmp_path):
        assert cost["resumed_at"] == [25, 40]
        assert cost["wall_s"] > 10000 / 2 and cost["peak_mib"] > 90
        assert cost["step_wall_s"] > 10000 / 120 and cost["step_device_s"] > 10000 / 120


def test_uninterrupted_runs_say_nothing_of_checkpoints(tmp_path, expected):
    training = Training(tmp_path, every_s=1e-9)  # one after every step
    training.run()
    assert stored_bits(tmp_path) == expected
    assert left(tmp_path) == [] and training.notes == []
    assert all("resumed_at" not in cost for cost in costs(tmp_path))


def test_checkpoints_are_written_as_often_as_was_asked(tmp_path, monkeypatch):
    written, clock = [], [0.0]
    write = Checkpoints.write

    def noted(self, about, step, *rest):
        written.append(step)
        write(self, about, step, *rest)

    def ticking():
        clock[0] += 1.0
        return clock[0]

    monkeypatch.setattr(Checkpoints, "write", noted)
    monkeypatch.setattr(checkpoints.time, "monotonic", ticking)
    Training(tmp_path, every_s=20.0).run()
    assert len(written) in (2, 3) and written[0] in (19, 20, 21)


@pytest.mark.parametrize("damage", ("cut", "flipped", "other state"))
def test_a_damaged_checkpoint_is_told_and_training_begins_anew(damage, tmp_path, expected):
    broken_off(tmp_path)
    found = Checkpoints(tmp_path)
    (one,) = found.found()
    path = found.path(one.about)
    content = bytearray(path.read_bytes())
    if damage == "other state":
        found.write(one.about, one.step, {}, '{"mapping": {"step": 25}}')
    else:
        content[-100] ^= 1
        path.write_bytes(content[:-200] if damage == "cut" else content)
    again = Training(tmp_path)
    again.run(steps_done=25)
    (note,) = again.notes
    assert note.startswith("a checkpoint is ignored, and its runs are trained from the beginning: ")
    assert sum(again.told) == (60 - 25) * 2  # what was thought to be done is taken back
    assert stored_bits(tmp_path) == expected
    assert left(tmp_path) == []
    assert all("resumed_at" not in cost for cost in costs(tmp_path))


def test_models_of_another_make_begin_anew(tmp_path, expected, monkeypatch):
    broken_off(tmp_path)
    monkeypatch.setattr("mtlrun.training.loop.cohort.Cohort.fits", lambda self, state: False)
    again = Training(tmp_path)
    again.run(steps_done=25)
    assert again.notes[1:] == [
        "a checkpoint is ignored, and its runs are trained from the beginning: its models have other parameters"
    ]
    assert sum(again.told) == (60 - 25) * 2
    assert stored_bits(tmp_path) == expected


@pytest.mark.parametrize("name", ("__version__", "FORMAT"))
def test_a_checkpoint_of_another_version_is_not_used(name, tmp_path, expected, monkeypatch):
    broken_off(tmp_path)
    monkeypatch.setattr(checkpoints, name, 99 if name == "FORMAT" else "0.0.1")
    again = Training(tmp_path)
    again.run()
    assert again.notes == [] and sum(again.told) == 120
    assert stored_bits(tmp_path) == expected
    assert left(tmp_path) == [(IDS, 25)]  # of a version that may come back; its runs are stored now
    Checkpoints(tmp_path).sweep(IDS)
    assert left(tmp_path) == []


def test_without_checkpoints_a_signal_ends_training_at_once(tmp_path):
    training = Training(tmp_path, every_s=None)
    with pytest.raises(Ended):
        training.run(stop_at=25)
    assert not (tmp_path / FOLDER).exists()


def test_a_checkpoint_that_cannot_be_written_is_told_once_and_training_goes_on(
    tmp_path, expected, monkeypatch
):
    def full(self, *arguments):
        raise StoreError("`x` cannot be written: No space left on device")

    monkeypatch.setattr(Checkpoints, "write", full)
    training = Training(tmp_path, every_s=1e-9)
    training.run()
    assert training.notes == ["no checkpoint: `x` cannot be written: No space left on device"]
    assert stored_bits(tmp_path) == expected


def test_a_store_that_was_removed_is_not_made_anew(tmp_path):
    store = tmp_path / "store"
    training = Training(store, every_s=1e-9)
    training.store.create()

    def removing(steps: int) -> None:
        shutil.rmtree(store, ignore_errors=True)

    training.told = type("Removing", (list,), {"append": lambda self, steps: removing(steps)})()
    with pytest.raises(StoreError, match="was removed"):
        training.run()
    assert not store.exists() and "was removed" in training.notes[0]


@pytest.mark.parametrize(("every_s", "kept"), [(NEVER_S, 0), (1e-9, 1)])
def test_a_failure_keeps_only_a_checkpoint_that_served_until_then(every_s, kept, tmp_path, monkeypatch):
    broken_off(tmp_path)
    step = "mtlrun.training.loop.phase_trainer.Trainer.step"
    monkeypatch.undo()
    from mtlrun.training.loop.phase_trainer import Trainer

    plain = Trainer.step

    def failing(self, batch, number):
        if number == 30:
            raise RuntimeError("a fault")
        return plain(self, batch, number)

    monkeypatch.setattr(step, failing)
    Training(tmp_path, every_s).run(steps_done=25)
    assert set(Store(tmp_path).statuses().values()) == {"failed"}
    assert left(tmp_path) == [(IDS, 30)] * kept


def programs_of(configs=CONFIGS):
    return group_runs(specs_of(configs))


TERMS = Terms("cpu", False, 7, SAVE)


def test_planning_takes_begun_cohorts_first_and_cuts_the_rest(tmp_path):
    broken_off(tmp_path)
    more = [
        *CONFIGS,
        *(run_config(s, 60, "float32", weighting="famo", regularization="dropout") for s in (2, 3, 4)),
    ]
    (program,) = programs = programs_of(more)
    program.width = 1
    assert take_begun(programs, Checkpoints(tmp_path).found(), TERMS, None) == []
    cohorts = cut_programs(programs, 4)
    assert sorted(len(cohort.run_ids) for cohort in cohorts) == [1, 1, 1, 2]
    (begun,) = (cohort for cohort in cohorts if cohort.steps_done)
    assert (begun.run_ids, configs_of(begun)) == (IDS, CONFIGS)
    assert (begun.steps_done, begun.run_steps, begun.compiled) == (25, 35 * 2, False)
    assert {r for cohort in cohorts for r in cohort.run_ids} == set(program.run_ids)


def test_planning_passes_over_what_is_not_asked_for_and_what_overlaps(tmp_path):
    found = Checkpoints(tmp_path)
    for runs, step in ((IDS, 20), ([IDS[1]], 50), ([IDS[0], "elsewhere"], 59), (IDS[::-1], 22)):
        found.write(TERMS.about(runs, False), step, {}, "{}")
    programs = programs_of()
    assert take_begun(programs, found.found(), TERMS, None) == []
    assert [(one.run_ids, one.steps) for one in programs[0].begun] == [([IDS[1]], 50)]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (Terms("cuda", False, 7, SAVE), "device"),
        (Terms("cpu", True, 7, SAVE), "deterministic"),
        (Terms("cpu", False, None, SAVE), "every"),
        (Terms("cpu", False, 7, {}), "save"),
    ],
)
def test_planning_tells_of_checkpoints_under_other_terms(other, told, tmp_path):
    broken_off(tmp_path)
    programs = programs_of()
    (note,) = take_begun(programs, Checkpoints(tmp_path).found(), other, None)
    text = f"a checkpoint of 2 runs at step 25 is of other {told}: its runs are trained from the beginning"
    assert note == text and programs[0].begun == []


def test_whether_steps_are_compiled_is_the_checkpoints_unless_it_is_said(tmp_path):
    Checkpoints(tmp_path).write(TERMS.about(IDS, True), 20, {}, "{}")
    found = Checkpoints(tmp_path).found()
    for compiled, taken in ((None, [True]), (True, [True]), (False, [])):
        programs = programs_of()
        notes = take_begun(programs, found, TERMS, compiled)
        assert [one.compiled for one in programs[0].begun] == taken
        assert bool(notes) is not bool(taken)
        assert [cohort.compiled for cohort in cut_programs(programs)] == [bool(taken)]


def test_a_second_signal_does_not_wait(tmp_path, monkeypatch):
    training = Training(tmp_path)

    class Twice(list):
        def append(self, steps):
            super().append(steps)
            if len(self) == 5:
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGTERM)

    training.told = Twice()
    with pytest.raises(Ended):
        training.run()
    assert left(tmp_path) == [] and not os.path.exists(tmp_path / FOLDER)
