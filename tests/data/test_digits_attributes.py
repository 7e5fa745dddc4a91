import numpy as np

from mtlrun.data.digits_attributes import DigitsAttributes

NAMES = ["even", "above_four", "prime", "closed_loop", "straight_stroke"]
BY_DIGIT = [  # even, above four, prime, closed loop, straight stroke
    [1, 0, 0, 1, 0],
    [0, 0, 0, 0, 1],
    [1, 0, 1, 0, 0],
    [0, 0, 1, 0, 0],
    [1, 0, 0, 0, 1],
    [0, 1, 1, 0, 0],
    [1, 1, 0, 1, 0],
    [0, 1, 1, 0, 1],
    [1, 1, 0, 1, 0],
    [0, 1, 0, 1, 0],
]


def test_every_digit_has_its_attributes():
    source = DigitsAttributes().load(0).sources[0]
    np.testing.assert_array_equal(source.targets["attributes"], np.array(BY_DIGIT)[source.targets["digit"]])


def test_attributes_are_there_one_by_one_in_the_same_order():
    source = DigitsAttributes(tasks=["attributes", *NAMES]).load(0).sources[0]
    for column, name in enumerate(NAMES):
        np.testing.assert_array_equal(source.targets[name][:, 0], source.targets["attributes"][:, column])


def test_the_default_is_the_digit_and_all_attributes_at_once():
    info = DigitsAttributes().info()
    assert [(t.name, t.kind, t.outputs) for t in info.tasks] == [
        ("digit", "multiclass", 10),
        ("attributes", "multilabel", 5),
    ]
    assert DigitsAttributes().available() == ("digit", "attributes", *NAMES)
