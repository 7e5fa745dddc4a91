"""docs/clusters.md: its commands that need no cluster run, and its settings are those of the options.

The others run where there is a cluster: tests/execution/cluster.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cluster_page import PAGE, commands
from support.commands import mtlrun

from mtlrun.catalog import load_option
from mtlrun.config import build, check_node

SHORT = ("budget=steps", "budget.steps=20", "budget.evaluations=2", "model.width=8")


def test_what_needs_no_cluster_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    here = [line for line in commands() if line[0] == "plan" or "launch=local" in line]
    assert len(here) == 3 and len(commands()) == 5
    for line in here:
        done = mtlrun(*line, *SHORT)
        assert done.code == 0, done.err


def settings(heading: str) -> dict[str, str]:
    """Return the settings of the table below a heading, and the column of defaults."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| (`launch.*?`) \| (.*?) \|", section, re.M))


@pytest.mark.parametrize(("heading", "option"), [("Slurm", "slurm"), ("Ray", "ray")])
def test_settings_and_defaults_are_those_of_the_option(heading: str, option: str):
    node: dict[str, Any] = load_option("launch", option)
    assert settings(heading)
    for names, told in settings(heading).items():
        keys = re.findall(r"`launch\.(\w+)`", names)
        assert keys and set(keys) <= set(node), names
        values = [str(int(value)) if isinstance(value, float) else value for value in (node[k] for k in keys)]
        if told.strip("`") == "null" or told == "the cluster's":
            assert values == [None] * len(keys), names
        elif told == "none":
            assert not any(values), names
        else:
            assert ", ".join(str(value) for value in values) == told, names


def test_the_preset_of_a_site_is_one():
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
    node = yaml.safe_load(text)
    assert check_node("launch", node) == []
    assert build(node).parameters()["additional_parameters"]["qos"] == "high"
