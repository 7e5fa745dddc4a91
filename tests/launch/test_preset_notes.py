"""What a mitigation would set is told where an explicit option beats it, also of a single cell."""

from __future__ import annotations

import pytest
from support.commands import mtlrun, tiny

BEATEN = "note: weighting=equal is explicit, so the weighting that mitigation=pcgrad would set does not count"


@pytest.mark.parametrize("command", ["plan", "run"])
def test_one_cell_is_told(command, tmp_path):
    found = mtlrun(command, *tiny(tmp_path, "weighting=equal", "mitigation=pcgrad"))
    assert found.code == 0
    assert found.err.count(BEATEN) == 1


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        (
            ["weighting=equal,mgda", "mitigation=none,pcgrad,dwa"],
            "weighting=equal,mgda is explicit, so the weighting that "
            "mitigation=pcgrad, dwa would set does not count",
        ),
        (
            ["heads=linear", "mitigation=separate_heads"],
            "heads=linear is explicit, so the heads that mitigation=separate_heads would set does not count",
        ),
        (["weighting=pcgrad", "mitigation=pcgrad"], ""),
        (["heads=mlp", "mitigation=pcgrad,none"], ""),
        (["mitigation=pcgrad"], ""),
        (
            ["experiment=quickstart", "weighting=equal"],
            "weighting=equal is explicit, so the weighting that "
            "mitigation=uncertainty, pcgrad, mgda would set does not count",
        ),
        (["experiment=quickstart", "mitigation=none", "weighting=equal"], ""),
    ],
)
def test_every_group_is_told_once(choices, told, tmp_path):
    found = mtlrun("plan", *tiny(tmp_path, *choices))
    assert found.code == 0
    assert [line for line in found.err.splitlines() if "is explicit" in line] == (
        [f"note: {told}"] if told else []
    )
