"""Power where theory knows the answer: 100 studies of 20 seeds, trained and judged (`python -m benchmarks.power`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.power import train, verdicts

pytestmark = [pytest.mark.slow, pytest.mark.validity]
STUDIES, SEEDS = 100, 20


def test_studies_find_what_theory_says(tmp_path: Path) -> None:
    train(str(tmp_path), STUDIES * SEEDS)
    counts = verdicts(str(tmp_path), SEEDS)
    for cosine, verdict in ((0.5, "negative"), (1.0, "positive")):
        assert list(counts[cosine]) == ["a", "b"]
        for found in counts[cosine].values():
            assert sum(found.values()) == STUDIES
            assert found[verdict] >= 0.95 * STUDIES
