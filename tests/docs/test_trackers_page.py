"""docs/trackers.md: the tracker of one's own that it shows, and the settings that it lists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from support.commands import TINY, mtlrun

from mtlrun.catalog import conf_dir

PAGE = (Path(__file__).parents[2] / "docs" / "trackers.md").read_text(encoding="utf-8")
OPTIONS = yaml.safe_load((conf_dir() / "config.yaml").read_text(encoding="utf-8"))["tracker_options"]


def test_the_tracker_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (code,) = (
        block for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S) if "class" in block
    )
    (command,) = re.findall(r"^mtlrun (run .*tracker=names.*)$", PAGE, re.M)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tracker.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    done = mtlrun(*shlex.split(command), *TINY)
    assert done.code == 0
    assert "names: wrote 9 runs: names.txt" in done.err.splitlines()
    assert "digits_parity hard none seed=2" in Path("names.txt").read_text().splitlines()


def test_every_setting_is_listed_with_its_default():
    listed = dict(re.findall(r"^\| `([a-z]+\.[a-z_]+|\*\.[a-z_]+)` \| ([^|]*) \|", PAGE, re.M))
    for name, node in OPTIONS.items():
        for key, value in node.items():
            if key in ("timeout_s", "limit_s"):
                assert listed[f"*.{key}"] == str(value)
            elif key != "_target_":
                assert listed.pop(f"{name}.{key}").strip("`") == value or value is None
    assert set(listed) == {"*.timeout_s", "*.limit_s"}


def test_config_yaml_has_every_field_of_the_trackers():
    from dataclasses import fields

    from mtlrun.config import locate

    for node in OPTIONS.values():
        tracker = locate(node["_target_"])
        given = {key: value for key, value in node.items() if key != "_target_"}
        assert given == {field.name: field.default for field in fields(tracker)}
