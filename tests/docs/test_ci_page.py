"""docs/ci.md: the workflow is one that GitHub can read, and its commands and outcomes are ours."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from support.commands import mtlrun, tiny

from mtlrun.gate.result import OUTCOMES

PAGE = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
(WORKFLOW,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
COMMANDS = [shlex.split(line, comments=True)[1:] for line in re.findall(r"^mtlrun .*$", PAGE, re.M)]


def test_the_workflow_is_complete():
    found = yaml.load(WORKFLOW, yaml.BaseLoader)  # `on` is a word here, not a truth value
    assert found["on"] == ["push", "pull_request"]
    (job,) = found["jobs"].values()
    assert job["runs-on"] == "ubuntu-latest"
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])
    used = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    assert used == ["actions/checkout", "actions/setup-python", "actions/upload-artifact"]
    (gate,) = [shlex.split(s["run"]) for s in job["steps"] if s.get("run", "").startswith("mtlrun check")]
    written = gate[gate.index("--output") + 1]
    (kept,) = [step for step in job["steps"] if "upload" in step.get("uses", "")]
    assert (kept["if"], kept["with"]["path"]) == ("always()", written)


def test_the_commands_of_page_and_workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (gate,) = re.findall(r"^      - run: mtlrun (check .*)$", WORKFLOW, re.M)
    sweep, locked, again = COMMANDS
    assert sweep == ["sweep", "experiment=quickstart"]
    assert mtlrun("sweep", *tiny(tmp_path / "runs", "seeds=8")).code == 0
    for command in (locked, again, shlex.split(gate)):
        done = mtlrun(*command)
        assert done.code == 0, done.err
    assert (tmp_path / "gate.xml").read_text("utf-8").startswith("<?xml")
    assert (tmp_path / "summary.md").read_text("utf-8").startswith("## mtlrun check")


def test_every_outcome_and_exit_code_is_told():
    assert all(f"`{outcome}`" in PAGE for outcome in OUTCOMES)
    assert re.findall(r"^\| (\d) \|", PAGE, re.M)[:4] == ["0", "1", "2", "3"]
