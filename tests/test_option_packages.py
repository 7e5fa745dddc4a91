"""Options of installed packages: announced by an entry point, then options like any other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import mtlrun, planned, reported, tiny

from mtlrun.catalog import options_of
from mtlrun.cli.completion import completions
from mtlrun.compose import jobs_of
from mtlrun.errors import ConfigError
from mtlrun.options.files import option_folders

METHOD = '''
from dataclasses import dataclass

import torch

from mtlrun.weighting.base import Weighting


@dataclass
class Constant(Weighting):
    """Every task weighs the same number."""

    value: float = 1.0

    def weigh(self, signals, state):
        return torch.ones_like(signals.losses) * self.value, state
'''
PRESET = "# @package _global_\n# Half.\ndefaults:\n  - override /weighting: half\n"


def install(site: Path, announced: str) -> None:
    """Put a distribution with the package `their_methods` into a folder, as an installer would."""
    package = site / "their_methods"
    (package / "conf" / "weighting").mkdir(parents=True)
    (package / "conf" / "mitigation").mkdir()
    (package / "__init__.py").write_text("")
    (package / "constant.py").write_text(METHOD)
    target = "_target_: their_methods.constant.Constant\n"
    (package / "conf" / "weighting" / "half.yaml").write_text(f"# Half of equal.\n{target}value: 0.5\n")
    (package / "conf" / "weighting" / "twice.yaml").write_text(f"# Twice equal.\n{target}value: 2.0\n")
    (package / "conf" / "mitigation" / "halved.yaml").write_text(PRESET)
    about = site / "their_methods-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their_methods\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[mtlrun.options]\ntheirs = {announced}\n")


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    install(tmp_path / "site", "their_methods")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for name in ("their_methods", "their_methods.constant"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path / "site"


def test_their_folder_is_found_without_importing_them(site):
    assert option_folders() == [site / "their_methods" / "conf"]
    assert "their_methods" not in sys.modules
    assert options_of()["weighting"]["half"] == site / "their_methods" / "conf"


def test_lists_pages_and_completion_have_their_options(site):
    assert "half                 Half of equal.\n" in mtlrun("list", "weighting").out
    page = mtlrun("show", "weighting=half").out
    assert "Every task weighs the same number." in page
    assert "weighting.value=0.5" in page
    assert "sets weighting=half" in mtlrun("show", "mitigation=halved").out
    assert completions("mtlrun run weighting=ha") == ["weighting=half"]


def test_list_and_show_answer_without_torch(site):
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from mtlrun.cli import main\n"
        "assert main(['list', 'weighting']) == main(['show', 'weighting=half']) == 0\n"
        "assert not {'torch', 'hydra', 'numpy', 'their_methods'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_they_train_beside_ours_under_their_names(site, tmp_path):
    done = mtlrun("sweep", *tiny(tmp_path / "store", "weighting=equal,half,twice"))
    assert done.code == 0
    assert "halved" in done.out
    rows = reported(tmp_path / "store")["rows"]
    names = {(row["weighting"], row["mitigation"]) for row in rows}
    assert names == {("equal", "none"), ("half", "halved"), ("twice", "twice")}
    # The preset is the same cell, and a glob finds theirs.
    same = planned(*tiny(tmp_path / "store", "mitigation=halved"))
    assert (same["runs_new"], same["runs_reused"]) == (0, 9)
    assert planned("weighting=glob(tw*)")["cells"] == 1


@pytest.mark.parametrize(
    "announced", ["nowhere_to_be_found", "their_methods.constant", "their_methods.conf.no"]
)
def test_a_package_without_such_a_folder_is_named(announced, tmp_path, monkeypatch):
    install(tmp_path, announced)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=f"theirs` must name a package .* found '{announced}'"):
        option_folders()
    refused = mtlrun("list")
    assert (refused.code, refused.out) == (2, "")


def test_ours_and_a_given_folder_come_first(site, tmp_path):
    for option in ("equal", "half"):
        for root in (site / "their_methods" / "conf", tmp_path / "mine"):
            (root / "weighting").mkdir(parents=True, exist_ok=True)
            text = f"# From {root.name}.\n_target_: their_methods.constant.Constant\nvalue: 0.25\n"
            (root / "weighting" / f"{option}.yaml").write_text(text)
    listed = mtlrun("list", "weighting", "--config-dir", str(tmp_path / "mine")).out
    assert "From conf." not in listed
    assert listed.count("From mine.") == 1
    assert "half                 From mine." in listed
    # Hydra composes the same ones.
    jobs = jobs_of(["weighting=equal,half"], [str(tmp_path / "mine")])
    assert [job["weighting"].get("value") for job in jobs] == [None, 0.25]
