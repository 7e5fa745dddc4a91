"""Inputs follow from the training rows alone; which numbers there are, from the whole table."""

import numpy as np
import pandas as pd
import pytest

from mtlrun.data.tables.table import Table

ROWS = 40
TRAIN = np.arange(24)


def suite_of(tmp_path, columns, **settings):
    """Return a suite whose first 24 rows train, the next 8 validate, the last 8 test."""
    frame = pd.DataFrame({**columns, "y": np.arange(ROWS) * 1.5})
    frame["part"] = ["train"] * 24 + ["val"] * 8 + ["test"] * 8
    frame.to_parquet(tmp_path / "t.parquet")
    return Table(path=str(tmp_path / "t.parquet"), targets={"y": "y"}, split="part", **settings)


def inputs_of(suite):
    return suite.load(0).sources[0].inputs


def test_numbers_are_standardised_by_training_rows(tmp_path):
    values = np.random.default_rng(0).normal(5, 3, ROWS)
    suite = suite_of(tmp_path, {"x": values})
    expected = (values - values[TRAIN].mean()) / values[TRAIN].std()
    np.testing.assert_allclose(inputs_of(suite)[:, 0], expected, rtol=1e-6)


def test_changing_other_rows_changes_no_training_row(tmp_path):
    rng = np.random.default_rng(0)
    columns = {
        "x": rng.normal(size=ROWS),
        "c": rng.choice(["a", "b"], ROWS),
        "d": pd.date_range("2020", periods=ROWS),
    }
    before = inputs_of(suite_of(tmp_path, columns))[TRAIN].copy()
    columns["x"] = np.where(np.arange(ROWS) < 24, columns["x"], 1e6)
    columns["d"] = columns["d"].where(np.arange(ROWS) < 24, pd.Timestamp("1900-01-01"))
    np.testing.assert_array_equal(inputs_of(suite_of(tmp_path, columns))[TRAIN], before)


def test_gaps_are_the_mean_with_an_indicator(tmp_path):
    values = np.arange(ROWS, dtype=float)
    values[[2, 30]] = np.nan
    found = inputs_of(suite_of(tmp_path, {"x": values}))
    assert found.shape == (ROWS, 2)
    np.testing.assert_array_equal(found[[2, 30], 0], 0)  # the mean of standardised numbers
    assert np.flatnonzero(found[:, 1]).tolist() == [2, 30]
    there = found[np.setdiff1d(TRAIN, [2]), 0]
    np.testing.assert_allclose([there.mean(), there.std()], [0, 1], atol=1e-6)


def test_gaps_that_training_has_none_of_say_nothing(tmp_path):
    values = np.arange(ROWS, dtype=float)
    values[30] = np.nan
    found = inputs_of(suite_of(tmp_path, {"x": values}))
    assert found.shape == (ROWS, 2) and not found[:, 1].any() and found[30, 0] == 0


def test_categories_are_one_number_each_and_unknown_ones_none(tmp_path):
    town = ["a", "b", None, "c"] * 6 + ["z"] * 8 + ["a"] * 8
    found = inputs_of(suite_of(tmp_path, {"town": town}))
    assert found.shape == (ROWS, 5)  # a, b, c, z, and a gap
    np.testing.assert_array_equal(found[:4], np.eye(5)[[0, 1, 4, 2]])
    np.testing.assert_array_equal(found[24:32], 0)
    np.testing.assert_array_equal(found[32:], np.eye(5)[[0] * 8])


def test_true_and_false_are_numbers(tmp_path):
    found = inputs_of(suite_of(tmp_path, {"flag": [True, False, False] * 13 + [True]}))
    assert found.shape == (ROWS, 1) and len(np.unique(found)) == 2 and found[0, 0] > 0 > found[1, 0]


def test_dates_are_days_and_phases(tmp_path):
    days = pd.date_range("2019-12-30", periods=ROWS, freq="D")  # a Monday
    found = inputs_of(suite_of(tmp_path, {"day": days}))
    assert found.shape == (ROWS, 5)  # days; sine and cosine of the year and of the week
    np.testing.assert_allclose(np.diff(found[:, 0]), np.diff(found[:2, 0])[0], rtol=1e-4)
    np.testing.assert_allclose(found[:33, 3:], found[7:, 3:], atol=1e-5)  # a week later
    hours = inputs_of(suite_of(tmp_path, {"day": pd.date_range("2020", periods=ROWS, freq="7h")}))
    assert hours.shape == (ROWS, 7)


