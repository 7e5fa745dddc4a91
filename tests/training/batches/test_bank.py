"""Data of all lanes, and the order in which runs see their examples."""

import numpy as np
import torch

from mtlrun.data.task import Source, SuiteData, Task
from mtlrun.training.batches.bank import Bank, BatchStream, Table, batch_streams

CPU = torch.device("cpu")
ROWS = np.arange(100, 110)  # training rows of a source


def test_lanes_with_the_same_array_share_one_copy():
    one, other = np.arange(12.0).reshape(4, 3), -np.arange(12.0).reshape(4, 3)
    table = Table([one, other, one, one], CPU, torch.float64)
    assert table._flat.shape == (8, 3)
    rows = torch.tensor([[0, 3], [0, 3], [1, 1], [2, 0]])
    found = table.gather(rows).numpy()
    for lane, source in enumerate((one, other, one, one)):
        assert np.array_equal(found[lane], source[rows[lane]])
    assert Table([one, one], CPU, torch.float64)._flat.shape == (4, 3)
    assert table.elements == 3


def test_class_numbers_keep_their_type_and_inputs_take_the_runs():
    assert Table([np.arange(3)], CPU, torch.float64).gather(torch.tensor([[2]])).dtype == torch.int64
    inputs = np.zeros((3, 2), np.float32)
    assert Table([inputs], CPU, torch.float64).gather(torch.tensor([[2]])).dtype == torch.float64


def batches(size, steps=20, seed=0, name="digits"):
    return BatchStream(seed, name, ROWS, size).take(steps)


def test_every_pass_shows_every_row_once_in_a_new_order():
    seen = batches(size=5).reshape(10, 10)
    assert all(sorted(one_pass) == list(ROWS) for one_pass in seen)
    assert len({tuple(one_pass) for one_pass in seen}) > 1


def test_a_batch_may_span_two_passes():
    seen = batches(size=4, steps=5)
    assert seen.shape == (5, 4)
    assert sorted(seen.reshape(-1)[:10]) == list(ROWS)
    assert sorted(seen.reshape(-1)[10:]) == list(ROWS)


def test_a_batch_may_be_larger_than_the_rows_of_a_pass_left():
    # 7 of 10: the second batch takes 3 of one pass and 4 of the next
    assert sorted(np.concatenate(batches(size=7, steps=10))) == sorted(np.repeat(ROWS, 7))


def test_taken_in_pieces_it_is_the_same_sequence():
    whole = batches(size=4)
    pieces = BatchStream(0, "digits", ROWS, 4)
    found = np.concatenate([pieces.take(n) for n in (1, 0, 7, 12)])
    assert np.array_equal(found, whole)


def test_full_batches_are_all_rows_in_their_own_order():
    assert np.array_equal(batches(size=10, steps=3), [ROWS] * 3)


def test_the_order_depends_on_the_seed_and_the_sources_name():
    assert np.array_equal(batches(4), batches(4))
    assert not np.array_equal(batches(4), batches(4, seed=1))
    assert not np.array_equal(batches(4), batches(4, name="other"))


def suite_data(offset, order):
    """Two sources; the first has two tasks."""
    x = np.arange(8, dtype=np.float32).reshape(8, 1) + offset
    left = Source(
        "left", x, {"a": np.arange(8), "b": x * 2}, {"train": order, "val": np.array([6]), "test": order[:0]}
    )
    right = Source("right", -x, {"c": x * 3}, {"train": order[:4], "val": np.array([7]), "test": order[:0]})
    tasks = (
        Task("a", "multiclass", 8, 0, ("accuracy",)),
        Task("c", "regression", 1, 1, ("mse",)),
        Task("b", "regression", 1, 0, ("mse",)),
    )
    return SuiteData(tasks, (left, right))


LANES = [suite_data(0, np.arange(6)), suite_data(100, np.arange(6)[::-1].copy())]


def test_a_bank_gives_each_task_the_targets_of_its_own_source_and_lane():
    bank = Bank(LANES, CPU, torch.float64)
    inputs, targets = bank.gather([torch.tensor([[0, 1], [2, 3]]), torch.tensor([[4], [5]])])
    assert inputs[0].squeeze(2).tolist() == [[0, 1], [102, 103]]
    assert inputs[1].squeeze(2).tolist() == [[-4], [-105]]
    assert targets[0].tolist() == [[0, 1], [2, 3]]  # a
    assert targets[1].squeeze(2).tolist() == [[12], [315]]  # c: three times its x
    assert targets[2].squeeze(2).tolist() == [[0, 2], [204, 206]]  # b


def test_splits_are_each_lanes_own_and_can_be_cut():
    bank = Bank(LANES, CPU, torch.float64)
    left, right = bank.split("train")
    assert left.tolist() == [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]]
    assert right.tolist() == [[0, 1, 2, 3], [5, 4, 3, 2]]
    assert [part.tolist() for part in bank.split("train", 2)] == [[[0, 1], [5, 4]], [[0, 1], [5, 4]]]
    assert [part.shape[1] for part in bank.split("val", 100)] == [1, 1]


def test_streams_by_source_and_lane():
    streams = batch_streams([3, 4], LANES, [2, 4])
    assert [len(source) for source in streams] == [2, 2]
    alone = BatchStream(4, "left", LANES[1].sources[0].splits["train"], 2)
    assert np.array_equal(streams[0][1].take(9), alone.take(9))
    assert np.array_equal(streams[1][0].take(2), [[0, 1, 2, 3]] * 2)  # full
