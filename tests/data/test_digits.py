import hashlib
import subprocess
import sys

import numpy as np

from mtlrun.data.digits import ROWS, attribute_targets, digits, digits_split


def test_images_are_scaled_and_labels_counted():
    images, labels = digits()
    assert images.shape == (1797, 1, 8, 8) and images.dtype == np.float32
    assert images.min() == 0 and images.max() == 1
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_parts_have_the_stated_sizes_and_every_row_once():
    parts = digits_split(897)
    assert {part: len(rows) for part, rows in parts.items()} == ROWS
    assert sorted(np.concatenate(list(parts.values()))) == list(range(1797))


def test_every_part_and_training_prefix_is_stratified_by_digit():
    labels = digits()[1]
    share = np.bincount(labels) / len(labels)
    parts = digits_split(897)
    pieces = [parts["val"], parts["test"], *(parts["train"][:n] for n in (50, 100, 400, 897))]
    for seed in range(5):
        pieces += list(digits_split(897, seed).values())
    for rows in pieces:
        assert np.abs(np.bincount(labels[rows], minlength=10) - len(rows) * share).max() <= 3


def test_the_fixed_split_never_changes():
    """Stored results and lock files rest on it: whatever changes this digest changes every verdict."""
    parts = digits_split(897)
    rows = np.concatenate([parts["train"], parts["val"], parts["test"]])
    digest = hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()
    assert digest[:16] == "add80b047088186f"


def test_the_fixed_split_is_one_set_of_read_only_arrays():
    for size in (897, 100):
        first, second = digits_split(size), digits_split(size)
        for part in first:
            assert first[part] is second[part]
            assert not first[part].flags.writeable


def test_smaller_training_sets_are_subsets_and_leave_val_and_test():
    small, large = digits_split(40), digits_split(400)
    np.testing.assert_array_equal(small["train"], large["train"][:40])
    np.testing.assert_array_equal(small["test"], large["test"])
    np.testing.assert_array_equal(small["val"], large["val"])


def test_resplitting_depends_on_the_seed_alone():
    first, again, other = digits_split(897, 7), digits_split(897, 7), digits_split(897, 8)
    np.testing.assert_array_equal(first["test"], again["test"])
    assert set(first["test"]) != set(other["test"])


def test_attribute_targets_say_which_digits_belong():
    labels = digits()[1]
    targets = attribute_targets(((0, 1), (9,)))
    assert targets.shape == (1797, 2) and targets.dtype == np.float32
    assert set(labels[targets[:, 0] == 1]) == {0, 1}
    assert set(labels[targets[:, 1] == 1]) == {9}
    assert set(labels[targets[:, 1] == 0]) == set(range(9))


def test_digits_are_those_of_scikit_learn_read_without_importing_it(monkeypatch):
    from sklearn.datasets import load_digits

    from mtlrun.data import digits as module

    pixels, labels = load_digits(return_X_y=True)
    rows = module._bundled_rows()
    assert (rows[:, :-1] == pixels).all() and (rows[:, -1] == labels).all()
    monkeypatch.setattr(module, "find_spec", lambda name: None)  # as where the file is not in its place
    assert (module._bundled_rows() == rows).all()
    code = "import sys; from mtlrun.data.digits import digits; digits(); assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
