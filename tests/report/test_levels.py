"""One entry says all of a table: help, completion, formats and filters follow from the registry."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from mtlrun.cli.arguments import parse
from mtlrun.cli.completion import completions
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.levels import LEVELS, PICTURED, load


@pytest.mark.parametrize("name", list(LEVELS))
def test_every_entry_is_whole(name: str) -> None:
    entry = LEVELS[name]
    assert entry.help
    assert bool(entry.field) != bool(entry.table)  # held by a summary, or derived of one
    for place in (entry.table, entry.block, entry.picture):
        assert not place or callable(load(place))
    if entry.field:
        assert entry.field in {field.name for field in dataclasses.fields(Summary)}


def test_every_table_that_a_summary_holds_is_filtered_and_can_be_asked_for() -> None:
    held = {field.name for field in dataclasses.fields(Summary) if "DataFrame" in str(field.type)}
    assert held - {entry.field for entry in LEVELS.values()} == {
        "conflicts",  # what a sentence needs of `diagnostics`
        "gaps",  # rows of `diagnostics`
        "curves",
        "machines",
    }  # the last two by run, without labels


def test_help_and_completion_name_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["report", "--help"], dict.fromkeys(_commands(), lambda _: 0))
    text = " ".join(capsys.readouterr().out.split())
    for name, entry in LEVELS.items():
        assert f"{name}: {entry.help}" in text
    assert completions("mtlrun report --level ") == list(LEVELS)
    assert completions("mtlrun report --level fr") == ["frontier", "front_gains"]


def test_pictures_are_of_known_tables() -> None:
    assert set(PICTURED) <= set(LEVELS)


def test_help_needs_neither_tables_nor_pictures() -> None:
    code = (
        "import sys, mtlrun.cli.arguments, mtlrun.cli.completion;"
        "sys.exit(any(name in sys.modules for name in ('pandas', 'matplotlib', 'numpy', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _commands() -> list[str]:
    from mtlrun.cli import HANDLERS

    return list(HANDLERS)
