"""One value for a key that the swept options have and the default option does not."""

from __future__ import annotations

import pytest
from support.commands import mtlrun, planned, reported, tiny

REPRESENTATION = "weighting.gradients_at=representation"


@pytest.mark.parametrize("choices", ["weighting=imtl,mgda", "mitigation=pcgrad,mgda"])
def test_every_option_gets_the_value(choices, tmp_path):
    one_by_one = [
        planned(*tiny(tmp_path, "save=null", f"{choices.partition('=')[0]}={name}", REPRESENTATION))[
            "runs_new"
        ]
        for name in choices.partition("=")[2].split(",")
    ]
    facts = planned(*tiny(tmp_path, choices, REPRESENTATION))
    assert (facts["cells"], facts["runs_new"]) == (
        2,
        sum(one_by_one) - 6,
    )  # 2 baselines by 3 seeds are the same


def test_the_report_says_so(tmp_path):
    assert mtlrun("run", *tiny(tmp_path, "weighting=imtl,mgda", REPRESENTATION)).code == 0
    alone = planned(*tiny(tmp_path, "weighting=mgda", REPRESENTATION))
    assert alone["runs_new"] == 0
    assert {row["weighting"] for row in reported(tmp_path)["rows"]} == {"imtl", "mgda"}


def test_a_value_with_quotes_or_of_several_keys_goes_along(tmp_path):
    value = "weighting.normalize='l2'"
    facts = planned(*tiny(tmp_path, "weighting=mgda", "weighting.gradients_at=representation", value))
    assert facts["cells"] == 1


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("choices", "lacking"),
    [
        ("weighting=equal,mgda,uncertainty", "weighting=equal, uncertainty,"),
        ("weighting=mgda,equal", "weighting=equal,"),
        ("mitigation=pcgrad,none", "mitigation=none,"),
        ("weighting=equal", "weighting=equal,"),
    ],
)
def test_options_without_the_key_are_named(choices, lacking, tmp_path):
    found = mtlrun("plan", *tiny(tmp_path, choices, REPRESENTATION))
    assert found.code == 2
    assert f"`weighting.gradients_at` is no setting of {lacking}" in found.err
