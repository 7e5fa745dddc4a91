"""docs/your_model.md as a reader would follow it: own encoders, pretrained weights, losses."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.commands import TINY, mtlrun, reported

from mtlrun.catalog import options
from mtlrun.store.weights import Weights

PAGE = (Path(__file__).parents[2] / "docs" / "your_model.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`([\w./]+)`:\n\n```python\n(.*?)^```$", PAGE, re.M | re.S))
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) for line in block.splitlines()
]


def done(line: str, *more: str):
    program, command, *overrides = shlex.split(line)
    assert program == "mtlrun"
    own = "model=custom" in overrides
    small = [o for o in TINY if not (own and o.startswith("model.width"))]
    result = mtlrun(command, *overrides, *small, "seeds=2", *more)
    assert result.code == 0, result.err
    return result


def forget() -> None:
    """Forget modules of the page that another folder had."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    forget()
    yield tmp_path
    forget()


def test_the_page(folder):
    rows, plan, patches, before, after, focal, weighted = COMMANDS
    assert sorted(FILES) == ["mine/encoders.py", "mine/losses.py"]
    done(rows)
    (told,) = re.findall(r"^```\n  lanes(.*)\n```$", PAGE, re.M)
    assert f"  lanes{told}" in done(plan, "store=other").out
    table = done(patches).out
    assert "branched" in table and re.search(r"\bwidth\b", table)
    done(before, "save=best")
    row = reported(folder / "runs", "--level", "runs")["runs"][0]
    rule = "per_task"
    steps = Weights("runs").read(row["run_id"], rule).steps
    assert Path(f"runs/weights/{row['run_id']}.{rule}.safetensors").exists()
    done(after.replace("RUN", row["run_id"]).replace("STEP", str(steps["digit"])))
    for line in (focal, weighted):
        done(line)
    for study in ("after", "focal", "weighted"):
        found = reported(folder / "runs", "--study", study)["rows"]
        assert {r["task"] for r in found} == {"digit", "parity"} and all(r["n_seeds"] == 2 for r in found)


def test_changing_the_class_means_other_runs_and_none_of_the_old_predicts(folder):
    done(COMMANDS[0], "save=last")
    run_id = reported(folder / "runs", "--level", "runs")["runs"][0]["run_id"]
    np.save("new.npy", np.zeros((3, 1, 8, 8), np.float32))
    assert mtlrun("predict", run_id, "new.npy", "-o", "out.csv", "--trust", "mine").code == 0
    assert re.search(r"reused +6 runs", done(COMMANDS[0].replace("mtlrun run", "mtlrun plan")).out)
    path = folder / "mine/encoders.py"
    path.write_text(path.read_text() + "\n# changed\n")
    assert re.search(r"reused +0 runs", done(COMMANDS[0].replace("mtlrun run", "mtlrun plan")).out)
    refused = mtlrun("predict", run_id, "new.npy", "-o", "out.csv", "--trust", "mine")
    assert refused.code == 2 and "the file of mine.encoders.Rows is not the one" in refused.err


def test_every_encoder_is_in_the_table():
    table = PAGE.partition("## Encoders that come along")[2]
    named = {
        name for cell in re.findall(r"^\| (`.*?`) \|", table, re.M) for name in re.findall(r"`(\w+)`", cell)
    }
    assert named == set(options("model"))
