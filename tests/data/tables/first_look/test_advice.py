"""What columns and targets may really be: told with the setting that says so, in the first look, plan and run."""

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun

from mtlrun.data.tables.first_look.advice import are_days, date_forms, numbers_rows
from mtlrun.data.tables.first_look.target_advice import far_value
from mtlrun.data.tables.table import Table

N = 300
RNG = np.random.default_rng(1)
X = RNG.normal(size=N)
DAYS = pd.date_range("2011-01-01", periods=N)
CODE = np.repeat(np.arange(N // 2), 2)

COLUMNS = {
    "rownames": (range(1, N + 1), "column c numbers the rows and is an input: suite.ignored=[c]"),
    "permutation": (RNG.permutation(N) + 7, "column c numbers the rows and is an input"),
    "in order with holes": (np.cumsum(RNG.integers(1, 9, N)), "column c numbers the rows and is an input"),
    "downwards": (range(N, 0, -1), "column c numbers the rows and is an input"),
    "American": (DAYS.strftime("%-m/%-d/%Y"), """'suite.types={c: "%m/%d/%Y"}' reads them"""),
    "with a time": (DAYS.strftime("%d.%m.%Y 12:%M"), """'suite.types={c: "%d.%m.%Y %H:%M"}'"""),
    "names of months": (DAYS.strftime("%d %b %Y"), """'suite.types={c: "%d %b %Y"}'"""),
    "either way": (
        pd.DatetimeIndex(DAYS[:12]).strftime("%d/%m/%Y").to_numpy()[np.arange(N) % 12],
        "%d/%m/%Y",
    ),
    "in figures": (DAYS.strftime("%Y%m%d").astype(int), """'suite.types={c: "%Y%m%d"}' reads them"""),
    "blanks": (
        np.where(X > 1, " ", "3"),
        """'suite.missing=[" "]' makes the blanks missing and it numbers""",
    ),
    "blank class": (np.where(X > 1, " ", "y"), """'suite.missing=[" "]' makes it missing"""),
    "far code": (np.where(np.arange(N) % 9, X.round(3), -999), "column c has -999 in 34 rows, far from all"),
}
SILENT = {
    "counts": RNG.integers(0, 50, N),
    "numbers twice": CODE,
    "amounts in order": np.sort(X),
    "skewed": np.exp(X[::-1]),
    "versions": np.array(["1.2.3", "2.0.1"])[np.arange(N) % 2],
    "large numbers": RNG.integers(19000101, 21001231, N),
    "town": np.array(["Ulm", "Bonn", "Rome"])[np.arange(N) % 3],
}
TARGETS = {
    "grades": (RNG.integers(0, 18, N), "target y has 18 whole numbers, taken as classes", "{t: regression}"),
    "halves": (
        np.where(X > 0, 0.5, 1.5),
        "target y has 2 values (0.5, 1.5), taken as amounts",
        "{t: binary}",
    ),
    "letters": (
        np.arange(N) % 26,
        "target y has 26 values (0, 1, 2, ...), taken as amounts",
        "{t: multiclass}",
    ),
    "one far out": (np.where(np.arange(N) == 5, 1e6, X), "target y has 1e+06 in 1 row, far", '["1000000"]'),
    "rare": (
        np.where(np.arange(N) < 4, "odd", np.array(["a", "b"])[np.arange(N) % 2]),
        "odd 4",
        "suite.rare=join",
    ),
}


def notes(tmp_path, column, y=X, **settings):
    frame = pd.DataFrame({"c": column, "plain": RNG.normal(size=N), "y": y})
    frame.to_csv(tmp_path / "a.csv", index=False)
    return "\n".join(Table(path=str(tmp_path / "a.csv"), targets={"t": "y"}, **settings).notes())


@pytest.mark.parametrize("case", COLUMNS)
def test_what_a_column_may_be_is_told_with_a_setting(tmp_path, case):
    column, told = COLUMNS[case]
    assert told in notes(tmp_path, column)
    shown = mtlrun("show", "suite=table", f"suite.path={tmp_path / 'a.csv'}")  # without targets too
    assert shown.code == 0
    assert "far" in case or told in " ".join(shown.out.split())


@pytest.mark.parametrize("case", SILENT)
def test_plain_columns_are_not_spoken_of(tmp_path, case):
    assert notes(tmp_path, SILENT[case]) == ""


@pytest.mark.parametrize("case", TARGETS)
def test_what_a_target_may_be_is_told_with_a_setting(tmp_path, case):
    y, told, setting = TARGETS[case]
    found = notes(tmp_path, X[::-1], y)
    assert told in found and setting in found


def test_the_settings_that_are_told_help(tmp_path):
    y = np.where(np.arange(N) == 5, 1e6, X)
    assert notes(tmp_path, DAYS.strftime("%-m/%-d/%Y"), y, missing=["1000000"], types={"c": "%m/%d/%Y"}) == ""
    assert notes(tmp_path, np.where(X[::-1] > 1, " ", "3"), missing=[" "]) == ""
    assert notes(tmp_path, range(N), ignored=["c"]) == ""
    assert notes(tmp_path, X[::-1], RNG.integers(0, 18, N), kinds={"t": "regression"}) == ""


def test_text_of_almost_as_many_kinds_as_rows_is_told(tmp_path):
    frame = pd.DataFrame({"name": [f"person {k}" for k in range(60)], "y": RNG.normal(size=60)})
    frame.to_csv(tmp_path / "a.csv", index=False)
    (note,) = Table(path=str(tmp_path / "a.csv"), targets={"t": "y"}).notes()
    assert "column name has 60 kinds of text in 60 rows" in note and "suite.ignored=[name]" in note


def test_plan_tells_notes_beside_its_output(tmp_path):
    notes(tmp_path, range(N))
    wanted = (
        "suite=table",
        f"suite.path={tmp_path / 'a.csv'}",
        "suite.targets={t: y}",
        f"store={tmp_path / 'runs'}",
    )
    told = mtlrun("plan", *wanted, "seeds=1", "--format", "json")
    assert told.code == 0 and told.out.startswith("{")
    assert "note: column c numbers the rows" in told.err


def test_numbers_that_count_rows():
    assert numbers_rows(np.arange(30.0)) and numbers_rows(RNG.permutation(30) + 5.0)
    assert not numbers_rows(np.arange(19.0))  # too few to say
    assert not numbers_rows(np.where(np.arange(30) == 9, np.nan, np.arange(30)))
    assert not numbers_rows(np.arange(30) * 0.5)


def test_forms_of_dates():
    assert date_forms(("1/1/2011", "12/31/2011")) == ["%m/%d/%Y"]
    assert date_forms(("1/1/2011", "2/3/2011")) == ["%m/%d/%Y", "%d/%m/%Y"]
    assert date_forms(("1/1/2011", "32/1/2011", "9/9/2011")) == []
    assert date_forms(("a", "b")) == []
    assert are_days(np.array([20110131.0, 20120229.0] * 10)) and not are_days(np.array([20110132.0] * 20))


def test_a_value_far_from_all_others():
    assert far_value(np.append(X, 50.0)) == 50
    assert far_value(np.append(X, [-99.0, -99.0])) == -99
    assert far_value(X) is None
    assert far_value(np.array([0.0, 1.0] * 30)) is None  # two values are no outliers of each other
