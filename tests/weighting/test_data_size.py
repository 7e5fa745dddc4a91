"""Weights by the number of training rows."""

import pytest
import torch
from support.configs import run_config
from support.weighting import first_step

from mtlrun.errors import ConfigError
from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.data_size import DataSize


def weights_for(method, facts):
    signals = Signals(torch.ones(facts.tasks), None, None, {}, torch.tensor(False))
    return method.weigh(signals, method.init_state(facts))[0].tolist()


def test_weights_follow_the_rows():
    facts = Facts(2, rows=(100, 300))
    assert weights_for(DataSize(), facts) == pytest.approx([2 * 100 / 400, 2 * 300 / 400])
    # inverted: 1/100 and 1/300, in the ratio 3 to 1
    assert weights_for(DataSize(-1.0), facts) == pytest.approx([1.5, 0.5])
    # square roots 10 and 20
    assert weights_for(DataSize(0.5), Facts(2, rows=(100, 400))) == pytest.approx([2 / 3, 4 / 3])
    assert weights_for(DataSize(0.0), facts) == [1, 1]


def test_without_the_rows_there_is_nothing_to_weigh_by():
    with pytest.raises(ConfigError, match="`rows` must give the training rows of each task"):
        DataSize().init_state(Facts(3))


def test_the_engine_tells_of_the_rows():
    choices = {"suite": "linear_teachers", "suite__samples": [300, 100], "weighting": "data_size"}
    powers = (1.0, -1.0, 0.0)
    configs = [run_config(weighting__power=p, **choices) for p in powers]
    weights = first_step(configs)[2]
    torch.testing.assert_close(weights, torch.tensor([[1.5, 0.5], [0.5, 1.5], [1, 1]], dtype=torch.float64))
