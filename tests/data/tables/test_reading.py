"""Files of every kind give the same columns."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from support.commands import mtlrun

from mtlrun.data.tables import reading
from mtlrun.data.tables.columns import column, names
from mtlrun.data.tables.reading import File, read
from mtlrun.data.tables.table import Table
from mtlrun.errors import ConfigError

MIXED = 'name;"price, net";note\r\n"Ada; B.";1,5;"two\r\nlines"\r\nBo;-2,25;"say ""hi"""\r\n'


def digests(path, **settings):
    file = File(str(path), **settings)
    return {name: column(file, name).digest for name in names(file)}


def write(folder, frame, name):
    path = folder / name
    writers = {
        "comma.csv": lambda: frame.to_csv(path, index=False),
        "semicolon.csv": lambda: frame.to_csv(path, index=False, sep=";"),
        "pipe.txt": lambda: frame.to_csv(path, index=False, sep="|"),
        "tabs.tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
        "bom.csv": lambda: frame.to_csv(path, index=False, encoding="utf-8-sig"),
        "wide.csv": lambda: frame.to_csv(path, index=False, sep="\t", encoding="utf-16"),
        "dos.csv": lambda: frame.to_csv(path, index=False, lineterminator="\r\n"),
        "quoted.csv": lambda: frame.to_csv(path, index=False, quoting=1),
        "told.csv": lambda: path.write_bytes(b"sep=;\r\n" + frame.to_csv(index=False, sep=";").encode()),
        "table.parquet": lambda: frame.to_parquet(path),
        "table.feather": lambda: frame.to_feather(path),
        "book.xlsx": lambda: frame.to_excel(path, index=False),
    }
    writers[name]()
    return path


@pytest.mark.parametrize(
    "name",
    (
        *(
            "semicolon.csv",
            "pipe.txt",
            "tabs.tsv",
            "bom.csv",
            "wide.csv",
            "dos.csv",
            "quoted.csv",
            "told.csv",
        ),
        *("table.parquet", "table.feather", "book.xlsx"),
    ),
)
def test_every_form_of_a_table_has_the_same_content(tmp_path, frame, name):
    plain = digests(write(tmp_path, frame, "comma.csv"))
    assert list(plain) == list(frame.columns)
    found = digests(write(tmp_path, frame, name))
    if name == "book.xlsx":  # a workbook keeps 15 digits
        plain = {k: v for k, v in plain.items() if k not in ("size", "heating", "cooling")}
        found = {k: v for k, v in found.items() if k in plain}
    assert found == plain


def test_quotes_hold_delimiters_quotes_and_line_ends_and_commas_may_be_decimal(tmp_path):
    (tmp_path / "mixed.csv").write_bytes(MIXED.encode())
    table = read(File(str(tmp_path / "mixed.csv"), decimal=","))
    assert table.column_names == ["name", "price, net", "note"]
    assert table.to_pydict() == {
        "name": ["Ada; B.", "Bo"],
        "price, net": [1.5, -2.25],
        "note": ["two\r\nlines", 'say "hi"'],
    }


def test_a_delimiter_and_an_encoding_may_be_given(tmp_path):
    (tmp_path / "odd.csv").write_bytes("a~b\nKöln~1\n".encode("latin-1"))
    table = read(File(str(tmp_path / "odd.csv"), delimiter="~", encoding="latin-1"))
    assert table.to_pydict() == {"a": ["Köln"], "b": [1]}
    with pytest.raises(ConfigError, match=r"`encoding` is not what the file is written in .*latin-1"):
        read(File(str(tmp_path / "odd.csv"), delimiter="~"))


def test_a_sheet_of_a_workbook_is_chosen_by_name(tmp_path, frame):
    with pd.ExcelWriter(tmp_path / "two.xlsx") as book:
        frame[["age"]].to_excel(book, sheet_name="first", index=False)
        frame[["town"]].to_excel(book, sheet_name="second", index=False)
    assert names(File(str(tmp_path / "two.xlsx"))) == ("age",)
    assert names(File(str(tmp_path / "two.xlsx"), sheet="second")) == ("town",)
    with pytest.raises(ConfigError, match="third"):
        names(File(str(tmp_path / "two.xlsx"), sheet="third"))