def test_columns_that_are_the_same_in_every_row_are_dropped_with_a_note(tmp_path):
    suite = suite_of(tmp_path, {"x": np.arange(ROWS), "one": [1] * ROWS, "none": [None] * ROWS})
    assert inputs_of(suite).shape == (ROWS, 1)
    notes = " ".join(suite.notes())
    assert "column one is the same in every row" in notes and "column none has no value in any row" in notes


def test_a_column_that_only_training_has_constant_is_zero(tmp_path):
    found = inputs_of(suite_of(tmp_path, {"x": np.arange(ROWS), "late": [3] * 30 + [9] * 10}))
    assert found.shape == (ROWS, 2) and not found[:, 1].any()


def test_text_of_many_kinds_is_no_input_unless_named(tmp_path):
    ids = [f"house {k}" for k in range(ROWS)]
    few = suite_of(tmp_path, {"x": np.arange(ROWS), "id": ids}, most_categories=20)
    assert few.input_columns() == ("x",)
    assert "column id is no input: text of 40 kinds, more than suite.most_categories=20" in list(few.notes())
    named = suite_of(tmp_path, {"x": np.arange(ROWS), "id": ids}, most_categories=20, inputs=["x", "id"])
    assert inputs_of(named).shape == (ROWS, 41)


def test_columns_without_a_name_are_no_inputs(tmp_path):
    pd.DataFrame({"x": np.arange(ROWS), "y": np.arange(ROWS) ** 2}).to_csv(tmp_path / "index.csv")
    suite = Table(path=str(tmp_path / "index.csv"), targets={"y": "y"})
    assert suite.input_columns() == ("x",)
    assert any("column '' is no input: has no name" in note for note in suite.notes())
    frame = pd.DataFrame({"x": np.arange(ROWS), "y": np.arange(ROWS) ** 2})
    frame.sample(frac=1, random_state=0).to_parquet(
        tmp_path / "index.parquet"
    )  # pandas keeps the numbers of the rows
    suite = Table(path=str(tmp_path / "index.parquet"), targets={"y": "y"})
    assert suite.input_columns() == ("x",)
    assert any("__index_level_0__ is no input: numbers the rows" in note for note in suite.notes())


def test_numbers_whose_squares_are_none_are_left_out(tmp_path):
    columns = {"x": np.arange(ROWS), "small": np.arange(ROWS) * 1e-200, "y": np.arange(ROWS) ** 2}
    pd.DataFrame(columns).to_csv(tmp_path / "small.csv", index=False)
    suite = Table(path=str(tmp_path / "small.csv"), targets={"y": "y"})
    assert not suite.load(0).sources[0].inputs[:, 1].any()
    list(suite.notes())  # nothing is divided by 0, which would be an error here


def test_embedded_categories_stand_last_and_tell_their_widths(tmp_path):
    columns = {"town": list("abcd") * 10, "x": np.arange(ROWS), "kind": list("pq") * 20}
    (source,) = suite_of(tmp_path, columns, categories="embedded", embedding=3).info().sources
    assert source.input_shape == (7,)
    assert source.embedded == ((4, 2), (2, 1))
    (plain,) = suite_of(tmp_path, columns).info().sources
    assert plain.embedded == ()


def test_seeds_share_their_arrays_and_new_splits_have_their_own(path):
    fixed = Table(path=str(path), targets={"a": "heating"})
    first, second = (fixed.load(seed).sources[0] for seed in (0, 1))
    assert first.inputs is second.inputs and first.targets["a"] is second.targets["a"]
    drawn = Table(path=str(path), targets={"a": "heating"}, resplit=True)
    first, second = (drawn.load(seed).sources[0] for seed in (0, 1))
    assert first.inputs.shape == second.inputs.shape and not np.array_equal(first.inputs, second.inputs)
    rows = first.splits["train"]
    np.testing.assert_allclose(first.inputs[rows, 0].mean(), 0, atol=1e-5)


@pytest.mark.parametrize("size", (20, 0.5))
def test_a_smaller_training_set_is_standardised_by_its_own_rows(path, size):
    source = Table(path=str(path), targets={"a": "heating"}, train_size=size).load(0).sources[0]
    rows = source.splits["train"]
    assert len(rows) == (20 if size == 20 else 70)
    np.testing.assert_allclose(source.inputs[rows, 0].std(), 1, rtol=1e-4)
