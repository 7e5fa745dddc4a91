"""Messages: numbers as Python writes them."""

import numpy as np
import pytest

from mtlrun.errors import Fault, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float64(3.5), "3.5"),
        (np.int32(3), "3"),
        (np.bool_(True), "True"),
        (np.str_("a"), "'a'"),
        ([np.float64(0.5), 1], "[0.5, 1]"),
        ({np.int64(1): (np.float32(0.5),)}, "{1: (0.5,)}"),
        (np.array([1, 2]), "[1, 2]"),
        (True, "True"),
        ("3", "'3'"),
    ],
)
def test_a_value_is_shown_as_pythons(value, text):
    assert shown(value) == text
    assert str(Fault("key", "must be there", value)) == f"`key` must be there, found {text}"
