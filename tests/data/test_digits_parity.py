import numpy as np

from mtlrun.data.digits_parity import DigitsParity


def test_parity_is_one_for_odd_digits():
    source = DigitsParity().load(0).sources[0]
    np.testing.assert_array_equal(source.targets["parity"][:, 0], source.targets["digit"] % 2)


def test_tasks_and_sizes():
    info = DigitsParity().info()
    assert [(t.name, t.kind, t.outputs, t.metrics[0]) for t in info.tasks] == [
        ("digit", "multiclass", 10, "accuracy"),
        ("parity", "binary", 1, "accuracy"),
    ]
    assert info.sources[0].rows == {"train": 897, "val": 300, "test": 600}
    assert DigitsParity(train_size=0.1).info().sources[0].rows["train"] == 90
