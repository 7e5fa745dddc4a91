"""What every weighting inherits."""

import pytest
import torch
from support.weighting import weights_of

from mtlrun.catalog import load_option, options
from mtlrun.config import build
from mtlrun.weighting.base import Aggregator, Weighting
from mtlrun.weighting.equal import Equal
from mtlrun.weighting.static import Static

AGGREGATORS = ("db_mtl", "excess_mtl", "graddrop", "moco")


def test_constant_weights():
    assert Equal().constant(3) == (1, 1, 1)
    assert Static([2.0, 0.5]).constant(2) == (2, 0.5)
    assert Static(3.0).constant(2) == (3, 3)


@pytest.mark.parametrize("name", options("weighting"))
def test_weights_that_are_called_constant_are_those_of_a_step(name):
    method = build(load_option("weighting", name))
    if method.constant(3) is None:
        assert name not in ("equal", "static")
    else:
        assert method.constant(3) == tuple(weights_of(method, torch.eye(3), losses=[5, 0.1, 2]))


@pytest.mark.parametrize("name", AGGREGATORS)
def test_where_nothing_is_shared_an_aggregator_weighs_every_task_1(name):
    method = build(load_option("weighting", name))
    assert isinstance(method, Aggregator)
    assert weights_of(method, torch.eye(3), losses=[5, 0.1, 2]).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "members", [{"on": "parameters"}, {"__annotations__": {"on": "str"}}], ids=["value", "annotation"]
)
def test_the_former_name_of_gradients_at_is_refused_however_it_is_declared(members):
    with pytest.raises(TypeError, match="Own declares `on`, which is called `gradients_at`: rename it"):
        type("Own", (Weighting,), members)
    type("Other", (Weighting,), {"one": 1, "__annotations__": {"one": "int"}})
