"""An option sets keys of its own group only; presets stand above the groups. Files that break this are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import mtlrun

from mtlrun.catalog import conf_dir, groups
from mtlrun.errors import ConfigError
from mtlrun.options.files import check_folders, option_files, read_options
from mtlrun.options.rule import rule_faults

GLOBAL = "# @package _global_\n"
ALLOWED = {
    "weighting": "_target_: mine.Mine\ntau: 1\n",
    "weighting with its package named": "# @package weighting\ntau: 1\n",
    "weighting with its group named": "# @package _group_\ntau: 1\n",
    "weighting inside its group": "# @package weighting.inner\ntau: 1\n",
    "weighting from the top": GLOBAL + "weighting:\n  tau: 1\n",
    "weighting built on others": "defaults:\n  - pcgrad\n  - /weighting: mgda\n  - /weighting/dwa\n  - _self_\n",
    "weighting with a comment": "# words\n# @package _global_\ntau: 1\n",  # a header no more, for Hydra too
    "mitigation": GLOBAL + "# Words.\ndefaults:\n  - override /weighting: pcgrad\n  - override /heads: mlp\n",
    "mitigation with settings": GLOBAL + "defaults:\n  - override /weighting: pcgrad\nweighting: {tau: 1}\n",
    "mitigation built on another": GLOBAL + "defaults:\n  - pcgrad\n  - _self_\n  - override /heads: mlp\n",
    "experiment": GLOBAL + "seeds: 3\nhydra: {sweeper: {params: {model.width: '1,2'}}}\n",
    "mitigation of nothing": GLOBAL + "{}\n",
}
BROKEN = {
    "weighting from the top": (GLOBAL + "weighting: {tau: 1}\nmodel:\n  width: 3\n", "model"),
    "weighting with keys of none": ("\n" + GLOBAL + "study: mine\n", "study"),
    "weighting in another group": ("# @package model\nwidth: 3\n", "@package model"),
    "weighting that names a model": ("defaults:\n  - override /model: mlp\ntau: 1\n", "defaults"),
    "weighting with a model": ("defaults:\n  - /model: mlp\n", "defaults"),
    "weighting by another's name": ("defaults:\n  - /model: ${sharing}_net\n", "defaults"),
    "weighting with a file of another": ("defaults:\n  - /model/mlp\n", "defaults"),
    "weighting with a group inside": ("defaults:\n  - part: x\n", "defaults"),
    "mitigation without override": (GLOBAL + "defaults:\n  - /weighting: pcgrad\n", "defaults"),
    "mitigation below its own name": ("defaults:\n  - override /weighting: pcgrad\n", "# @package _global_"),
    "experiment below its own name": ("seeds: 3\n", "# @package _global_"),
}


def written(root: Path, case: str, text: str) -> tuple[Path, str]:
    group = case.partition(" ")[0]
    path = root / group / "mine.yaml"
    path.parent.mkdir()
    path.write_text(text)
    return path, group


@pytest.mark.parametrize("case", ALLOWED)
def test_what_the_rule_allows(case, tmp_path):
    path, group = written(tmp_path, case, ALLOWED[case])
    assert list(rule_faults(path, group, read_options(path))) == []


@pytest.mark.parametrize("case", BROKEN)
def test_what_breaks_it_is_told_with_file_key_and_rule(case, tmp_path):
    text, key = BROKEN[case]
    path, group = written(tmp_path, case, text)
    with pytest.raises(ConfigError) as caught:
        check_folders([tmp_path], [group])
    (fault,) = caught.value.faults
    assert str(fault).startswith(f"`{path}`")
    assert f"`{key}`" in str(fault)
    assert f"`{group}`" in str(fault) or "override /GROUP: OPTION" in str(fault)


@pytest.mark.parametrize(
    "command", [("run",), ("plan", "model=mlp,linear"), ("list", "weighting")], ids=" ".join
)
def test_every_command_refuses_such_a_file(command, tmp_path):
    path, _ = written(tmp_path, "weighting", BROKEN["weighting from the top"][0])
    refused = mtlrun(*command, "--config-dir", str(tmp_path))
    assert (refused.code, refused.out) == (2, "")
    rule = "is not of group `weighting`: an option sets keys of its own group only, and presets"
    assert refused.err == f"mtlrun: bad config: `{path}`, `model` {rule} (mitigation and experiment) of any\n"


@pytest.mark.parametrize("group", groups())
def test_ours_keep_it(group):
    files = option_files(conf_dir() / group)
    assert files
    assert [fault for path in files for fault in rule_faults(path, group, read_options(path))] == []
