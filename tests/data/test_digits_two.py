import numpy as np
import pytest

from mtlrun.data.digits import digits, digits_split
from mtlrun.data.digits_two import DigitsTwo, partners


def test_partners_stay_in_their_part_and_differ():
    parts = {"train": np.array([0, 3, 4]), "val": np.array([1, 5]), "test": np.array([2, 6, 7, 8])}
    for seed in range(20):
        partner = partners(parts, np.random.default_rng(seed))
        for rows in parts.values():
            assert sorted(partner[rows]) == sorted(rows)
            assert (partner[rows] != rows).all()


@pytest.mark.parametrize("resplit", [False, True])
def test_an_image_holds_two_digits_of_one_part(resplit):
    images, labels = digits()
    lookup = {image.tobytes(): row for row, image in enumerate(images[:, 0, :, 4:])}
    source = DigitsTwo(resplit=resplit).load(5).sources[0]
    assert source.inputs.shape == (1797, 1, 8, 12)
    np.testing.assert_array_equal(source.inputs[..., :4], images[..., :4])
    np.testing.assert_array_equal(source.targets["left"], labels)
    assert len(lookup) == len(images)
    for rows in source.splits.values():
        right = [lookup[source.inputs[row, 0, :, 8:].tobytes()] for row in rows]
        assert sorted(right) == sorted(rows)
        np.testing.assert_array_equal(source.targets["right"][rows], labels[right])
        overlap = np.maximum(images[rows][..., 4:], images[right][..., :4])
        np.testing.assert_array_equal(source.inputs[rows][..., 4:8], overlap)


def test_composites_are_drawn_anew_only_when_resplitting():
    fixed, resplit = DigitsTwo(), DigitsTwo(resplit=True)
    assert fixed.load(1).sources[0].inputs is fixed.load(2).sources[0].inputs
    assert not np.array_equal(resplit.load(1).sources[0].inputs, resplit.load(2).sources[0].inputs)


def test_the_fixed_composites_follow_the_fixed_split():
    source = DigitsTwo(train_size=50).load(3).sources[0]
    np.testing.assert_array_equal(source.splits["test"], digits_split(897)["test"])
