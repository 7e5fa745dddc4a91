"""docs/streaming.md: its suite over a mapped file, trained by its command."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import mtlrun, planned

from mtlrun.store.store import Store

PAGE = (Path(__file__).parents[2] / "docs" / "streaming.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```(?:python|yaml)\n(.*?)^```$", PAGE, re.M | re.S))
(COMMAND,) = re.findall(r"^```sh\nmtlrun run (.*?)\n```$", PAGE, re.M | re.S)
TINY = ("budget=steps", "budget.steps=60", "budget.evaluations=2", "model.channels=8", "launch.processes=1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, "-W", "error", "write.py"], check=True)
    return tmp_path


def test_the_page(folder: Path):
    command = (*shlex.split(COMMAND), *TINY)
    done = mtlrun("run", *command)
    assert done.code == 0, done.err
    assert "kind (accuracy)" in done.out or "kind" in done.out
    runs = Store(folder / "runs").runs()
    assert set(runs["status"]) == {"finished"} and len(runs) == 6
    assert planned(*command, "launch.data=resident")["runs_new"] == 0
    assert planned(*command, "store=other")["data_mib"] == pytest.approx(700 * 3072 / 2**20, abs=0.1)
