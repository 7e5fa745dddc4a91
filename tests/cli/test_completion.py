"""Completion of command lines, by itself and in a real bash."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from support.commands import mtlrun

from mtlrun.catalog import options
from mtlrun.cli.arguments import command_options
from mtlrun.cli.completion import SCRIPTS, completions


def test_every_command_and_option_is_known():
    listed = re.findall(r"^    (\w+)\b", mtlrun("--help").out, re.MULTILINE)
    assert list(command_options()) == listed
    for command, known in command_options().items():
        told = set(re.findall(r"--[a-z-]+", mtlrun(command, "--help").out)) - {"--help"}
        assert set(known) == told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mtlrun s", ["sweep", "status", "show"]),
        ("mtlrun run weigh", ["weighting=", "weighting."]),
        ("mtlrun run se", ["seeds="]),
        ("mtlrun plan optimizer=ad", ["optimizer=adam", "optimizer=adamw"]),
        ("mtlrun run weighting=equal,pc", ["weighting=equal,pcgrad"]),
        ("mtlrun run model=mlp model.w", ["model.width="]),
        ("mtlrun run weighting=dwa weighting.", ["weighting.tau="]),
        ("mtlrun run model.width=", []),
        ("mtlrun list sch", ["schedule"]),
        ("mtlrun show schedule=s", ["schedule=sequential"]),
        ("mtlrun report --stu", ["--study"]),
        ("mtlrun report --size w", ["wide"]),
        ("mtlrun run --config-dir ", []),
        ("mtlrun run --config-dir /nowhere weigh", []),
        ("mtlrun completion z", ["zsh"]),
        ("mtlrun nonsense ", []),
        ("mtlrun", []),
    ],
)
def test_words(line, expected):
    assert completions(line) == expected


def test_settings_of_all_options_are_offered_where_none_is_chosen():
    assert {"optimizer.lr=", "optimizer.momentum="} <= set(completions("mtlrun run optimizer."))


def test_own_options_and_studies(tmp_path, monkeypatch):
    (tmp_path / "weighting").mkdir()
    (tmp_path / "weighting" / "pcmine.yaml").write_text("_target_: mine.Mine\nfactor: 2\n")
    line = f"mtlrun run --config-dir {tmp_path} weighting="
    assert completions(f"{line}pc") == ["weighting=pcgrad", "weighting=pcmine"]
    (tmp_path / "runs" / "studies").mkdir(parents=True)
    (tmp_path / "runs" / "studies" / "main.json").touch()
    monkeypatch.chdir(tmp_path)
    assert completions("mtlrun report --study ") == ["main"]
    assert completions(f"mtlrun report {tmp_path / 'runs'} --study m") == ["main"]
    assert completions(f"mtlrun check lock.json --store {tmp_path} --study ") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mtlrun run weigh", ["weighting=", "weighting."]),
        ("mtlrun run weighting=", list(options("weighting"))),
        ("mtlrun run weighting=equal,mg", ["equal,mgda"]),
    ],
)
def test_in_bash(line, expected, tmp_path):
    program = tmp_path / "mtlrun"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m mtlrun.cli "$@"\n')
    program.chmod(0o755)
    script = (
        f"PATH={tmp_path}:$PATH\nsource <(mtlrun completion bash)\n"
        f"COMP_LINE='{line}' COMP_POINT={len(line)}\n"
        "_mtlrun mtlrun && printf '%s\\n' \"${COMPREPLY[@]}\"; complete -p mtlrun >/dev/null"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == expected
    assert done.stderr == ""


@pytest.mark.parametrize("shell", SCRIPTS)
def test_scripts_ask_us(shell):
    printed = mtlrun("completion", shell)
    assert printed.code == 0
    assert "_complete" in printed.out
    assert sys.prefix not in printed.out
