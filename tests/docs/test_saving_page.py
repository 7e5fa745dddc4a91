"""docs/saving.md as a reader would follow it: keep, predict, export, and load what was exported."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.commands import TINY, mtlrun, reported

PAGE = (Path(__file__).parents[2] / "docs" / "saving.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE, re.M | re.S)
COMMANDS = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
(PYTHON,) = [block for kind, block in BLOCKS if kind == "python"]
TOLD = re.search(r"^It prints `(.*)`\.$", PAGE, re.M)


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    run, listed, predicted, exported = (shlex.split(line)[1:] for line in COMMANDS)
    assert [c[0] for c in (run, listed, predicted, exported)] == ["run", "report", "predict", "export"]
    assert mtlrun(*run, *TINY, "seeds=1", "launch.processes=1").code == 0
    table = mtlrun(*listed).out
    row = reported(tmp_path / "runs", "--level", "runs")["runs"][0]
    assert "run_id" in table and row["run_id"] in table and row["stl_run_id"] in table
    inputs = pd.DataFrame(np.random.default_rng(0).random((3, 64)), columns=[f"x{k}" for k in range(64)])
    inputs.to_csv("new.csv", index=False)
    for command in (predicted, exported):
        done = mtlrun(*(row["run_id"][:10] if word == "RUN" else word for word in command))
        assert done.code == 0, done.err
    assert len(pd.read_csv("predicted.csv")) == 3
    assert sorted(path.name for path in Path("exported").iterdir()) == [
        "about.json",
        "model.py",
        "weights.safetensors",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", PYTHON]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert TOLD is not None and done.stdout.strip() == TOLD[1]
