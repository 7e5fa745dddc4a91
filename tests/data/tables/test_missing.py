"""What counts as missing: one rule for files of every kind, told where it bites."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.commands import mtlrun

from mtlrun.data.tables.missing import DEFAULT, words_of
from mtlrun.data.tables.table import Table

WRITERS = {
    "a.csv": lambda frame, path: frame.to_csv(path, index=False),
    "a.parquet": lambda frame, path: frame.to_parquet(path, index=False),
    "a.feather": lambda frame, path: frame.to_feather(path),
    "a.xlsx": lambda frame, path: frame.to_excel(path, index=False),
}
LEVELS = ["None", "Low", "NA", "", "Some", "<NA>"] * 10


@pytest.fixture(params=WRITERS)
def levels(request, tmp_path):
    """Return the path of a table with words among its classes, in each form."""
    frame = pd.DataFrame({"level": LEVELS, "x": np.arange(60) * 0.37, "code": [-999, 1, 2] * 20})
    WRITERS[request.param](frame, tmp_path / request.param)
    return tmp_path / request.param


@pytest.mark.parametrize(
    ("asked", "classes", "missing"),
    (
        (None, ("<NA>", "Low", "Some"), 30),
        ([], ("<NA>", "Low", "NA", "None", "Some"), 10),
        (["NA"], ("<NA>", "Low", "None", "Some"), 20),
        (["-999"], ("<NA>", "Low", "Some"), 30),  # in addition
        (["", "Some"], ("<NA>", "Low", "NA", "None"), 20),
    ),
)
def test_files_of_every_kind_agree_on_what_is_missing(levels, asked, classes, missing):
    suite = Table(path=str(levels), targets={"level": "level"}, missing=asked)
    found = suite.column("level")
    assert (found.classes, found.missing) == (classes, missing)
    assert suite.column("code").missing == (20 if asked == ["-999"] else 0)


def test_words_are_told_with_their_rows_and_the_setting(levels):
    told = mtlrun("show", "suite=table", f"suite.path={levels}", "suite.targets={level: level}")
    text = " ".join(told.out.split())
    assert told.code == 0, told.err
    assert "column level has 'None' in 10 rows, 'NA' in 10 rows, counted as missing" in text
    assert "say suite.missing=[]" in text
    without = mtlrun("show", "suite=table", f"suite.path={levels}")  # no targets yet
    assert "'None' in 10 rows" in " ".join(without.out.split())
    kept = mtlrun(
        "show", "suite=table", f"suite.path={levels}", "suite.targets={level: level}", "suite.missing=[]"
    )
    assert "counted as missing" not in kept.out
    assert "task level: multiclass (<NA>, Low, NA, None, Some)" in kept.out


def test_words_are_told_before_training(tmp_path):
    frame = pd.DataFrame({"level": LEVELS * 2, "x": np.arange(120) * 0.37})
    frame.to_csv(tmp_path / "a.csv", index=False)
    wanted = ("suite=table", f"suite.path={tmp_path / 'a.csv'}", "suite.targets={level: level}", "seeds=1")
    planned = mtlrun("plan", *wanted, f"store={tmp_path / 'runs'}")
    assert planned.code == 0 and "'None' in 20 rows" in planned.err


def test_a_list_with_a_default_word_stands_alone_and_any_other_is_added():
    assert words_of(None) == DEFAULT
    assert words_of(["-999", "x"]) == (*DEFAULT, "-999", "x")
    assert words_of([]) == ("",)
    assert words_of(["NA", "-999"]) == ("", "NA", "-999")


def test_categories_of_parquet_lose_words_too(tmp_path):
    codes = pa.array(["None", "b", "a", None]).dictionary_encode()
    from pyarrow import parquet

    parquet.write_table(pa.table({"k": codes}), tmp_path / "a.parquet")
    found = Table(path=str(tmp_path / "a.parquet")).column("k")
    assert (found.classes, found.missing, found.words) == (("a", "b"), 2, (("None", 1),))
    kept = Table(path=str(tmp_path / "a.parquet"), missing=[]).column("k")
    assert (kept.classes, kept.missing) == (("None", "a", "b"), 1)


def test_words_among_numbers_are_told_with_the_setting(tmp_path):
    (tmp_path / "a.csv").write_text("a\n" + "".join(f"{k}.5\n" for k in range(30)) + "unknown\n")
    told = mtlrun("show", "suite=table", f"suite.path={tmp_path / 'a.csv'}")
    assert """'suite.missing=["unknown"]' if it is missing""" in " ".join(told.out.split())
    read = Table(path=str(tmp_path / "a.csv"), missing=["unknown"]).column("a")
    assert (read.kind, read.missing) == ("number", 1)
