"""Commands that train into one store at once: all end well, nothing is torn, and tables are as if each were alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import mtlrun, planned
from support.killing import COHORTS, Command, Undisturbed, repeated, study, table, whole_runs

SEEDS = ("4", "[4,5,6,7]", "[2,3,4,5]", "[0,1,6,7]", "6", "[8,9]", "[0,1]", "8")
"""Of different studies, which share some of their runs."""


def _at_once(folder: Path, lines: list[list[str]]) -> list[str]:
    """Run commands at the same time, assert that all of them end well, and return their errors."""
    commands = [Command(["sweep", *words], folder / f"errors{k}.txt") for k, words in enumerate(lines)]
    ended = [command.ended() for command in commands]
    for code, err in ended:
        assert code == 0, err
        assert "Traceback" not in err
    return [err for _, err in ended]


def rows(store: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a study's report."""
    found: list[dict[str, Any]] = json.loads(table(store, name))[0]["rows"]
    return found


def _different(folder: Path, seeds: tuple[str, ...]) -> None:
    store = folder / "store"
    _at_once(folder, [study(store, 1, f"s{k}", drawn) for k, drawn in enumerate(seeds)])
    whole_runs(store)
    for k, drawn in enumerate(seeds):
        name = f"s{k}"
        alone = study(folder / f"alone{k}", 1, name, drawn)
        assert repeated(alone).code == 0
        for shared, own in zip(rows(store, name), rows(folder / f"alone{k}", name), strict=True):
            # Cohorts are cut by what other commands have claimed, and one lane has other kernels than several.
            assert shared["n_seeds"] == own["n_seeds"]
            assert shared["mtl_mean"] == pytest.approx(own["mtl_mean"], rel=0.02)
            assert shared["stl_mean"] == pytest.approx(own["stl_mean"], rel=0.02)
        assert planned(*study(store, 1, name, drawn))["runs_new"] == 0


def _same(folder: Path, commands: int) -> None:
    store, good = folder / "store", Undisturbed(folder / "good")
    _at_once(folder, [study(store, 1)] * commands)
    found = whole_runs(store)
    assert len(found) == good.runs
    assert table(store) == good.table
    assert planned(*study(store, 1))["runs_new"] == 0
    assert mtlrun("compact", str(store)).code == 0
    assert table(store) == good.table and set(whole_runs(store).values()) == {1}
    trained = sum(found.values())
    print(f"{commands} commands of one study: {trained} runs trained, of {good.runs}, in {COHORTS} cohorts")
    assert trained == good.runs  # each once: the commands share the work


@pytest.mark.slow
def test_two_studies_at_once(tmp_path):
    _different(tmp_path, ("2", "[1,2]"))


@pytest.mark.slow
def test_eight_studies_at_once(tmp_path):
    _different(tmp_path, SEEDS)


@pytest.mark.slow
def test_two_commands_of_one_study(tmp_path):
    _same(tmp_path, 2)


@pytest.mark.slow
def test_eight_commands_of_one_study(tmp_path):
    _same(tmp_path, 8)
