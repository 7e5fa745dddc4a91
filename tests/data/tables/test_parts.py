"""Splits: stratified, in whole groups, given; notes on rows in two parts and on inputs that tell a target."""

import numpy as np
import pandas as pd
import pytest

from mtlrun.data.tables.table import Table


def parts(suite, seed=0):
    return suite.load(seed).sources[0].splits


def test_classes_and_amounts_are_spread_evenly(path, frame):
    by_class = parts(Table(path=str(path), targets={"level": "level"}))
    assert {role: len(rows) for role, rows in by_class.items()} == {"train": 140, "val": 20, "test": 40}
    whole = frame["level"].value_counts(normalize=True)
    for rows in by_class.values():
        share = frame["level"].iloc[rows].value_counts(normalize=True)
        assert (share - whole).abs().max() < 1.5 / len(rows) + 0.01
    by_amount = parts(Table(path=str(path), targets={"heating": "heating"}))
    tenths = pd.qcut(frame["heating"], 10, labels=False)
    assert tenths.iloc[by_amount["test"]].value_counts().tolist() == [4] * 10
    assert tenths.iloc[by_amount["val"]].value_counts().tolist() == [2] * 10


def test_splits_depend_on_no_other_task(path):
    both = Table(path=str(path), targets={"level": "level", "heating": "heating"})
    for alone in (both.narrowed(["heating"]), both.narrowed(["level"])):
        for role, rows in parts(both).items():
            np.testing.assert_array_equal(parts(alone)[role], rows)


@pytest.mark.parametrize("resplit", (False, True))
def test_groups_are_whole(path, frame, resplit):
    frame["house"] = np.random.default_rng(1).integers(0, 40, len(frame))
    frame.loc[:4, "house"] = None
    frame.to_csv(path, index=False)
    suite = Table(path=str(path), targets={"heating": "heating"}, group="house", resplit=resplit)
    assert "house" not in suite.input_columns()
    sizes = set()
    for seed in range(8):
        found = parts(suite, seed)
        sizes.add(tuple(len(rows) for rows in found.values()))
        groups = [set(frame["house"].iloc[rows].dropna()) for rows in found.values()]
        assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
        assert len(found["test"]) >= 40 and len(found["val"]) >= 20
    assert len(sizes) == 1  # also where each seed has its own split
    assert [dict(zip(("train", "val", "test"), size, strict=True)) for size in sizes] == [
        suite.info().sources[0].rows
    ]
    assert any("make parts of one size for all seeds" in note for note in suite.notes()) == resplit


@pytest.mark.parametrize(
    "words", (("train", "val", "test"), ("Training", "valid", "TEST"), ("train", "dev", "holdout"))
)
def test_a_column_gives_the_split(path, frame, words):
    frame["part"] = np.array(words)[np.random.default_rng(1).integers(0, 3, len(frame))]
    frame.loc[:9, "part"] = None
    frame.to_csv(path, index=False)
    suite = Table(path=str(path), targets={"heating": "heating"}, split="part")
    for role, word in zip(("train", "val", "test"), words, strict=True):
        assert sorted(parts(suite)[role]) == np.flatnonzero(frame["part"] == word).tolist()
    assert "10 rows of 200 have no part in column part, and are left out" in list(suite.notes())


def test_a_part_that_the_column_lacks_is_cut_from_training(path, frame):
    frame["part"] = ["train"] * 150 + ["test"] * 50
    frame.to_csv(path, index=False)
    found = parts(Table(path=str(path), targets={"heating": "heating"}, split="part"))
    assert sorted(found["test"]) == list(range(150, 200))
    assert len(found["val"]) == 15 and sorted({*found["val"], *found["train"]}) == list(range(150))


def test_groups_that_a_given_split_tears_are_told(path, frame):
    frame["part"] = ["train"] * 140 + ["val"] * 20 + ["test"] * 40
    frame["home"] = frame.index // 40  # the fourth has rows of two parts, the last two are whole
    frame.to_csv(path, index=False)
    suite = Table(path=str(path), targets={"heating": "heating"}, split="part", group="home")
    told = "column part tears 1 group of column home: some rows train, others do not"
    assert told in list(suite.notes())
    frame["home"] = frame.index // 20
    frame.to_csv(path, index=False)
    assert not [note for note in suite.notes() if "tears" in note]


def test_new_splits_for_each_seed_have_the_same_sizes(path):
    suite = Table(path=str(path), targets={"heating": "heating"}, resplit=True)
    first, second = parts(suite, 0), parts(suite, 1)
    assert {r: len(v) for r, v in first.items()} == {r: len(v) for r, v in second.items()}
    assert set(first["test"]) != set(second["test"])


def test_a_smaller_training_set_is_the_beginning_of_the_whole(path):
    whole = parts(Table(path=str(path), targets={"heating": "heating"}))
    small = parts(Table(path=str(path), targets={"heating": "heating"}, train_size=30))
    np.testing.assert_array_equal(small["train"], whole["train"][:30])
    np.testing.assert_array_equal(small["test"], whole["test"])


def test_duplicates_across_parts_are_counted(path, frame):
    frame["part"] = ["train"] * 120 + ["val"] * 30 + ["test"] * 50
    columns = list(frame.columns.drop("part"))
    frame.loc[120:122, columns] = frame.loc[0:2, columns].to_numpy()
    frame.loc[150:159, columns] = frame.loc[10:19, columns].to_numpy()
    frame.loc[160, "cooling"] = frame.loc[20, "cooling"]  # equal in one column alone
    frame.to_csv(path, index=False)
    suite = Table(path=str(path), targets={"heating": "heating"}, split="part")
    notes = " ".join(suite.notes())
    assert "3 rows of the val part (10 %) are exact duplicates of training rows" in notes
    assert "10 rows of the test part (20 %) are exact duplicates of training rows" in notes


@pytest.mark.parametrize(
    ("target", "leak"),
    (
        ("heating", lambda f: f["heating"] * 1.8 + 32),
        ("heating", lambda f: np.exp(f["heating"] / 10)),
        ("level", lambda f: f["heating"].where(f["level"] != "low", -5.0) * 0 + pd.factorize(f["level"])[0]),
        ("level", lambda f: f["level"] + " level"),
        ("garden", lambda f: f["size"] + 1000 * f["garden"]),
    ),
    ids=("line", "order", "codes", "names", "threshold"),
)
def test_an_input_that_tells_a_target_is_told(path, frame, target, leak):
    suite = Table(path=str(path), targets={"a": target}, ignored=["heating"] if target == "level" else None)
    assert not any("alone tells" in note for note in suite.notes())
    frame.assign(leak=leak(frame)).to_csv(path, index=False)
    assert any(
        note.startswith(f"column leak alone tells {target}, the target of a") for note in suite.notes()
    )
