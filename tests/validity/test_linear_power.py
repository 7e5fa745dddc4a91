"""Power where theory knows the answer: 100 studies of 20 seeds, trained and judged (`python -m benchmarks.power`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.power import train, verdicts

pytestmark = [pytest.mark.slow, pytest.mark.validity]
STUDIES, SEEDS = 100, 20


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> dict[float, dict[str, dict[str, int]]]:
    store: Path = tmp_path_factory.mktemp("power")
    train(str(store), STUDIES * SEEDS)
    return verdicts(str(store), SEEDS)


@pytest.mark.parametrize(("cosine", "verdict"), [(0.5, "negative"), (1.0, "positive")])
@pytest.mark.parametrize("task", "ab")
def test_studies_find_what_theory_says(counts, cosine: float, verdict: str, task: str) -> None:
    found = counts[cosine][task]
    assert sum(found.values()) == STUDIES
    assert found[verdict] >= 0.95 * STUDIES
