"""Code in the working folder is imported only by commands that run a user's code, and after everything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import mtlrun, tiny

TRAP = "raise SystemExit('imported from the working folder')\n"
SCRIPT = "import sys; from mtlrun.cli import main; sys.exit(main(sys.argv[1:]))"


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process whose import path lacks the working folder, as the `mtlrun` script's does."""
    start = f"import sys; sys.path[:] = [p for p in sys.path if p]; {SCRIPT.removeprefix('import sys; ')}"
    return subprocess.run([sys.executable, "-c", start, *words], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path):
    """A folder with a study, and with modules that have the names of libraries, and of a user's strategy."""
    assert mtlrun("run", *tiny(tmp_path / "runs", "suite=digits_two")).code == 0
    for name in ("yaml", "pandas", "rich", "numpy"):
        (tmp_path / f"{name}.py").write_text(TRAP)
    return tmp_path


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("show", "weighting=pcgrad"),
        ("report",),
        ("lock", "-o", "x.json"),
        ("completion", "bash"),
        ("_complete", "mtlrun run weigh"),
        ("plan", "suite=digits_two", "seeds=1"),
    ],
)
def test_libraries_win(folder, words):
    done = command(folder, *words)
    assert done.returncode == 0, done.stderr
    assert "imported from" not in done.stderr


def test_a_strategy_of_the_working_folder_is_found_by_those_that_run_it(folder):
    (folder / "conf" / "weighting").mkdir(parents=True)
    (folder / "conf" / "weighting" / "mine.yaml").write_text("# Mine.\n_target_: mine.Mine\n")
    (folder / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom mtlrun.weighting.equal import Equal\n"
        "print('imported')\n\n@dataclass\nclass Mine(Equal):\n    '''All weights are 1.'''\n"
    )
    options = ("--config-dir", "conf")
    planned = command(folder, "plan", "weighting=mine", "seeds=1", *options)
    assert planned.returncode == 0, planned.stderr
    assert "imported" in planned.stdout
    shown = command(folder, "show", "weighting=mine", *options)
    assert "All weights are 1." in shown.stdout and "imported" not in shown.stdout
