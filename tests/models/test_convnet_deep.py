"""The deeper convolutional network: sizes, poolings, features, lanes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from torch import nn

from mtlrun.errors import ConfigError
from mtlrun.models.convnet_deep import DeepConvNet
from mtlrun.training.vectorize.stacked import Stacked


@pytest.mark.parametrize(
    ("shape", "poolings"),
    [((1, 8, 8), 3), ((3, 32, 32), 4), ((1, 2, 2), 1), ((3, 20, 9), 3), ((3, 84, 84), 4)],
)
def test_features_and_poolings_by_the_size_of_the_image(shape, poolings):
    encoder = DeepConvNet(channels=16).build(shape)
    assert sum(isinstance(m, nn.MaxPool2d) for m in encoder.modules()) == poolings
    assert len(encoder) == 4
    assert encoder(torch.zeros(2, *shape)).shape == (2, 16) == (2, encoder.features)


def test_published_sizes():
    count = sum(p.numel() for p in DeepConvNet().build((3, 84, 84)).parameters())
    assert count == 3 * 64 * 9 + 3 * 64 * 64 * 9 + 4 * 2 * 64


def test_inputs_that_are_no_images_are_refused():
    for shape in ((10,), (1, 1, 8)):
        with pytest.raises(ConfigError, match="must have images"):
            DeepConvNet().build(shape)


@pytest.mark.parametrize(
    ("settings", "key"), [({"channels": 0}, "channels"), ({"groups": 3}, "groups"), ({"depth": 0}, "depth")]
)
def test_faults(settings, key):
    assert [fault.key for fault in DeepConvNet(**settings).faults()] == [key]


def test_a_model_of_another_width():
    assert DeepConvNet().of_width(3) == DeepConvNet(channels=32)
    assert DeepConvNet().of_width(1).build((1, 8, 8)).features == 16


def test_groups_of_one_number_are_refused():
    with pytest.raises(ConfigError, match="must be fewer than channels"):
        DeepConvNet(channels=8, groups=8).build((1, 8, 8))
    assert DeepConvNet(channels=8, groups=8, depth=3).build((1, 8, 8)).features == 8


def test_lanes_go_by_rules_and_each_is_as_alone():
    torch.set_num_threads(1)
    choices = {"model": "convnet_deep", "model__groups": 2, "suite__train_size": 64, "weighting": "pcgrad"}
    one = run_config(3, 3, **choices)
    (alone,) = cohort_of([one], torch.device("cpu")).train()
    cohort = cohort_of([run_config(1, 3, **choices), one], torch.device("cpu"))
    assert type(cohort.forward) is Stacked
    for name, values in cohort.train()[1].parameters.items():
        np.testing.assert_allclose(values, alone.parameters[name], rtol=1e-8, atol=1e-10)
