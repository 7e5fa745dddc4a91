"""A study whose runs no memory holds is refused before training, and the setting at fault is named."""

from __future__ import annotations

import pytest
from support.commands import mtlrun, tiny
from support.configs import run_config
from support.jobs import make_job

from mtlrun.errors import ConfigError
from mtlrun.execution.batch import plan_batch
from mtlrun.planning.cohorts import group_runs
from mtlrun.planning.run_spec import CellSpec
from mtlrun.planning.study import plan_study
from mtlrun.prepare.checks import prepare
from mtlrun.prepare.estimate import size_programs
from mtlrun.prepare.too_large import cause, check_memory, size_text

HUGE = "model.width=100000000"


@pytest.mark.parametrize("command", ["plan", "run", "sweep"])
def test_no_command_goes_on(command, tmp_path):
    found = mtlrun(command, *tiny(tmp_path / "s", HUGE))
    assert found.code == 2
    assert "`model.width` makes one run need about" in found.err
    assert found.err.count("\n") == 1
    assert ("memory    about" in found.out) == (command == "plan")
    assert not (tmp_path / "s").exists()


def test_a_setting_to_try_is_refused_too(tmp_path):
    found = mtlrun("run", *tiny(tmp_path / "s", "tune.model.width=[16,100000000]", "tune.seeds=1"))
    assert (found.code, "`model.width` makes one run need" in found.err) == (2, True), found.err


def test_a_width_that_torch_cannot_describe_is_named(tmp_path):
    found = mtlrun("run", *tiny(tmp_path / "s", "model.width=100000000000"))
    assert found.code == 2
    assert "`model.width` is too large: a network of this size cannot be built" in found.err


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({"model__width": 4096}, ("model.width", 4096)),
        ({"model__width": 4096, "budget__batch_size": 33}, ("model.width", 4096)),
        ({"heads": "mlp", "heads__width": 100_000}, ("heads.width", 100_000)),
        ({"budget__batch_size": 33}, None),
    ],
)
def test_the_setting_whose_default_spares_most_is_the_cause(choices, expected):
    assert cause(CellSpec.of(run_config(**choices))) == expected


def test_memory_is_what_decides():
    programs = group_runs(plan_study(prepare([make_job()])).runs.values())
    size_programs(programs, memory_mib=1e6)
    check_memory(programs, 1e6)
    check_memory([], 0)
    for program in programs:
        program.data_mib = 0.0
    with pytest.raises(ConfigError, match="one run needs about 0 MiB of memory, but 0 MiB is free"):
        check_memory(programs, 1e-6)
    size_programs(programs, memory_mib=1e6, data="resident")
    programs[0].data_mib = 2**20
    with pytest.raises(
        ConfigError, match=r"`launch\.data` must be `streamed` or `auto`: the inputs take 1,024 GiB"
    ):
        check_memory(programs, 2000)


def test_no_more_processes_than_runs_fit(monkeypatch, tmp_path):
    job = make_job(model__width=2048, budget__min_steps=200_000, store=str(tmp_path))
    monkeypatch.setattr("mtlrun.execution.local.cores", lambda: 8)
    monkeypatch.setattr("mtlrun.execution.local.free_mib", lambda device: 1e5)
    assert plan_batch(prepare([job])).processes == 8
    one_takes_460_and_a_run = 1200.0
    monkeypatch.setattr("mtlrun.execution.local.free_mib", lambda device: one_takes_460_and_a_run)
    assert plan_batch(prepare([job])).processes == 2


def test_sizes_are_told_in_the_unit_of_their_size():
    assert [size_text(mib) for mib in (3.4, 2048, 2**20)] == ["3 MiB", "2.0 GiB", "1,024 GiB"]
