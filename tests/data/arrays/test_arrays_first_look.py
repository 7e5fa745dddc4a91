"""What `mtlrun show suite=arrays suite.path=...` tells of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtlrun.cli import main
from mtlrun.data.arrays.array_file import ArrayFile


@pytest.fixture
def path(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(400, 10)).astype("float32")
    amounts = inputs[:, :2] * 2.0
    amounts[:100] = np.nan
    file = tmp_path / "my.npz"
    np.savez(
        file, inputs=inputs, left=(inputs[:, 0] > 0).astype(int), right=amounts, groups=np.arange(400) // 4
    )
    return str(file)


def test_each_array_has_a_line_and_each_task_its_kind(path: str) -> None:
    (look,) = ArrayFile(path=path).looks()
    assert (look.rows, look.of) == (400, "arrays")
    roles = {column.name: column.role for column in look.columns}
    assert roles == {
        "inputs": "input",
        "left": "target of left",
        "right": "target of right",
        "groups": "groups of the split",
    }
    inputs, _, right, _ = look.columns
    assert inputs.numbers == 10
    assert inputs.holds.startswith("(400, 10), from -")
    assert right.missing == pytest.approx(0.25)
    assert look.tasks["left"].startswith("binary (0, 1); ")
    assert look.tasks["right"].startswith("regression, 2 outputs, missing in 25% of rows; rmse")
    assert sum(look.parts.values()) == 400
    assert look.by == "in whole groups"
    assert any("rows in 10 groups" in note for note in look.notes)


def test_the_command_prints_it_and_which_parameters_are_shared(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "suite=arrays", f"suite.path={path}"]) == 0
    out = capsys.readouterr().out
    assert "400 rows, 4 arrays" in out
    assert "parameters that tasks share: 4,864" in out
    assert "no task yet" not in out


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "suite=arrays", f"suite.path={tmp_path / 'none.npz'}"]) == 2
    assert "`suite.path` must be a file that is there" in capsys.readouterr().err
