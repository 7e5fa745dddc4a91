"""Random splits: which split a seed has, and what every split must have before anything trains."""

import numpy as np
import pandas as pd
import pytest

from mtlrun.config import check_node, to_node
from mtlrun.data.checks.every_split import every_split_faults
from mtlrun.data.digits_attributes import DigitsAttributes
from mtlrun.data.digits_parity import DigitsParity
from mtlrun.data.digits_permuted import DigitsPermuted
from mtlrun.data.digits_two import DigitsTwo
from mtlrun.data.linear_teachers import LinearTeachers
from mtlrun.data.suite import run_seeds
from mtlrun.data.tables.table import Table
from mtlrun.data.tables.tables import Tables

ROWS, POSITIVES = 300, 12


@pytest.fixture
def rare(tmp_path):
    """Write a table with a rare class in each of two columns, and amounts; return its path."""
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 4)), columns=list("wxyz"))
    for name in ("b", "c"):
        frame[name] = np.where(
            np.isin(np.arange(ROWS), rng.choice(ROWS, POSITIVES, replace=False)), "yes", "no"
        )
    frame["a"] = np.where(frame["w"] > 0, "u", "v")
    frame["m"] = frame["x"] + frame["y"]
    frame.to_csv(tmp_path / "rare.csv", index=False)
    return str(tmp_path / "rare.csv")


def rules(suite, seeds):
    assert not list(suite.faults())
    return [(fault.key, fault.rule) for fault in every_split_faults(suite, run_seeds(seeds, suite.splits))]


def test_a_seed_asked_for_is_a_run_on_every_split():
    assert run_seeds([0, 1], 3) == [0, 1, 2, 3, 4, 5]
    assert run_seeds([7, 3], 2) == [14, 15, 6, 7]
    assert run_seeds([7, 3], None) == [7, 3]


def test_the_split_of_a_seed():
    assert [DigitsParity().split_seed(seed) for seed in (0, 7)] == [None, None]
    assert [DigitsParity(resplit=True).split_seed(seed) for seed in (0, 7)] == [0, 7]
    assert [DigitsParity(splits=3).split_seed(seed) for seed in (0, 2, 3, 7)] == [0, 2, 0, 1]


@pytest.mark.parametrize("cls", (DigitsParity, DigitsAttributes, DigitsPermuted, DigitsTwo))
def test_seeds_of_one_split_have_the_same_test_rows_and_others_do_not(cls):
    suite = cls(splits=3)
    tests = [suite.load(seed).sources[0].splits["test"] for seed in range(6)]
    for seed in range(3):
        assert tests[seed] is tests[seed + 3]
        assert set(tests[seed]) != set(tests[(seed + 1) % 3])
    first, again = (suite.load(seed).sources[0] for seed in (1, 4))
    assert first.inputs is again.inputs


def test_rows_of_tables_follow_the_split(rare):
    one = Table(path=rare, targets={"a": "a", "m": "m"}, splits=2)
    several = Tables(paths={"a": rare, "m": rare}, targets={"a": "a", "m": "m"}, splits=2)
    for suite in (one, several):
        for place in range(len(suite.load(0).sources)):
            tests = [suite.load(seed).sources[place].splits["test"] for seed in range(4)]
            np.testing.assert_array_equal(tests[0], tests[2])
            np.testing.assert_array_equal(tests[1], tests[3])
            assert set(tests[0]) != set(tests[1])


@pytest.mark.parametrize(
    ("suite", "keys"),
    (
        (DigitsParity(splits=1), ["suite.splits"]),
        (DigitsParity(splits=0), ["suite.splits"]),
        (DigitsParity(splits=2, resplit=True), ["suite.splits"]),
        (DigitsParity(splits=True), ["suite.splits"]),
        (LinearTeachers(splits=2), ["suite.splits"]),
        (DigitsParity(splits=2), []),
    ),
)
def test_a_number_of_splits_is_at_least_two_and_not_beside_resplit(suite, keys):
    assert [fault.key for fault in check_node("suite", to_node(suite))] == keys


