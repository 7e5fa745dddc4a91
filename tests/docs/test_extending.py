"""The examples of docs/extending.md, run as a reader would: files written, commands given to a shell's `mtlrun`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.commands import mtlrun, planned

from mtlrun.compose import jobs_of

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```(?:python|yaml|toml)\n(.*?)^```$", PAGE, re.M | re.S))
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) for line in block.splitlines()
]
TINY = ("seeds=2", "budget.steps=20", "budget.evaluations=2", "model.width=16", "launch.processes=1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def shell(command: str, *more: str, cwd: Path) -> str:
    """Return what a documented command prints; it must succeed, without a warning."""
    program, *arguments = shlex.split(command)
    assert program == "mtlrun"
    line = [sys.executable, "-W", "error", "-c", "from mtlrun.cli import main; raise SystemExit(main())"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    done = subprocess.run(
        [*line, *arguments, *more], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout


def names_in_table(text: str) -> set[str]:
    """Return what the second column of the transfer table, the first one printed, has."""
    _, rows = re.split(r"^task .* verdict .*\n", text, maxsplit=1, flags=re.M)
    rows, *_ = re.split(r"^(?:What|Without) ", rows, maxsplit=1, flags=re.M)
    return set(re.findall(r"^\w* +(\w+) +\d", rows, re.M))


def test_every_example_is_there_and_short():
    kinds = ("weighting", "sharing", "schedule", "suite")
    assert [name for name in FILES if name.endswith(".py")] == [f"mine/{kind}.py" for kind in kinds]
    yamls = [name for name in FILES if name.endswith(".yaml")]
    assert [Path(name).parent for name in yamls] == [Path("my_conf", kind) for kind in (*kinds, "mitigation")]
    assert len(COMMANDS) == len(kinds) + 2
    for name, text in FILES.items():
        assert 1 < len(text.splitlines()) < 30, name
        assert max(map(len, text.splitlines())) <= 110, name


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("kind", "plain", "own"),
    [("weighting", "none", "inverse"), ("sharing", "hard", "scaled"), ("schedule", "none", "polish")],
)
def test_the_example_trains_and_stands_in_the_transfer_table(kind, plain, own, folder):
    page = FILES[next(name for name in FILES if name.startswith(f"my_conf/{kind}/"))]
    (command,) = (line for line in COMMANDS if f"# {line}\n" in page)
    assert names_in_table(shell(command, *TINY, cwd=folder)) == {plain, own}


def test_the_suite_trains_and_other_data_are_other_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)).astype(np.float32)
    y = x @ rng.normal(size=(5, 2)).astype(np.float32)
    np.save("x.npy", x)
    np.save("y.npy", y)
    (command,) = (line for line in COMMANDS if "suite=" in line)
    assert "first" in shell(command, *TINY, cwd=folder)
    words = shlex.split(command)[2:]
    monkeypatch.syspath_prepend(str(folder))
    assert planned(*words, *TINY)["runs_new"] == 0
    np.save("y.npy", y + np.float32([0, 1]))
    plan = planned(*words, *TINY)
    assert (plan["runs_new"], plan["runs_reused"]) == (4, 2)  # the baseline of `first` is as it was
    np.save("y.npy", y[:, 0])
    refused = mtlrun("plan", *words, *TINY)
    assert refused.code == 2 and "(suite.py, line 25, in build)" in refused.err


@pytest.mark.slow
def test_a_setting_that_other_options_lack_is_swept(folder):
    alone, together = (line for line in COMMANDS if "weighting.floor" in line)
    assert "study main: 2 cells" in shell(alone.replace("sweep", "plan"), *TINY, cwd=folder)
    assert names_in_table(shell(together, *TINY, cwd=folder)) == {"none", "inverse"}


def test_a_preset_sets_other_groups_and_an_explicit_choice_beats_it(folder):
    (preset,) = (Path(name).stem for name in FILES if name.startswith("my_conf/mitigation/"))
    jobs = jobs_of([f"mitigation={preset}", "heads=mlp,linear"], [str(folder / "my_conf")])
    assert [job["weighting"] for job in jobs] == [{"_target_": "mine.weighting.Inverse", "floor": 0.1}] * 2
    assert jobs_of([f"mitigation={preset}"], [str(folder / "my_conf")])[0]["heads"] == jobs[0]["heads"]
    assert jobs[0]["heads"] != jobs[1]["heads"]


def test_own_strategies_are_listed_and_have_pages(folder, monkeypatch):
    monkeypatch.chdir(folder)
    listing, showing = re.findall(r"`mtlrun ((?:list|show) [^`]*--config-dir my_conf)`", PAGE)
    listed = mtlrun(*listing.split())
    assert (listed.code, listed.err) == (0, "")
    assert re.search(r"^inverse +Each task weighs the inverse of its loss\.$", listed.out, re.M)
    shown = mtlrun(*showing.split())
    assert (shown.code, shown.err) == (0, "")
    assert "Each task weighs 1 / (its loss + floor)." in shown.out
    assert "weighting.floor=0.001  # added to every loss" in shown.out


def test_a_package_with_the_entry_point_needs_no_folder_to_be_named(folder, monkeypatch):
    shutil.move(folder / "my_conf", folder / "mine" / "conf")
    told = re.search(r'^\[project\.entry-points\."(.+)"\]\n(\w+) = "(.+)"$', FILES["pyproject.toml"], re.M)
    assert told is not None
    group, name, package = told.groups()
    about = folder / "mine-1.0.dist-info"  # what an installer makes of it
    about.mkdir()
    about.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    about.joinpath("entry_points.txt").write_text(f"[{group}]\n{name} = {package}\n")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for kind, name in (("weighting", "inverse"), ("sharing", "scaled"), ("schedule", "polish")):
        assert f"\n{name} " in mtlrun("list", kind).out
        assert mtlrun("show", f"{kind}={name}").out.startswith(f"{kind}={name}  (mine.{kind}.{name.title()})")
    plan = planned("weighting=glob(inv*)", "sharing=scaled", "schedule=joint,polish", *TINY)
    assert plan["cells"] == 2
