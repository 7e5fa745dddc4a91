"""Rare classes and equal rows: kept as they are, unless a setting says otherwise."""

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun

from mtlrun.config import identity, to_node
from mtlrun.data.tables.first_look.duplicates import joined_groups
from mtlrun.data.tables.rare import Rare, joined_name, without_rare
from mtlrun.data.tables.table import Table
from mtlrun.data.tables.tables import Tables
from mtlrun.planning.runs import run_ids

CODES = np.array([0, 0, 1, 2, 2, np.nan, 3])
CLASSES = ("a", "b", "c", "d")


def run_id(suite):
    return run_ids({"suite": identity(to_node(suite))}, [0])[0]


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(0)
    level = np.array(["low", "mid"])[np.arange(200) % 2].astype(object)
    level[[3, 50, 90]], level[[7, 60]] = "odd", "even"
    frame = pd.DataFrame({"x": rng.normal(size=200), "level": level, "size": rng.normal(size=200)})
    frame.to_csv(tmp_path / "a.csv", index=False)
    return tmp_path / "a.csv"


@pytest.mark.parametrize(
    ("rare", "codes", "classes"),
    (
        (Rare("keep", 2), CODES, CLASSES),
        (Rare("join", 2), [0, 0, 2, 1, 1, np.nan, 2], ("a", "c", "b or d")),
        (Rare("drop", 2), [0, 0, np.nan, 1, 1, np.nan, np.nan], ("a", "c")),
        (Rare("join", 1), CODES, CLASSES),
    ),
)
def test_classes_by_hand(rare, codes, classes):
    found = without_rare(CODES, CLASSES, rare)
    np.testing.assert_array_equal(found[0], codes)
    assert found[1] == classes


def test_two_classes_and_one_rare_class_stay():
    assert without_rare(np.array([0, 1, 1.0]), ("a", "b"), Rare("join", 2))[1] == ("a", "b")
    assert without_rare(np.array([0, 1, 1, 2, 2.0]), ("a", "b", "c"), Rare("join", 2))[1] == ("a", "b", "c")
    assert joined_name("abcd") == "a or b or c or d"
    assert joined_name("abcdef") == "a or b or c or 3 others"


def test_a_target_has_the_joined_class_or_gaps(path):
    targets = {"level": "level"}
    joined = Table(path=str(path), targets=targets, rare="join")
    assert joined.class_names("level") == ("low", "mid", "even or odd")
    assert (joined.target_of("level").values == 2).sum() == 5
    dropped = Table(path=str(path), targets=targets, rare="drop")
    found = dropped.target_of("level")
    assert (found.kind, found.partial, int(np.isnan(found.values).sum())) == ("binary", True, 5)
    assert any("even 2, odd 3): joined as 'even or odd'" in note for note in joined.notes())
    assert any("left out, 5 rows have no label of level" in note for note in dropped.notes())
    several = Tables(paths={"level": str(path)}, targets=targets, rare="join")
    assert several.class_names("level") == joined.class_names("level")


def test_run_ids_change_only_where_a_class_is_rare(path):
    targets = {"level": "level", "size": "size"}
    plain, joined = (Table(path=str(path), targets=targets, rare=how) for how in ("keep", "join"))
    node = identity(to_node(plain.narrowed(["level"])))
    assert not {"rare", "rare_below", "duplicates"} & set(node)  # ids of stored runs stay
    assert run_id(plain.narrowed(["size"])) == run_id(joined.narrowed(["size"]))
    assert run_id(plain.narrowed(["level"])) != run_id(joined.narrowed(["level"]))
    below = Table(path=str(path), targets=targets, rare="join", rare_below=2)
    assert run_id(below.narrowed(["level"])) == run_id(plain.narrowed(["level"]))


def test_what_is_wrong_is_told_with_the_setting(path, tmp_path):
    wanted = ("plan", "suite=table", f"suite.path={path}", "suite.targets={level: level}", "seeds=1")
    store = f"store={tmp_path / 'runs'}"
    refused = mtlrun(*wanted, store, "suite.rare=join", "suite.rare_below=1")
    assert refused.code == 2 and "`suite.rare_below` must be at least 2 rows" in refused.err
    refused = mtlrun(*wanted, store, "suite.rare=drop", "suite.rare_below=150")
    assert refused.code == 2 and "leaves 0 classes of column level: lower suite.rare_below" in refused.err
    frame = pd.read_csv(path)
    frame["part"] = np.where(
        np.isin(np.arange(200), [3, 50, 90]),
        "test",
        np.array(["train", "val", "test", "train"])[np.arange(200) // 50],
    )
    frame.to_csv(path, index=False)
    refused = mtlrun(*wanted, store, "suite.split=part", "suite.inputs=[x]")
    assert refused.code == 2 and "suite.rare=join makes one class" in refused.err, refused.err
    good = mtlrun(*wanted, store, "suite.split=part", "suite.inputs=[x]", "suite.rare=drop")
    assert good.code == 0, good.err


def test_equal_rows_stay_together_where_asked(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"x": rng.integers(0, 60, 240), "t": rng.normal(size=240), "u": rng.normal(size=240)}
    )
    frame = pd.concat([frame, frame[:40]])
    frame["x"] = frame["x"].where(frame["x"] > 3)  # gaps are equal too
    frame.to_csv(tmp_path / "a.csv", index=False)
    apart, together = (
        Table(path=str(tmp_path / "a.csv"), targets={"t": "t", "u": "u"}, duplicates=how)
        for how in ("apart", "together")
    )
    assert any("duplicates of training rows: suite.duplicates=together" in note for note in apart.notes())
    assert not any("duplicates" in note for note in together.notes())
    rows = together.rows_of(None, None)
    values = {role: set(frame["x"].fillna(-1).to_numpy()[part]) for role, part in rows.items()}
    assert not (values["train"] & values["val"] or values["train"] & values["test"])
    assert not values["val"] & values["test"]
    assert sum(len(part) for part in rows.values()) == 280
    alone = together.narrowed(["u"]).rows_of(None, None)  # whatever the task
    assert all(np.array_equal(alone[role], rows[role]) for role in rows)


def test_equal_rows_join_groups():
    marks, groups = np.array([1, 2, 2, 3, 4, 4]), np.array([0, 0, 1, 1, 2, 3])
    found = joined_groups(marks, groups)
    assert len(set(found[:4])) == 1 and len(set(found[4:])) == 1 and found[0] != found[4]
    assert joined_groups(marks, None).tolist() == [0, 1, 1, 2, 3, 3]
