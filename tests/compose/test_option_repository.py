"""Our own option files are read once in a process, unless they change."""

from __future__ import annotations

import os
import shutil

import pytest

from mtlrun.catalog import conf_dir
from mtlrun.compose import hydra_internals
from mtlrun.compose.hydra_internals import current_loader, hydra_with, load_config


@pytest.fixture
def ours(tmp_path, monkeypatch):
    folder = tmp_path / "conf"
    shutil.copytree(conf_dir(), folder)
    monkeypatch.setattr(hydra_internals, "conf_dir", lambda: folder)
    monkeypatch.setattr(hydra_internals, "_OURS", {})
    return folder


def read(option):
    with hydra_with([]):
        return load_config(current_loader(), option).config


def test_a_file_that_changed_is_read_again(ours):
    assert read("model/mlp").width == 64
    file = ours / "model" / "mlp.yaml"
    file.write_text(file.read_text().replace("width: 64", "width: 65"))
    os.utime(file, ns=(0, 0))
    assert read("model/mlp").width == 65


def test_what_a_command_changes_is_not_in_the_next(ours):
    read("model/mlp").width = 1
    assert read("model/mlp").width == 64


def test_a_file_that_stays_is_parsed_once(ours, monkeypatch):
    read("model/mlp")
    monkeypatch.setattr(hydra_internals.OptionRepository, "_parsed", None)
    assert read("model/mlp").width == 64
