"""The suite of an .npz file: kinds, parts, groups, images, run ids, faults, notes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtlrun.config import build, identity, to_node
from mtlrun.data.arrays.array_file import ArrayFile
from mtlrun.data.arrays.memory import ArraySuite
from mtlrun.data.checks.every_split import every_split_faults
from mtlrun.errors import ConfigError
from mtlrun.planning.runs import run_ids

ROWS = 200


def arrays(**changes):
    """Return inputs and a target of every kind."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(ROWS, 5))
    score = inputs @ rng.normal(size=(5, 5))
    found = {
        "inputs": inputs,
        "amount": 50 + 10 * score[:, 0],
        "place": score[:, 1:3],
        "grade": np.digitize(score[:, 3], [-1, 1]),
        "word": np.where(score[:, 4] > 0, "up", "down"),
        "yes": score[:, 0] > score[:, 1],
        "flags": (score[:, 2:] > 0).astype(np.float32),
    }
    return {name: a for name, a in {**found, **changes}.items() if a is not None}


def written(folder, name="x.npz", settings=None, **changes):
    np.savez(folder / name, **arrays(**changes))
    return ArrayFile(path=str(folder / name), **(settings or {}))


def run_id(suite):
    return run_ids({"suite": identity(to_node(suite))}, [0])[0]


def told(suite):
    return [str(fault) for fault in suite.faults()]


def test_kinds_outputs_and_class_names(tmp_path):
    suite = written(tmp_path)
    assert not told(suite)
    assert {t.name: (t.kind, t.outputs, t.metrics[0]) for t in suite.offered()} == {
        "amount": ("regression", 1, "rmse"),
        "place": ("regression", 2, "rmse"),
        "grade": ("multiclass", 3, "accuracy"),
        "word": ("binary", 1, "auroc"),
        "yes": ("binary", 1, "auroc"),
        "flags": ("multilabel", 3, "auroc"),
    }
    assert suite.class_names("grade") == ("0", "1", "2")
    assert suite.class_names("word") == ("down", "up")
    assert suite.class_names("flags") is None and suite.class_names("amount") is None
    other = replace(suite, kinds={"grade": "regression"}, metrics={"grade": "mae", "binary": ["accuracy"]})
    assert {t.name: (t.kind, t.metrics[0]) for t in other.offered()} | {} == {
        "amount": ("regression", "rmse"),
        "place": ("regression", "rmse"),
        "grade": ("regression", "mae"),
        "word": ("binary", "accuracy"),
        "yes": ("binary", "accuracy"),
        "flags": ("multilabel", "auroc"),
    }


def test_inputs_and_amounts_are_standardised_by_the_training_rows(tmp_path):
    inputs = arrays()["inputs"] * 1000 + 2e7
    suite = written(tmp_path, inputs=inputs, settings={"train_size": 60})
    (source,) = suite.load(0).sources
    train = source.splits["train"]
    assert len(train) == 60 and source.inputs.dtype == np.float32
    wanted = (inputs - inputs[train].mean(0)) / inputs[train].std(0)
    np.testing.assert_allclose(source.inputs, wanted, atol=1e-6)
    amount = arrays()["amount"]
    mean, std = source.units["amount"]
    np.testing.assert_allclose([mean[0], std[0]], [amount[train].mean(), amount[train].std()])
    np.testing.assert_allclose(source.targets["amount"][:, 0] * std + mean, amount, rtol=1e-6, atol=1e-5)
    (plain,) = replace(suite, standardise=False).load(0).sources
    np.testing.assert_array_equal(plain.inputs, inputs.astype(np.float32))


def test_a_number_that_training_rows_do_not_differ_in_is_0(tmp_path):
    suite = written(tmp_path)
    rows = suite.load(0).sources[0].splits
    inputs = arrays()["inputs"]
    inputs[rows["train"], 2] = 7
    (source,) = written(tmp_path, "y.npz", inputs=inputs).load(0).sources
    assert (source.inputs[:, 2] == 0).all() and (source.inputs[:, 1] != 0).all()


def test_missing_targets_train_the_others(tmp_path):
    amount, grade, word = (arrays()[name] for name in ("amount", "grade", "word"))
    amount[::4], grade = np.nan, np.where(np.arange(ROWS) % 3 == 0, np.nan, grade)
    word = np.where(np.arange(ROWS) % 5 == 0, "", word)
    suite = written(tmp_path, amount=amount, grade=grade, word=word)
    assert not told(suite)
    (source,) = suite.load(0).sources
    assert {t.name: t.partial for t in suite.offered() if t.partial} == {
        "amount": True,
        "grade": True,
        "word": True,
    }
    assert (
        np.isnan(source.targets["amount"][::4]).all() and not np.isnan(source.targets["amount"][1::4]).any()
    )
    assert (source.targets["grade"][::3] == -1).all() and (source.targets["grade"][1::3] >= 0).all()
    assert np.isnan(source.targets["word"][::5]).all()