def test_tables_tell_a_wrong_number_of_splits_once(rare):
    for suite in (
        Table(path=rare, targets={"a": "a"}, splits=1),
        Tables(paths={"a": rare, "m": rare}, targets={"a": "a", "m": "m"}, splits=1),
    ):
        assert [fault.key for fault in suite.faults()] == ["splits"]
    given = Table(path=rare, targets={"m": "m"}, splits=3, split="a")
    assert [fault.key for fault in given.faults()] == ["splits"]


def lacking(suite, seeds, column):
    """Return the seeds whose validation or test part has no positive row of a column, from the table itself."""
    positive = pd.read_csv(suite.path)[column].to_numpy() == "yes"
    parts = {seed: suite.load(seed).sources[0].splits for seed in seeds}
    return [seed for seed in seeds if not all(positive[rows].any() for rows in parts[seed].values())]


def test_a_part_of_any_seed_without_a_class_is_told_with_the_number_of_such_seeds(rare):
    suite = Table(path=rare, targets={"a": "a", "b": "b"}, resplit=True)
    wrong = lacking(suite, range(20), "b")
    assert len(wrong) > 1
    ((key, rule),) = rules(suite, range(20))
    assert key == "resplit"
    assert f"gives seed {wrong[0]} a " in rule
    assert f"without class yes of task b, which {POSITIVES} of {ROWS} rows have" in rule
    assert f"; {len(wrong)} of 20 seeds have such parts" in rule
    assert "suite.stratify=b, with suite.val and suite.test of 50 rows or more each" in rule
    good = [seed for seed in range(20) if seed not in wrong]
    assert rules(suite, good) == []


def test_with_splits_the_split_is_named_and_each_is_looked_at_once(rare):
    suite = Table(path=rare, targets={"a": "a", "b": "b"}, splits=8)
    wrong = lacking(suite, range(8), "b")
    ((key, rule),) = rules(suite, range(3))
    assert key == "splits"
    assert f"gives split {wrong[0]} a " in rule
    assert f"; {len(wrong)} of 8 splits have such parts" in rule


def test_what_is_proposed_helps(rare):
    suite = Table(path=rare, targets={"a": "a", "b": "b"}, splits=40, stratify="b", val=50, test=60)
    assert rules(suite, [0]) == []


def test_two_rare_classes_are_spread_by_a_list_of_columns(rare):
    about = {"targets": {"b": "b", "c": "c"}, "resplit": True, "val": 60, "test": 60}
    ((_, rule),) = rules(Table(path=rare, stratify="a", **about), range(40))
    assert "suite.stratify=[b,c]" in rule
    for one in ("b", "c"):
        assert rules(Table(path=rare, stratify=one, **about), range(40))
    both = Table(path=rare, stratify=["b", "c"], **about)
    assert rules(both, range(40)) == []
    for role, rows in both.load(3).sources[0].splits.items():
        assert len(rows) == {"train": 180}.get(role, 60)


def test_a_list_of_one_column_is_that_column(rare):
    one, listed = (
        Table(path=rare, targets={"a": "a", "b": "b"}, stratify=by).narrowed(["a", "b"])
        for by in ("b", ["b"])
    )
    assert to_node(one) == to_node(listed)
    both = Table(path=rare, targets={"a": "a", "b": "b"}, stratify=["b", "c"])
    assert both.narrowed(["a"]).stratify == ["b", "c"]
    np.testing.assert_array_equal(
        both.narrowed(["a"]).load(0).sources[0].splits["test"], both.load(0).sources[0].splits["test"]
    )
    unknown = Table(path=rare, targets={"a": "a"}, stratify=["b", "nothing"])
    assert [fault.key for fault in unknown.faults()] == ["stratify"]


def test_labels_that_are_all_one_value_are_told(rare):
    suite = Table(path=rare, targets={"both": ["a", "b"]}, resplit=True)
    ((_, rule),) = rules(suite, range(20))
    assert "with b all no of task both" in rule


def test_a_small_training_part_without_a_class_is_told_of_digits():
    assert rules(DigitsParity(resplit=True), range(5)) == []
    ((_, rule),) = rules(DigitsParity(resplit=True, train_size=9), range(3))
    assert "a train part without class" in rule
    assert "more training rows (suite.train_size)" in rule


def test_one_fixed_split_is_checked_as_before(rare):
    rows = Table(path=rare, targets={"a": "a", "b": "b"}, val=1, metrics={"b": "auroc"})
    assert any(fault.key == "targets.b" for fault in rows.faults())