def test_a_file_is_read_again_when_it_changed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    assert read(File(str(path))) is read(File(str(path)))
    path.write_text("a\n1\n2\n")
    assert read(File(str(path))).num_rows == 2


def test_numbers_that_only_later_rows_have_are_read(tmp_path):
    (tmp_path / "late.csv").write_text("a\n" + "1\n" * 500_000 + "0.5\n")
    assert column(File(str(tmp_path / "late.csv")), "a").values[-1] == 0.5


@pytest.mark.parametrize("name", ("comma.csv", "table.parquet", "book.xlsx"))
def test_a_file_over_the_free_memory_is_refused_with_the_size_it_needs(tmp_path, frame, name, monkeypatch):
    path = write(tmp_path, frame, name)
    monkeypatch.setattr(reading, "free_memory_mib", lambda: 0.01)
    with pytest.raises(ConfigError, match=r"needs about [\d.]+ GiB of memory, and 0.0 GiB are free"):
        read(File(str(path)))


def test_workbooks_need_the_extra(tmp_path, frame, monkeypatch):
    path = write(tmp_path, frame, "book.xlsx")
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(ConfigError, match=r"pip install 'mtlrun\[excel\]'"):
        read(File(str(path)))


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    (
        ("1\n2\nNA", "number", [1, 2, np.nan]),
        ("true\nfalse\n", "boolean", [1, 0, np.nan]),
        ("b\na\n", "category", [1, 0, np.nan]),
        ("1970-01-02\n1970-01-03 12:00:00\n", "date", [1, 2.5, np.nan]),
        ("?\n\n", "empty", [np.nan] * 3),
    ),
)
def test_kinds_are_inferred(tmp_path, text, kind, values):
    lines = [*text.split("\n"), "", ""][:3]
    (tmp_path / "k.csv").write_text("k,other\n" + "".join(f"{line},1\n" for line in lines))
    found = column(File(str(tmp_path / "k.csv")), "k")
    assert found.kind == kind
    np.testing.assert_array_equal(found.values, values)


@pytest.mark.parametrize(
    ("asked", "kind", "values"),
    (
        ("category", "category", [1, 0]),
        ("number", "number", [110222, 30221]),
        ("%d%m%y", "date", [19034, 18661]),  # 2022-02-11 and 2021-02-03, in days since 1970
    ),
)
def test_kinds_are_given(tmp_path, asked, kind, values):
    (tmp_path / "k.csv").write_text("k\n110222\n030221\n")
    suite = Table(path=str(tmp_path / "k.csv"), types={"k": asked})
    found = suite.column("k")
    assert found.kind == kind
    assert found.classes == (("030221", "110222") if kind == "category" else ())
    np.testing.assert_array_equal(found.values, values)


def test_types_of_parquet_that_are_rare_are_read(tmp_path):
    days = [dt.date(9999, 12, 31), dt.date(1600, 1, 1), None]
    table = pa.table(
        {
            "long": pa.array([2**62, 2**61, None]),
            "unsigned": pa.array([2**63, 1, None], pa.uint64()),
            "decimal": pa.array([decimal.Decimal("1.25"), decimal.Decimal(2), None]),
            "time": pa.array([dt.time(1), dt.time(2), None], pa.time32("s")),
            "day": pa.array(days),
            "code": pa.array(["b", "a", None]).dictionary_encode(),
        }
    )
    parquet.write_table(table, tmp_path / "rare.parquet")
    file = File(str(tmp_path / "rare.parquet"))
    found = {name: (column(file, name).kind, column(file, name).values.tolist()[:2]) for name in names(file)}
    assert found == {
        "long": ("number", [2.0**62, 2.0**61]),
        "unsigned": ("number", [2.0**63, 1]),
        "decimal": ("number", [1.25, 2]),
        "time": ("number", [3600, 7200]),
        "day": ("date", [(day - dt.date(1970, 1, 1)).days for day in days[:2]]),
        "code": ("category", [1, 0]),
    }
    assert all(column(file, name).missing == 1 for name in names(file))