def test_groups_stay_together_and_are_the_cases(tmp_path):
    groups = np.array([f"patient {k // 5}" for k in range(ROWS)])
    suite = written(tmp_path, groups=groups)
    for one, seed in ((suite, 0), (replace(suite, resplit=True), 3)):
        (source,) = one.load(seed).sources
        parts = [set(groups[rows]) for rows in source.splits.values()]
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
        np.testing.assert_array_equal(np.unique(source.groups, return_counts=True)[1], [5] * 40)
    assert "groups" not in suite.available()


def test_given_parts(tmp_path):
    split = np.array((["train"] * 6 + ["Validation"] + ["test"] * 2 + [""]) * 20)
    suite = written(tmp_path, split=split)
    assert not told(suite)
    (source,) = suite.load(0).sources
    for part, word in (("train", "train"), ("val", "Validation"), ("test", "test")):
        np.testing.assert_array_equal(np.sort(source.splits[part]), np.flatnonzero(split == word))
    assert "20 rows of 200 have no part in `split`, and are left out" in list(suite.notes())
    (wrong,) = told(replace(suite, resplit=True))
    assert "`resplit` draws splits at random, and the array `split` gives one" in wrong
    (strange,) = told(written(tmp_path, "y.npz", split=np.array(["train", "other"] * 100)))
    assert "`split` must name parts" in strange and "'other'" in strange


def test_splits_vary_and_are_checked(tmp_path):
    suite = written(tmp_path, settings={"splits": 3, "stratify": ""})
    parts = [suite.load(seed).sources[0].splits["test"].tolist() for seed in range(6)]
    assert parts[:3] == parts[3:] and parts[0] != parts[1]
    assert not list(every_split_faults(suite, range(6)))
    few = np.where(np.arange(ROWS) < 6, "rare", arrays()["word"])
    rare = written(tmp_path, "y.npz", word=few, settings={"splits": 3, "stratify": ""})
    (fault,) = every_split_faults(rare, range(3))
    assert "class rare of task word" in fault.rule and "suite.stratify=word" in fault.rule


def images(dtype, rows=60):
    rng = np.random.default_rng(0)
    found = rng.integers(0, 200, (rows, 3, 6, 6)).astype(dtype)
    found[:, 1] //= 2
    return found, {"a": np.arange(rows) % 2, "b": np.arange(rows) % 3}


