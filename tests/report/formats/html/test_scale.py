"""Axes of gains."""

from __future__ import annotations

import numpy as np
import pytest

from mtlrun.report.formats.html.scale import Scale


def test_gains_of_one_size_have_a_linear_axis() -> None:
    scale = Scale.of([-3.0, 1.0, 2.0], [np.nan, 4.0])
    assert scale.axis() == {}
    assert scale.words == ""
    np.testing.assert_array_equal(scale.coordinates([-3.0, 4.0]), [-3.0, 4.0])


def test_gains_of_many_sizes_have_a_logarithmic_one_with_zero_in_it() -> None:
    scale = Scale.of([-4000.0, -30.0, -10.0, 0.0, 5.0, 20.0])
    places = scale.coordinates([-4000.0, -400.0, -40.0, 0.0, 40.0])
    assert (np.diff(places) > 0).all()
    assert places[3] == 0
    assert places[4] == -places[2]
    assert places[1] - places[0] == pytest.approx(1, abs=0.1)
    axis = scale.axis()
    assert "0" in axis["ticktext"]
    assert "−1000" in axis["ticktext"]
    assert axis["tickvals"] == sorted(axis["tickvals"])


def test_nothing_known_is_no_fault() -> None:
    assert Scale.of([np.nan], []).axis() == {}
    assert Scale.of([0.0, 0.0]).axis() == {}
