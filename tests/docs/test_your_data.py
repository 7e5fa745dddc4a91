"""The commands of docs/your_data.md, run as a reader would in an empty folder, on few steps."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.commands import mtlrun, planned, reported

import mtlrun as package
from mtlrun.config import build
from mtlrun.data.arrays.memory import ArraySuite

PAGE = (Path(__file__).parents[2] / "docs" / "your_data.md").read_text(encoding="utf-8")
MAKE, _ = re.findall(r"`make_\w+.py`:\n\n```python\n(.*?)^```$", PAGE, re.M | re.S)
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) for line in block.splitlines()
]
ARRAYS = [line for line in COMMANDS if line.startswith("mtlrun run suite=arrays")]
STUDIES = [
    line for line in COMMANDS if line.startswith(("mtlrun run", "mtlrun sweep")) and line not in ARRAYS
]
LOOKS = [line for line in COMMANDS if line.startswith("mtlrun show")]
TINY = ("seeds=2", "budget.steps=20", "budget.evaluations=2", "model.width=16", "launch.processes=1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tables")
    (place / "make_tables.py").write_text(MAKE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        runpy.run_path("make_tables.py")
    return place


def test_the_page_shows_three_tables_in_both_forms() -> None:
    assert COMMANDS[0] == "python make_tables.py"
    assert len(LOOKS) == 2 and len(STUDIES) == 6
    assert [("suite=tables" in line) for line in STUDIES] == [False, True] * 3
    assert len([line for line in COMMANDS if line.startswith("mtlrun predict RUN ")]) == 1
    assert len(ARRAYS) == 1 and COMMANDS[COMMANDS.index(ARRAYS[0]) - 1] == "python make_arrays.py"
    assert len(COMMANDS) == 1 + 2 + 6 + 1 + 2


@pytest.mark.parametrize("line", LOOKS)
def test_a_first_look_is_printed(folder: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.chdir(folder)
    told = mtlrun(*shlex.split(line)[1:])
    assert told.code == 0, told.err
    assert "rows" in told.out
    if "suite.targets" in line:
        text = " ".join(told.out.split())
        assert "task malignant: binary (no, yes), missing in 33% of rows" in text
        assert "task symmetry: regression, missing in 25% of rows" in text
        assert re.search(r"split in whole groups of patient: train \d+, val \d+, test \d+", text)
        assert "parameters that tasks share" in text


@pytest.mark.sample(2)
@pytest.mark.parametrize("line", STUDIES)
def test_a_study_ends_in_its_transfer_table(folder: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.chdir(folder)
    done = mtlrun(*shlex.split(line)[1:], *TINY)
    assert done.code == 0, done.err
    assert "verdict" in done.out and "STL: each task trained alone" in " ".join(done.out.split())
    rows = reported(Path("runs"))["rows"]
    (targets,) = re.findall(r"suite.targets=\{(.*?)\}", line)
    assert {row["task"] for row in rows} == {entry.split(":")[0].strip() for entry in targets.split(",")}
    metrics = {row["task"]: row["metric"] for row in rows}
    assert metrics.get("strong", "auroc") == "auroc" and metrics.get("cultivar", "accuracy") == "accuracy"
    assert metrics.get("sugar", "mae") == ("mae" if "suite.metrics" in line else metrics.get("sugar", "mae"))


def test_predictions_are_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (study,) = (line for line in STUDIES if "save=best" in line)
    assert mtlrun(*shlex.split(study)[1:], *TINY).code == 0
    run = reported(Path("runs"), "--level", "runs")["runs"][0]["run_id"]
    (line,) = (line for line in COMMANDS if line.startswith("mtlrun predict"))
    done = mtlrun(*shlex.split(line.replace("RUN", run))[1:])
    assert done.code == 0, done.err
    found, given = pd.read_csv("predicted.csv"), pd.read_csv("cells.csv")
    assert len(found) == len(given) and set(found["malignant"]) <= {"yes", "no"}
    assert abs(found["symmetry"].mean() - given["symmetry"].mean()) < 5 * given["symmetry"].std()


def test_arrays_from_python_and_from_a_file_are_one_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[ArraySuite] = []
    monkeypatch.setattr(package, "ArraySuite", ArraySuite, raising=False)
    monkeypatch.setattr(package, "run", lambda suite, **settings: given.append(suite), raising=False)
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE[PAGE.index("## Arrays") :], re.M | re.S):
        exec(block, found)
    suites = [build(suite.save("data")) for suite in (*given, found["suite"])]
    assert [task.kind for task in suites[0].info().tasks] == ["regression", "multiclass"]
    assert [task.kind for task in suites[1].info().tasks] == ["regression", "binary", "binary"]
    assert suites[1].info().sources[0].pixels and suites[1].info().tasks[2].partial
    assert found["node"]["path"] == suites[1].path
    assert Path("my.npz").is_file()
    done = mtlrun(*shlex.split(ARRAYS[0])[1:], *TINY)
    assert done.code == 0, done.err
    assert {row["task"] for row in reported(Path("runs"))["rows"]} == {"price", "grade"}
    again = planned("suite=arrays", f"suite.path={suites[0].path}", *TINY)
    assert (again["runs_new"], again["runs_reused"]) == (0, 6)
