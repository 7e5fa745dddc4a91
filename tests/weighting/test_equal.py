"""The plain sum."""

from support.weighting import weights_of

from mtlrun.weighting.equal import Equal


def test_every_task_weighs_1():
    assert weights_of(Equal(), [[9, -3], [-3, 1]], losses=[5, 0.1]).tolist() == [1, 1]