def test_words_name_signs(tmp_path):
    (tmp_path / "eu.csv").write_text("a;b\n1,5;2\n")
    suite = Table(path=str(tmp_path / "eu.csv"), delimiter="semicolon", decimal="comma")
    assert read(suite.file()).to_pydict() == {"a": [1.5], "b": [2]}


@pytest.mark.parametrize("name", ("a.csv", "a.xlsx"))
def test_more_signs_for_missing_values_are_given(tmp_path, name):
    frame = pd.DataFrame({"a": ["1.5", "-", "-999"]})
    write_ = frame.to_csv if name == "a.csv" else frame.to_excel
    write_(tmp_path / name, index=False)
    suite = Table(path=str(tmp_path / name), missing=["-", "-999"], types={"a": "number"})
    np.testing.assert_array_equal(suite.column("a").values, [1.5, np.nan, np.nan])


def test_spaces_around_names_are_no_part_of_them(tmp_path):
    (tmp_path / "a.csv").write_text("a, b ,c\n1, 2.5,x\n")
    table = read(File(str(tmp_path / "a.csv")))
    assert table.to_pydict() == {"a": [1], "b": [2.5], "c": ["x"]}


def test_a_file_without_names_is_told(tmp_path):
    values = np.random.default_rng(0).normal(size=(60, 3))
    np.savetxt(tmp_path / "bare.csv", values, delimiter=",", fmt="%.4f")
    first = names(File(str(tmp_path / "bare.csv")))
    suite = Table(path=str(tmp_path / "bare.csv"), targets={"y": first[0]})
    assert any("called by numbers" in note for note in suite.notes())


def test_delimiters_at_the_ends_of_lines_make_no_columns(tmp_path):
    (tmp_path / "ends.csv").write_text("a,b,,\n1,2,,\n3,4,,\n", encoding="utf-8")
    assert read(File(str(tmp_path / "ends.csv"))).column_names == ["a", "b"]


def test_the_users_folder_is_found(tmp_path, frame, monkeypatch):
    home = tmp_path / "my home"
    home.mkdir()
    frame.to_csv(home / "houses.csv", index=False)
    monkeypatch.setenv("HOME", str(home))
    one = mtlrun("show", "suite=table", "suite.path=~/houses.csv", "suite.targets={a: heating}")
    assert one.code == 0 and "200 rows" in one.out, one.err
    paths = "suite.paths={a: ~/houses.csv, b: ~/houses.csv}"
    two = mtlrun("show", "suite=tables", paths, "suite.targets={a: heating, b: cooling}")
    assert two.code == 0 and two.out.count("200 rows") == 2, two.err


@pytest.mark.sample(3)
@pytest.mark.parametrize("sign", (",", ";", "\t"))
def test_the_delimiter_of_very_wide_text_is_found(tmp_path, sign):
    values = np.random.default_rng(0).normal(size=(3, 9000))  # lines of over 131,072 signs
    names_ = [f"column_{k}" for k in range(9000)]
    pd.DataFrame(values, columns=names_).to_csv(tmp_path / "wide.csv", index=False, sep=sign)
    assert len(names(File(str(tmp_path / "wide.csv")))) == 9000
    long = [
        f"{k}_{'name' * 10}" for k in range(9000)
    ]  # the first line alone is longer than what is looked at
    pd.DataFrame(values, columns=long).to_csv(tmp_path / "names.csv", index=False, sep=sign)
    assert names(File(str(tmp_path / "names.csv"))) == tuple(long)


def test_a_message_does_not_list_thousands_of_columns(tmp_path):
    pd.DataFrame(np.eye(30, 500), columns=[f"c{k}" for k in range(500)]).to_csv(
        tmp_path / "a.csv", index=False
    )
    refused = mtlrun("plan", "suite=table", f"suite.path={tmp_path / 'a.csv'}", "suite.targets={a: c4000}")
    assert refused.code == 2 and "did you mean c400" in refused.err
    assert "c99 and 400 more" in refused.err and "c100," not in refused.err
