"""The command of a cell trains nothing new in the store that has its runs."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from support.commands import mtlrun, planned, tiny
from support.synthetic_study import realistic

from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.formats.html.reproduce import CellCommands, study_command
from mtlrun.store.store import Store


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    store = tmp_path_factory.mktemp("reproduce")
    overrides = (
        *("suite=linear_teachers", "suite.samples={a: 40, b: 60}", "model=linear", "model.width=1,2"),
        *("mitigation=none,pcgrad,l2", "optimizer=sgd", "seeds=[1,4]", "budget.steps=10", "budget=steps"),
        *("sharing=hard,soft", f"store={store}", "launch.processes=1", "dtype=float64"),
    )
    assert mtlrun("sweep", *overrides).code == 0
    stored = Store(store)
    return summarise(stored.read_study("main"), stored.runs(), stored.curves(), stored.scores())


def test_the_command_of_a_cell_has_all_its_runs(summary: Summary) -> None:
    commands = CellCommands(summary)
    for cell in list(summary.cells)[::5]:
        program, command, *overrides = shlex.split(commands.command(cell))
        assert (program, command) == ("mtlrun", "run")
        facts = planned(*overrides)
        assert facts["runs_new"] == 0
        assert facts["runs_reused"] == 2 * 3  # of two seeds, each with two baselines


def test_the_command_of_the_study_has_all_its_runs(summary: Summary) -> None:
    program, command, *overrides = shlex.split(study_command(summary.command))
    assert (program, command) == ("mtlrun", "sweep")
    assert planned(*overrides)["runs_new"] == 0


def test_what_no_command_says_has_none(summary: Summary) -> None:
    cell = next(iter(summary.cells))
    told = dict(summary.cells[cell])
    for change in (
        {"tuned": {"settings": {}}},
        {"resplit": {"splits": 2}},
        {"config": {**told["config"], "sources": {"own": "abc"}}},
        {"config": {**told["config"], "model": {"_target_": "my_package.Mine"}}},
    ):
        other = replace(summary, cells={cell: {**told, **change}})
        assert CellCommands(other).command(cell) == ""
    assert CellCommands(realistic(2).summary()).command("unknown") == ""
    assert study_command([]) == ""


def test_seeds_are_as_they_were(tmp_path) -> None:
    assert mtlrun("run", *tiny(tmp_path, "suite=digits_two")).code == 0
    stored = Store(tmp_path)
    found = summarise(stored.read_study("main"), stored.runs(), stored.curves())
    assert " seeds=3 " in CellCommands(found).command(next(iter(found.cells)))
