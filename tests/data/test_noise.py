import numpy as np
import pytest

from mtlrun.data.noise import noisy_targets
from mtlrun.data.task import Source, Task

N = 6000
ROWS = np.arange(N)
SPLITS = {"train": ROWS[: N - 1000], "val": ROWS[N - 1000 : N - 500], "test": ROWS[N - 500 :]}
TRAIN = SPLITS["train"]
HELD_OUT = ROWS[N - 1000 :]


def source_of(targets):
    return Source("s", np.zeros((N, 1), dtype=np.float32), {"t": targets}, SPLITS)


CASES = {
    "multiclass": (Task("t", "multiclass", 4, 0, ()), np.arange(N) % 4),
    "binary": (Task("t", "binary", 1, 0, ()), (np.arange(N) % 2).astype(np.float32)[:, None]),
    "multilabel": (Task("t", "multilabel", 2, 0, ()), np.tile(np.float32([1, 0]), (N, 1))),
}


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("rate", [0.1, 0.6, 1.0])
def test_that_share_of_the_training_labels_is_wrong(kind, rate):
    task, clean = CASES[kind]
    noisy = noisy_targets(source_of(clean), task, rate, seed=0)
    assert noisy.dtype == clean.dtype and noisy.shape == clean.shape
    wrong = noisy != clean
    assert not wrong[HELD_OUT].any()
    assert wrong[TRAIN].mean() == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / len(TRAIN)))
    assert set(np.unique(noisy)) <= set(np.unique(clean))


def test_wrong_classes_are_uniform_over_the_others():
    task, _ = CASES["multiclass"]
    noisy = noisy_targets(source_of(np.ones(N, dtype=np.int64)), task, 1.0, seed=3)
    counts = np.bincount(noisy[TRAIN], minlength=4)
    assert counts[1] == 0
    np.testing.assert_allclose(counts[[0, 2, 3]] / len(TRAIN), 1 / 3, atol=0.03)


@pytest.mark.parametrize("kind", CASES)
def test_labels_wrong_at_a_rate_are_the_same_at_a_higher_rate(kind):
    task, clean = CASES[kind]
    low = noisy_targets(source_of(clean), task, 0.2, seed=5)
    high = noisy_targets(source_of(clean), task, 0.4, seed=5)
    hit = low != clean
    np.testing.assert_array_equal(high[hit], low[hit])
    assert (high != clean).sum() > hit.sum()


def test_labels_of_one_row_flip_independently():
    task, clean = CASES["multilabel"]
    wrong = noisy_targets(source_of(clean), task, 0.5, seed=1)[TRAIN] != clean[TRAIN]
    assert abs(np.corrcoef(wrong.T)[0, 1]) < 0.06


def test_regression_noise_is_scaled_to_the_spread_of_each_training_target():
    task = Task("t", "regression", 2, 0, ())
    rng = np.random.default_rng(0)
    clean = (rng.standard_normal((N, 2)) * [1.0, 10.0]).astype(np.float32)
    clean[HELD_OUT] = 1e6
    noisy = noisy_targets(source_of(clean), task, 0.5, seed=0)
    added = noisy.astype(float) - clean
    assert noisy.dtype == np.float32
    assert not added[HELD_OUT].any()
    np.testing.assert_allclose(added[TRAIN].std(axis=0), [0.5, 5.0], rtol=0.05)
    half = noisy_targets(source_of(clean), task, 0.25, seed=0) - clean
    np.testing.assert_allclose(half[TRAIN], added[TRAIN] / 2, atol=1e-5)


def test_rate_zero_returns_the_clean_array_itself():
    task, clean = CASES["multiclass"]
    assert noisy_targets(source_of(clean), task, 0.0, seed=0) is clean


def test_noise_depends_on_seed_and_task_name():
    task, clean = CASES["multiclass"]
    first = noisy_targets(source_of(clean), task, 0.3, seed=0)
    other = Task("u", "multiclass", 4, 0, ())
    renamed = Source("s", np.zeros((N, 1), dtype=np.float32), {"u": clean}, SPLITS)
    assert not np.array_equal(first, noisy_targets(source_of(clean), task, 0.3, seed=1))
    assert not np.array_equal(first, noisy_targets(renamed, other, 0.3, seed=0))


def test_noise_does_not_depend_on_the_number_of_training_rows():
    task, clean = CASES["multiclass"]
    short = Source("s", np.zeros((N, 1)), {"t": clean}, {**SPLITS, "train": TRAIN[:10]})
    rows = TRAIN[:10]
    whole = noisy_targets(source_of(clean), task, 0.5, seed=2)
    np.testing.assert_array_equal(noisy_targets(short, task, 0.5, seed=2)[rows], whole[rows])


@pytest.mark.parametrize("kind", ["multiclass", "binary", "multilabel", "regression"])
def test_targets_that_are_missing_stay_missing(kind):
    rows = np.arange(40)
    if kind == "multiclass":
        targets = rows % 3
    else:
        targets = (rows[:, None] // [1, 2] % 2).astype(np.float32)[:, : 1 if kind == "binary" else 2]
    targets[::4] = -1 if kind == "multiclass" else np.nan
    splits = {"train": rows[:30], "val": rows[30:35], "test": rows[35:]}
    source = Source("s", np.zeros((40, 1), np.float32), {"t": targets}, splits)
    task = Task("t", kind, 3 if kind == "multiclass" else targets.shape[-1], 0, ("accuracy",), partial=True)
    noisy = noisy_targets(source, task, 0.9, 3)
    np.testing.assert_array_equal(noisy[::4], targets[::4])
    there = np.delete(noisy, rows[::4], axis=0)
    assert np.isfinite(there).all() and (kind == "regression" or (there >= 0).all())
    assert (noisy[1:30:4] != targets[1:30:4]).any()
