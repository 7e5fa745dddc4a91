"""The first look: tables without targets, paths of other systems, tables with very many columns."""

import re

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun

from mtlrun.data.tables import columns as columns_module
from mtlrun.data.tables.table import Table


def test_several_tables_are_looked_at_without_targets(path, frame, tmp_path):
    frame[["age", "town"]].to_parquet(tmp_path / "two.parquet")
    paths = f"suite.paths={{a: {path}, b: {tmp_path / 'two.parquet'}, c: {path}}}"
    told = mtlrun("show", "suite=tables", paths)
    assert (told.code, told.err) == (0, "")
    assert told.out.count("200 rows, 8 columns") == 1  # each file once
    assert told.out.count("200 rows, 2 columns") == 1
    assert re.search(r"town +input +category", told.out) and "no task yet" in told.out
    refused = mtlrun("show", "suite=tables", f"suite.paths={{a: {path}, b: {tmp_path / 'nope.csv'}}}")
    assert refused.code == 2 and "`suite.paths.b` must be a file that is there" in refused.err
    planned = mtlrun("plan", "suite=tables", paths, "seeds=1")
    assert planned.code == 2 and "`suite.targets` must name at least one task" in planned.err


@pytest.mark.parametrize(
    ("given", "told"),
    (
        (
            r"C:\data\x.csv",
            "is a path of Windows, and this system has no drives: give its path here, under WSL /mnt/c/data/x.csv",
        ),
        ("D:/data/x.csv", "/mnt/d/data/x.csv"),
        (r"\\server\share\x.csv", "is a network path of Windows"),
        (r"data\x.csv", "has backslashes, and here folders are separated by /: say data/x.csv"),
    ),
)
@pytest.mark.parametrize("suite", ("table", "tables"))
def test_a_path_of_windows_is_told_without_names_of_files(given, told, suite, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    where = f"suite.path='{given}'" if suite == "table" else f"suite.paths={{a: '{given}'}}"
    refused = mtlrun("show", f"suite={suite}", where)
    text = " ".join(refused.err.split())
    assert refused.code == 2 and told in text
    assert "houses.csv" not in text and "choices" not in text


def test_a_file_with_a_backslash_in_its_name_is_read(frame, tmp_path):
    frame.to_csv(tmp_path / r"a\b.csv", index=False)
    assert Table(path=str(tmp_path / r"a\b.csv")).columns().names[0] == "size"


@pytest.fixture
def wide(tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 400))
    frame = pd.DataFrame(values, columns=[f"g{k}" for k in range(400)])
    frame["y"] = frame["g3"] * 2
    frame.to_parquet(tmp_path / "wide.parquet")
    return tmp_path / "wide.parquet"


def test_many_columns_get_a_line_each(wide):
    told = mtlrun("show", "suite=table", f"suite.path={wide}", "suite.targets={y: y}")
    assert told.code == 0, told.err
    lines = [line for line in told.out.splitlines() if re.match(r"g\d+ ", line)]
    assert len(lines) == 400
    assert re.match(r"g3 +input +number .* \+1\.00$", lines[3])
    assert len({line.index("number") for line in lines}) == 1  # in columns
    assert "note: column g3 alone tells y" in told.out


def test_looking_at_a_table_takes_time_in_proportion_to_its_columns(wide, monkeypatch):
    """Counts what grows: how often the file is looked for must not depend on the number of columns."""
    calls = []
    read = columns_module.read
    monkeypatch.setattr(columns_module, "read", lambda file: calls.append(file) or read(file))
    suite = Table(path=str(wide), targets={"y": "y"})
    suite.looks()
    many = len(calls)
    calls.clear()
    frame = pd.read_parquet(wide)[["g0", "g1", "y"]]
    frame.to_parquet(wide)
    Table(path=str(wide), targets={"y": "y"}).looks()
    assert many <= len(calls) + 5


def test_many_columns_of_a_kind_are_told_together(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"y": rng.normal(size=60), "x": rng.normal(size=60)})
    same = pd.DataFrame(1.0, index=range(60), columns=[f"same{k}" for k in range(12)])
    far = pd.DataFrame(rng.normal(size=(60, 13)), columns=[f"far{k}" for k in range(13)])
    far.iloc[4] = 1000
    pd.concat([frame, same, far], axis=1).to_parquet(tmp_path / "a.parquet")
    found = list(Table(path=str(tmp_path / "a.parquet"), targets={"y": "y"}).notes())
    first = "same0, same1, same2, same3, same4 and 7 more"
    assert f"12 columns are the same in every row, and are left out: {first}" in found
    assert sum("has 1000 in 1 row, far from all other values" in note for note in found) == 10
    assert "so have 3 more columns: far10, far11, far12" in found
    assert len(found) == 12
