"""The image peers learn, and are the networks that mtlrun trains beside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from benchmarks.image_peers import SIDE, image_loop, image_network
from benchmarks.image_suite import DigitImages
from benchmarks.ours import bench_cohort, endless
from benchmarks.works import IMAGES, MODELS, Work, model_settings
from mtlrun.data.digits import digits


@pytest.mark.parametrize(
    ("work", "steps", "left"), [(IMAGES[0], 40, 0.8), (IMAGES[2], 20, 0.93)], ids=["lenet", "resnet"]
)
def test_image_loop_learns(work: Work, steps: int, left: float) -> None:
    peer = image_loop(work.network, work.width, 32, "fused")
    losses = [float(peer.step()) for _ in range(steps)]
    assert 2.5 < sum(losses[:2]) / 2 < 4.0  # about log(10) + log(2) = 3.0 before training
    assert sum(losses[-5:]) / 5 < left * losses[0]


@pytest.mark.parametrize("work", [IMAGES[0], IMAGES[2]], ids=lambda work: work.name)
def test_peer_has_the_parameters_of_our_network(work: Work) -> None:
    cohort = bench_cohort(1, endless(32), {"model": MODELS[work.network]}, model_settings(work), images=True)
    encoder = image_network(work.network, work.width)
    heads = (10 + 1) * (encoder.features + 1)
    theirs = sorted(p.numel() for p in encoder.parameters())
    shared = [p.numel() for name, p in cohort.network.named_parameters() if cohort.owners[name] is None]
    assert sorted(shared) == theirs
    assert sum(p.numel() for p in cohort.network.parameters()) == sum(theirs) + heads


def test_images_are_the_digits_enlarged_as_torch_does() -> None:
    (source,) = DigitImages().load(0).sources
    small = torch.from_numpy(digits()[0].copy())
    expected = F.interpolate(small, SIDE, mode="bilinear", align_corners=False).numpy()
    np.testing.assert_allclose(source.inputs, expected, atol=1e-6)
    assert source.inputs.shape == (1797, 1, SIDE, SIDE)
