"""YAML files of a user's own options: what they get wrong is told by file and line, by every command."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import mtlrun

from mtlrun.errors import ConfigError
from mtlrun.options.files import check_folders, read_options

FAULTY = {
    "a bare on": (
        "tau: 1\non: representation\n",
        "line 2: mappings must have keys that are text",
        "found on",
    ),
    "a number": ("1: 2\n", "line 1: mappings must have keys that are text", "found 1"),
    "null": ("tau: 1\n~: 2\n", "line 2: mappings must have keys that are text", "found ~"),
    "a list": ("? [a, b]\n: 2\n", "line 1: mappings must have keys that are text", "found a list"),
    "deeper": ("targets:\n  yes: a\n", "line 2: mappings must have keys that are text", "found yes"),
    "twice": ("tau: 1\n\ntau: 2\n", "line 3: key `tau` is given twice, first in line 1"),
    "twice deeper": ("a:\n  b: 1\n  b: 2\n", "line 3: key `b` is given twice, first in line 2"),
    "no YAML": ("tau: [1\nx: 3\n", "line 2 is no YAML"),
    "a tab": ("tau:\n\tx: 3\n", "line 2 is no YAML"),
    "an object": ("a: !!python/object/apply:os.getcwd []\n", "line 1 is no YAML"),
    "a list at the top": ("- a\n", "must hold a mapping, found 'list'"),
    "not UTF-8": ("a: \udcff\n", "is no YAML"),
}


@pytest.fixture(params=FAULTY)
def faulty(request, tmp_path):
    """A folder with one faulty option, and what is told of it."""
    text, *told = FAULTY[request.param]
    file = tmp_path / "weighting" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    return file, told


def test_a_fault_is_told_with_file_and_line(faulty):
    file, told = faulty
    with pytest.raises(ConfigError) as error:
        read_options(file)
    for text in (str(file), *told):
        assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_merged_keys_and_quoted_ones_are_no_faults(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text('base: &base {tau: 1, "on": x}\nother:\n  <<: *base\n  tau: 2\nlr: 1e-3\n')
    assert read_options(file)["other"] == {"tau": 2, "on": "x"}
    assert read_options(file)["lr"] == 1e-3


def test_all_faults_of_all_files_are_told(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "weighting").mkdir(parents=True)
        (tmp_path / name / "weighting" / "mine.yaml").write_text("x: 1\nx: 2\non: 3\n")
    with pytest.raises(ConfigError) as error:
        check_folders([tmp_path / "a", tmp_path / "b"], ["suite", "weighting"])
    assert len(error.value.faults) == 4


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("sweep", "weighting=mine,equal"),
        ("plan", "weighting=pcgrad"),
        ("list",),
        ("list", "weighting"),
        ("show", "weighting=mine"),
        ("show", "suite=table", "suite.path=none.csv"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("text", ["tau: 1\non: 2\n", "tau: 1\ntau: 2\n", "tau: 1\nx: [\n"])
def test_every_command_tells_it_once(command, text, tmp_path):
    file = own_option(tmp_path, text)
    result = mtlrun(*command, "--config-dir", str(tmp_path))
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"mtlrun: bad config: `{file}`, line ")
    assert result.err.count("\n") == 1


def test_completion_tells_it(tmp_path):
    file = own_option(tmp_path, "on: 1\n")
    result = mtlrun("_complete", f"mtlrun run --config-dir {tmp_path} weighting=")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"mtlrun: bad config: `{file}`, line 1")


def test_a_file_outside_the_known_groups_is_read_when_it_is_used(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "first.yaml").write_text("on: 1\n")
    assert mtlrun("list", "--config-dir", str(tmp_path)).code == 0
    result = mtlrun("plan", "+mine=first", "--config-dir", str(tmp_path))
    assert result.code == 2
    assert "first.yaml`, line 1: mappings must have keys that are text" in result.err


def own_option(folder: Path, text: str) -> Path:
    (folder / "weighting").mkdir()
    file = folder / "weighting" / "mine.yaml"
    file.write_text(text)
    return file
