"""What is trained against theory: `experiment=linear_theory` itself, 4 networks in 24 settings (docs/theory.md)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.commands import mtlrun, reported

from mtlrun.data.linear_teachers import LinearTeachers
from mtlrun.theory.linear import LinearNetwork

pytestmark = [pytest.mark.slow, pytest.mark.validity]

DRAWS = 2000
ONE_DIRECTION = LinearNetwork(1, "private", math.inf, (1, 1))


@pytest.fixture(scope="module")
def theory(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    store: Path = tmp_path_factory.mktemp("theory")
    done = mtlrun("sweep", "experiment=linear_theory", f"store={store}")
    assert done.code == 0
    assert "Measured against theory: gains" in done.out
    return reported(store)["theory"]


def test_the_sweep_has_every_setting(theory: list[dict[str, Any]]) -> None:
    settings = {
        tuple(str(v) for k, v in sorted(row["hyper"].items()) if k.startswith("suite")) for row in theory
    }
    assert len(settings) == 24
    assert len(theory) == 2 * 4 * 24


def test_training_ends_at_each_seeds_own_optimum(theory: list[dict[str, Any]]) -> None:
    off = np.array([[row["off_se"], row["stl_off_se"]] for row in theory])
    assert np.abs(off).mean() < 0.2
    # The one setting further off: cosine 0 with equal samples and little noise, where no direction is on top.
    settled = [row["hyper"]["suite.cosine"] != 0 for row in theory]
    assert np.abs(off[settled]).max() < 0.2


def test_gains_have_the_predicted_sign(theory: list[dict[str, Any]]) -> None:
    signs = [row["sign"] for row in theory if row["sign"] is not None]
    assert len(signs) > 50
    assert set(signs) == {"right"}


@pytest.mark.parametrize("noise", (0.5, 1.0))
@pytest.mark.parametrize("samples", (40, 120, {"a": 40, "b": 120}), ids=str)
@pytest.mark.parametrize("cosine", (-0.8, 0.5, 1.0))
def test_the_formula_holds_within_5_percent(
    noise: float, samples: int | dict[str, int], cosine: float
) -> None:
    suite = LinearTeachers(dim=10, samples=samples, noise=noise, cosine=cosine, design="orthonormal")
    drawn = np.array([suite.optimum(ONE_DIRECTION, seed) for seed in range(DRAWS)])
    # 2,000 seeds leave a standard error of about 1 %. The other networks' formulas are exact.
    np.testing.assert_allclose(drawn.mean(0), suite.expectation(ONE_DIRECTION), rtol=0.05)
