import numpy as np

from mtlrun.data.splits import cut, stratified_order, train_rows
from mtlrun.streams import stream


def test_order_is_a_permutation_that_spreads_every_class():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    order = stratified_order(labels, stream(0, "split"))
    assert order.dtype == np.int64
    assert sorted(order) == list(range(100))
    for m in range(101):
        counts = np.bincount(labels[order[:m]], minlength=3)
        assert np.abs(counts - m * np.array([0.6, 0.3, 0.1])).max() <= 2


def test_order_is_random_within_a_class_and_repeatable():
    labels = np.zeros(50, dtype=int)
    first = stratified_order(labels, stream(1, "split"))
    np.testing.assert_array_equal(first, stratified_order(labels, stream(1, "split")))
    assert not np.array_equal(first, stratified_order(labels, stream(2, "split")))
    assert not np.array_equal(first, np.arange(50))


def test_parts_are_disjoint_and_cover_all_rows():
    parts = cut(np.arange(10)[::-1], val=2, test=3)
    assert {part: rows.tolist() for part, rows in parts.items()} == {
        "test": [9, 8, 7],
        "val": [6, 5],
        "train": [4, 3, 2, 1, 0],
    }


def test_fewer_training_rows_are_a_prefix_and_leave_the_other_parts():
    parts = cut(np.arange(10), val=2, test=3, train=2)
    assert {part: rows.tolist() for part, rows in parts.items()} == {
        "test": [0, 1, 2],
        "val": [3, 4],
        "train": [5, 6],
    }


def test_train_size_is_rows_fraction_or_all():
    assert train_rows(None, 897) == 897
    assert train_rows(1, 897) == 1
    assert train_rows(1.0, 897) == 897
    assert train_rows(0.5, 100) == 50
    assert train_rows(0.0001, 100) == 1
