"""The store without scores that reports are timed on is one that commands read."""

from __future__ import annotations

from support.commands import mtlrun

from benchmarks.example_scores import without_scores


def test_a_store_without_scores_is_reported(trained, tmp_path):
    with_scores, without = without_scores(trained.store, tmp_path)
    assert with_scores > without > 0
    found = mtlrun("report", str(tmp_path))
    assert found.code == 0, found.err
    assert "pcgrad" in found.out
