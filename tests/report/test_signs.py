"""Signs that not every output knows: ASCII terminals and LaTeX."""

from __future__ import annotations

import pytest
from support.commands import mtlrun, tiny

from mtlrun.report.formats.latex.escape import escape
from mtlrun.report.formats.terminal import Style, to_terminal


def test_latex_sets_every_sign_of_the_tables() -> None:
    signs = "▼▲±∞†"
    assert not set(signs) & set(escape(f"6 +∞ ▼ negative† ▲ 0.9 ±0.1 {signs}"))


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    from mtlrun.report.analysis.summary import summarise
    from mtlrun.store.store import Store

    store = tmp_path_factory.mktemp("signs")
    assert mtlrun("run", *tiny(store, "controls=[capacity]", "suite=digits_two")).code == 0
    stored = Store(store)
    return summarise(stored.read_study("main"), stored.runs(), stored.curves(), stored.scores())


@pytest.mark.parametrize("level", ["rows", "variance", "attribution"])
def test_a_terminal_of_ascii_gets_nothing_else(summary, level) -> None:
    text = to_terminal(summary, level, Style(width=90, ascii_only=True))
    assert text.isascii()
    assert "over seeds and 600 test examples" in " ".join(text.split())