def test_images_of_bytes_stay_bytes_and_are_standardised_on_the_device(tmp_path):
    inputs, targets = images(np.uint8)
    suite = build(ArraySuite(inputs, targets, flip=True, crop=1).save(tmp_path))
    assert not told(suite)
    (about,), (source,) = suite.info().sources, suite.load(0).sources
    assert (
        about.pixels
        and about.input_shape == (3, 6, 6)
        and (about.augment.flip, about.augment.crop) == (True, 1)
    )
    assert source.inputs.dtype == np.uint8 and source.inputs is suite.load(1).sources[0].inputs
    seen = inputs[source.splits["train"]].astype(np.float64)
    np.testing.assert_allclose(source.scaling[0], seen.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(source.scaling[1], seen.std((0, 2, 3)), rtol=1e-6)
    zero, full = replace(suite, standardise=False).load(0).sources[0].scaling
    assert zero.tolist() == [0, 0, 0] and full.tolist() == [255, 255, 255]


def test_images_of_numbers(tmp_path):
    inputs, targets = images(np.float64)
    suite = build(ArraySuite(inputs / 255, targets).save(tmp_path))
    (about,), (source,) = suite.info().sources, suite.load(0).sources
    assert not about.pixels and source.inputs.dtype == np.float32
    seen = (inputs / 255)[source.splits["train"]]
    np.testing.assert_allclose(source.scaling[0], seen.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(source.scaling[1], seen.std((0, 2, 3)), rtol=1e-6)
    assert replace(suite, standardise=False).load(0).sources[0].scaling is None


def test_axes_that_look_swapped_are_noted(tmp_path):
    inputs, targets = images(np.uint8)
    suite = build(ArraySuite(inputs.transpose(0, 2, 3, 1), targets).save(tmp_path))
    assert any("x.transpose(0, 3, 1, 2)" in note for note in suite.notes())
    assert not any("transpose" in note for note in build(ArraySuite(inputs, targets).save(tmp_path)).notes())


def test_other_shapes_are_standardised_number_by_number(tmp_path):
    inputs = arrays()["inputs"][:, :4].reshape(ROWS, 2, 2)
    (source,) = written(tmp_path, inputs=inputs).load(0).sources
    seen = source.inputs[source.splits["train"]]
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(seen.std(0), 1, atol=1e-6)


def test_run_ids_tell_content_not_place_name_or_precision(tmp_path):
    suite = written(tmp_path)
    first = run_id(suite.narrowed(["grade"]))
    (tmp_path / "other").mkdir()
    inputs = arrays()["inputs"].astype(np.float32)
    single = written(tmp_path, "single.npz", inputs=inputs)
    double = written(
        tmp_path / "other", "y.npz", inputs=inputs.astype(np.float64), grade=arrays()["grade"] * 1.0
    )
    assert run_id(double.narrowed(["grade"])) == run_id(single.narrowed(["grade"])) != first
    assert run_id(replace(suite, name="mine").narrowed(["grade"])) == first
    assert run_id(written(tmp_path / "other").narrowed(["grade"])) == first


@pytest.mark.parametrize(
    ("change", "others"),
    [
        ({"word": np.where(np.arange(ROWS) == 7, "up", arrays()["word"])}, True),
        ({"amount": arrays()["amount"] + 1e-3}, True),  # rows are spread over the same ten parts
        ({"amount": arrays()["amount"][::-1]}, False),  # rows are divided by it
        ({"inputs": arrays()["inputs"] + 1}, False),
        ({"groups": np.arange(ROWS)}, False),
        ({"split": np.array(["train", "val", "train", "test"] * 50)}, False),
    ],
)
def test_a_changed_array_is_a_new_run_of_the_tasks_that_it_concerns(tmp_path, change, others):
    before, after = written(tmp_path), written(tmp_path, "y.npz", **change)
    same = run_id(before.narrowed(["grade"])) == run_id(after.narrowed(["grade"]))
    assert same == others
    assert run_id(before.narrowed(["amount", "word"])) != run_id(after.narrowed(["amount", "word"]))


def test_narrowing_keeps_the_split_and_narrowing_again_changes_nothing(tmp_path):
    suite = written(tmp_path, settings={"kinds": {"grade": "multiclass", "amount": "regression"}})
    one = suite.narrowed(["grade"])
    assert (one.tasks, one.stratify, one.kinds) == (["grade"], "amount", {"grade": "multiclass"})
    assert one.narrowed(["grade"]) == one and not told(one)
    for part, rows in suite.load(0).sources[0].splits.items():
        np.testing.assert_array_equal(one.load(0).sources[0].splits[part], rows)


def test_a_file_that_has_changed_is_refused_under_the_old_content(tmp_path):
    planned = written(tmp_path).narrowed(["grade"])
    written(tmp_path, grade=arrays()["grade"][::-1])
    (fault,) = told(planned)
    assert "has changed since this run was trained" in fault


def test_settings_and_contents_that_are_wrong_are_told_together(tmp_path):
    settings = {"kinds": {"grade": "ordinal", "none": "binary"}, "metrics": {"word": "rms", "x": "mae"}}
    more = {"val": 1.5, "test": 0, "stratify": ["word", "no"], "crop": -1, "flip": True, "name": ""}
    found = told(written(tmp_path, settings={**settings, **more}))
    for start in (
        "`val` must be a number of rows, or a fraction over 0 and under 1, found 1.5",
        "`test` must be",
        "`kinds.grade` must be a kind of task, found 'ordinal'",
        "`kinds` must name tasks, the arrays of the file, found 'none'",
        "`metrics.word` must be a metric, found 'rms'",
        "`metrics` must name tasks, or kinds of tasks, found 'x'",
        "`stratify` must name tasks, the arrays of the file, found 'no'",
        "`crop` must be at least 0 pixels",
        "`flip` is for images (N, colours, height, width)",
        "`name` must be text that can be printed",
    ):
        assert sum(fault.startswith(start) for fault in found) == 1, start
    assert len(found) == 10
    one = np.ones(ROWS)
    found = told(
        written(tmp_path, "y.npz", one=one, amount=np.full(ROWS, np.nan), grade=np.full(ROWS, np.inf))
    )
    assert len(found) == 3
    assert "has no value in any row of column amount" in found[0]
    assert "column grade is not in row 1" in found[1]
    assert "column one has one, found '1'" in found[2]
    assert (
        "must have `inputs` that differ between rows"
        in told(written(tmp_path, "z.npz", inputs=np.ones((ROWS, 2))))[0]
    )
    tasks = told(written(tmp_path, "z.npz", settings={"tasks": ["grade", "absent"], "primary": "word"}))
    assert [fault.split("`")[1] for fault in tasks] == ["tasks", "primary"]


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"inputs": None}, ["lacks `inputs`, which must be given beside the targets"]),
        (dict.fromkeys(list(arrays())[1:]), ["lacks `targets`, which must be given, an array for each task"]),
        ({"inputs": np.ones(ROWS)}, ["has `inputs`, which must be numbers (N, D)", "x[:, None]"]),
        ({"inputs": np.array([["a"]] * ROWS)}, ["has `inputs`, which must be numbers (N, D)"]),
        ({"inputs": np.ones((ROWS, 2)) * 1j}, ["has `inputs`, which must be numbers (N, D)"]),
        (
            {"amount": np.ones(9), "word": np.ones((ROWS, 2, 2)), "yes": np.zeros(ROWS, "datetime64[D]")},
            [
                "has `amount`, which must have 200 rows, as the inputs have, found 9",
                "has `word`, which must be numbers, true and false, or text, (N,) or (N, K)",
                "has `yes`, which must be numbers, true and false, or text",
            ],
        ),
        ({"groups": np.ones((ROWS, 2))}, ["has `groups`, which must be numbers or text (N,)"]),
        ({"split": np.ones(ROWS)}, ["has `split`, which must be text (N,), the part of each row"]),
        ({"one_hot": np.array([9])}, ["has `one_hot`, which must list columns from 0 to 4, found [9]"]),
        (
            {"word": np.array([None] * ROWS), "inputs": np.array([[{}]] * ROWS)},
            [
                "must not hold Python objects, and array `word` does",
                "must not hold Python objects, and array `inputs` does",
            ],
        ),
    ],
)
def test_arrays_that_are_wrong_are_told_together(tmp_path, change, rules):
    found = told(written(tmp_path, **change))
    assert all(fault.startswith("`path` ") for fault in found)
    assert all(any(rule in fault for fault in found) for rule in rules), found
    assert len(found) == len([rule for rule in rules if rule[0] != "x"])


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (1e39, "1e+39")])
def test_inputs_without_a_finite_number_are_told_by_row_and_column(tmp_path, value, shown):
    inputs = arrays()["inputs"]
    inputs[[3, 9], 2] = value
    (fault,) = told(written(tmp_path, inputs=inputs))
    assert "do not in 2 rows, as row 3, column 2 (suite=table fills gaps)" in fault
    assert fault.endswith(f"found {shown}")


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    np.save(tmp_path / "one.npy", np.ones(3))
    (tmp_path / "text.npz").write_text("inputs")
    whole = (written(tmp_path, "cut.npz") and (tmp_path / "cut.npz")).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    damaged = bytearray((written(tmp_path, "bad.npz") and (tmp_path / "bad.npz")).read_bytes())
    damaged[300:310] = b"0" * 10
    (tmp_path / "bad.npz").write_bytes(damaged)
    for name in ("one.npy", "text.npz", "cut.npz", ""):
        (fault,) = told(ArrayFile(path=str(tmp_path / name)))
        assert "must be an .npz file, as numpy.savez writes it" in fault
    (fault,) = told(ArrayFile(path=str(tmp_path / "bad.npz")))
    assert "has an array that cannot be read (Bad CRC-32" in fault
    (fault,) = told(ArrayFile(path=str(tmp_path / "absent.npz")))
    assert "must be a file that is there" in fault and "bad.npz, cut.npz, text.npz" in fault
    (fault,) = told(ArrayFile())
    assert "must be an .npz file with the array `inputs`" in fault


def test_notes_tell_what_may_be_meant_otherwise(tmp_path):
    inputs = arrays()["inputs"]
    inputs[:, 1] = 4
    grade = np.arange(ROWS) % 10
    split = np.array(["train", "train", "val", "test"] * 50)
    groups = np.arange(ROWS) // 4
    suite = written(tmp_path, inputs=inputs, grade=grade, split=split, groups=groups)
    found = list(suite.notes())
    assert "1 column of the inputs is the same in every row: 1" in found
    assert "the array `split` tears 50 groups: some rows train, others do not" in found
    (about,) = [note for note in found if "grade" in note]
    assert "taken as classes without an order" in about and "suite.kinds={grade: regression}" in about
    assert not any("grade" in note for note in replace(suite, kinds={"grade": "regression"}).notes())


def test_what_reports_call_it(tmp_path):
    assert written(tmp_path).called() == "arrays"
    assert written(tmp_path, settings={"name": "my houses"}).called() == "my houses"


def test_a_missing_file_is_a_fault_of_info(tmp_path):
    with pytest.raises(ConfigError, match=r"suite\.path. must be a file that is there"):
        ArrayFile(path=str(tmp_path / "absent.npz")).info()
