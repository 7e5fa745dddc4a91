"""Settings at random: each job is checked, planned and estimated as a command would, or refused with a message."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzz.examples import LONG, QUICK, long, quick
from support.fuzz.outcome import Search
from support.fuzz.settings import job

from mtlrun.execution.batch import plan_batch
from mtlrun.prepare.checks import prepare
from mtlrun.prepare.too_large import check_memory


def _plan(drawn_job: dict[str, Any]) -> None:
    batch = plan_batch(prepare([drawn_job]))
    check_memory(batch.programs, batch.there_mib)


def _settings(search: Search, settings) -> None:
    @settings
    @given(st.integers(0, 2**63))
    def look(drawn: int) -> None:
        drawn_job, told = job(random.Random(drawn))
        search.call(lambda: _plan(drawn_job), told)

    look()


def test_settings(search):
    _settings(search, quick(QUICK["settings"]))
    search.verify("settings")
    assert search.counts["accepted"] > 10 and search.counts["refused"] > 50


@pytest.mark.slow
def test_search_settings(search):
    _settings(search, long(LONG["settings"]))
    search.verify("settings")
