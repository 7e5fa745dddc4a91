"""Files of predictions: the ending is the format, numbers are kept, text is no formula."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun
from support.saved import houses, trained

from mtlrun.errors import ConfigError, DataError
from mtlrun.trained.prediction_files import FORMS, form_of, written

TABLE = pd.DataFrame(
    {
        "sky": ["=1+1", "+cmd|'/C calc'!A0", "-2+3", "@sum", "\tx", "-1", "+2.5e3", "blue", "a=b"],
        "=sky": [-1.5, 1 / 3, 2e7 + 1e-8, 1e-300, 5e12 + 0.25, -0.0, 1e9, np.pi, np.nan],
        "count": [-1, 2, 3, 4, 5, 6, 7, 8, 9],
    }
)


@pytest.mark.parametrize(("form", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_text_is_no_formula_and_numbers_are_as_they_were(form, delimiter):
    found = pd.read_csv(io.BytesIO(written(TABLE, form)), sep=delimiter, dtype=str, keep_default_na=False)
    assert list(found.columns) == ["sky", "'=sky", "count"]
    assert list(found["sky"]) == [
        *("'=1+1", "'+cmd|'/C calc'!A0", "'-2+3", "'@sum", "'\tx"),
        *("-1", "+2.5e3", "blue", "a=b"),
    ]
    numbers = [float(cell) if cell else np.nan for cell in found["'=sky"]]
    np.testing.assert_array_equal(numbers, TABLE["=sky"])
    assert list(found["count"]) == [str(n) for n in TABLE["count"]]


def test_other_forms_keep_text_as_it_is():
    for read, form in ((pd.read_parquet, "parquet"), (pd.read_feather, "feather")):
        found = read(io.BytesIO(written(TABLE, form)))
        assert list(found["sky"]) == list(TABLE["sky"])
        np.testing.assert_array_equal(found["=sky"], TABLE["=sky"])
        assert found["count"].dtype == np.int64
    rows = json.loads(written(TABLE, "json"))
    assert rows[1] == {"sky": "+cmd|'/C calc'!A0", "=sky": 1 / 3, "count": 2}
    assert rows[8]["=sky"] is None


def test_a_form_that_takes_a_column_once_refuses_it_twice():
    twice = pd.DataFrame([[1.0, "=x"]], columns=["a_p", "a_p"])
    assert written(twice, "csv") == b"a_p,a_p\n1.0,'=x\n"
    for form in ("parquet", "feather", "json"):
        with pytest.raises(DataError, match=r"have a_p twice: write \.csv or \.tsv"):
            written(twice, form)


def test_the_ending_is_the_form():
    assert [form_of(f"folder.x/y.{name}") for name in FORMS] == list(FORMS)
    assert (form_of("X.PARQUET"), form_of(None)) == ("parquet", "csv")
    for name in ("x.xlsx", "x", "x.csv.gz", ".csv", "x."):
        with pytest.raises(ConfigError, match=r"choices: \.csv, \.tsv, \.parquet, \.feather, \.json"):
            form_of(name)


def test_an_unknown_ending_is_refused_before_anything_else(tmp_path):
    absent = mtlrun("predict", "0000", "absent.csv", "--store", str(tmp_path), "-o", "out.xlsx")
    assert (absent.code, absent.out) == (2, "")
    assert "`--output` must be a file whose ending says its format, found 'out.xlsx'" in absent.err
    assert absent.err.count("\n") == 1


def test_names_of_classes_are_neutralised_where_they_would_be_formulas(tmp_path):
    table = houses(tmp_path / "houses.csv")
    table["sky"] = table["sky"].replace({"blue": "=1+1", "grey": "-1", "red": "@x"})
    table.to_csv(tmp_path / "houses.csv", index=False)
    own = (f"suite.path={tmp_path / 'houses.csv'}", "suite.targets={sky: sky, price: price}")
    run = trained(tmp_path / "runs", "suite=table", "suite.types={sky: category}", *own)
    command = ("predict", run.run_id, str(tmp_path / "houses.csv"), "--store", str(tmp_path / "runs"))
    shown = pd.read_csv(io.StringIO(mtlrun(*command).out), dtype=str)
    assert set(shown["sky"]) <= {"'=1+1", "-1", "'@x"} and set(shown["sky"]) & {"'=1+1", "'@x"}
    assert mtlrun(*command, "-o", str(tmp_path / "out.parquet")).code == 0
    kept = pd.read_parquet(tmp_path / "out.parquet")
    assert set(kept["sky"]) <= {"=1+1", "-1", "@x"}
    assert (
        list(kept.columns)
        == list(shown.columns)
        == ["sky", *(f"sky_p_{c}" for c in ("-1", "=1+1", "@x")), "price"]
    )
