import numpy as np
import pytest
import torch

from mtlrun.data.task import Augment, Source, SuiteData, Task
from mtlrun.streams import stream
from mtlrun.training.batches.augment import augmented
from mtlrun.training.batches.bank import Bank, Inputs
from mtlrun.training.batches.feed import Feed
from mtlrun.training.vectorize.masks import Masks

SIDE = 5


def image_set(rows=12, seed=0, scaling=None, augment=None):
    """A source of one task, its images all different."""
    rng = np.random.default_rng(seed)
    inputs = rng.integers(1, 256, (rows, 3, SIDE, SIDE)).astype(np.uint8)
    splits = {
        "train": np.arange(rows - 4),
        "val": np.arange(rows - 4, rows - 2),
        "test": np.arange(rows - 2, rows),
    }
    targets = {"t": np.arange(rows) % 2}
    source = Source("s", inputs, targets, splits, scaling=scaling, augment=augment)
    return SuiteData((Task("t", "multiclass", 2, 0, ("accuracy",)),), (source,))


def draws_of(*triples):
    return torch.tensor(triples, dtype=torch.float32)


def test_draws_in_the_middle_change_nothing():
    images = torch.arange(2 * 3 * SIDE * SIDE).reshape(2, 3, SIDE, SIDE)
    still = draws_of((0.9, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert torch.equal(augmented(images, still, Augment(True, 2)), images)


def test_images_are_mirrored_and_moved_by_hand():
    images = torch.tensor([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]).unsqueeze(0)
    # Padded by 1, places 0 to 2: the first row and the last column are cut out, after nothing is mirrored.
    moved = augmented(images, draws_of((0.9, 0.0, 0.99)), Augment(True, 1))
    assert moved[0, 0].tolist() == [[0, 0, 0], [2, 3, 0], [5, 6, 0]]
    mirrored = augmented(images, draws_of((0.1, 0.5, 0.5)), Augment(True, 1))
    assert mirrored[0, 0].tolist() == [[3, 2, 1], [6, 5, 4], [9, 8, 7]]
    assert torch.equal(augmented(images, draws_of((0.1, 0.5, 0.5)), Augment(False, 1)), images)


def test_a_draw_of_one_by_rounding_stays_inside():
    images = torch.ones(1, 1, SIDE, SIDE, dtype=torch.uint8)
    assert augmented(images, draws_of((1.0, 1.0, 1.0)), Augment(True, 2))[0, 0].sum() == (SIDE - 2) ** 2


def test_every_image_has_draws_of_its_own_in_any_arrangement():
    images = torch.arange(4 * 3 * SIDE * SIDE).reshape(2, 2, 3, SIDE, SIDE)
    draws = torch.from_numpy(np.random.default_rng(1).random((2, 2, 3)))
    together = augmented(images, draws, Augment(True, 2))
    for r in range(2):
        for b in range(2):
            alone = augmented(images[r, b : b + 1], draws[r, b : b + 1], Augment(True, 2))
            assert torch.equal(together[r, b], alone[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bytes_are_standardised_where_they_are_gathered(dtype):
    scalings = [(np.full(3, m, np.float32), np.array([1, 2, s], np.float32)) for m, s in ((10, 4), (20, 8))]
    lanes = [image_set(seed=k, scaling=scaling) for k, scaling in enumerate(scalings)]
    bank = Bank(lanes, torch.device("cpu"), dtype)
    rows = torch.tensor([[0, 3], [5, 2]])
    (found,), _ = bank.gather([rows])
    assert found.dtype == dtype
    for lane, (mean, std) in enumerate(scalings):
        raw = lanes[lane].sources[0].inputs[rows[lane].numpy()].astype(np.float64)
        np.testing.assert_allclose(found[lane], (raw - mean[:, None, None]) / std[:, None, None], rtol=1e-6)


def test_lanes_of_different_lengths_read_their_own_rows():
    long, short = (image_set(rows).sources[0] for rows in (12, 9))
    lanes = [long, short, long]
    found = Inputs(lanes, torch.device("cpu"), torch.float32).gather(torch.full((3, 1), 8))
    for lane, source in enumerate(lanes):
        np.testing.assert_array_equal(found[lane, 0], source.inputs[8])


def batches_of(seeds, skip, steps, size=3, augment=None):
    """Inputs of the batches of some lanes, (steps, R, B, 3, side, side)."""
    lanes = [image_set(augment=augment)] * len(seeds)
    bank = Bank(lanes, torch.device("cpu"), torch.float32)
    masks = Masks(seeds, [np.ones_like] * len(seeds), {}, size, torch.from_numpy, {}, steps)
    feed = Feed(seeds, lanes, bank, [size], torch.from_numpy, masks)
    return torch.stack([batch.examples.inputs[0] for batch in feed.batches(steps, skip, 0, [])])


@pytest.mark.parametrize("size", [3, 8])
def test_batches_are_augmented_alike_in_any_company_and_from_any_step(size):
    both = batches_of([4, 7], 0, 70, size, Augment(True, 2))
    alone = batches_of([7], 66, 4, size, Augment(True, 2))
    assert torch.equal(both[66:, 1:], alone)
    assert not torch.equal(both[:, 0], both[:, 1])


def test_the_draws_are_those_of_the_named_stream():
    plain, varied = (batches_of([4], 0, 2, 3, augment) for augment in (None, Augment(True, 2)))
    draws = torch.from_numpy(stream(4, "augment/batches/s").random((2, 1, 3, 3)))
    assert torch.equal(varied, augmented(plain, draws, Augment(True, 2)))
    assert not torch.equal(varied, plain)


def test_full_batches_are_augmented_anew_in_every_step():
    first, second = batches_of([4], 0, 2, 8, Augment(True, 2))
    assert not torch.equal(first, second)
