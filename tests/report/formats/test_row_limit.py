"""Tables too long for people are refused, with what to do."""

from __future__ import annotations

import pytest
from support.synthetic_study import realistic

from mtlrun.errors import ConfigError
from mtlrun.report.formats.registry import render
from mtlrun.report.formats.row_limit import check_rows


def test_a_table_with_a_form_for_people_counts_the_lines_of_that() -> None:
    summary = realistic(3).summary()
    check_rows(summary, "curves", len(summary.rows))
    with pytest.raises(ConfigError, match="`--level curves` has 24 rows"):
        check_rows(summary, "curves", len(summary.rows) - 1)


def test_a_table_may_have_so_many_rows() -> None:
    summary = realistic(3).summary()
    check_rows(summary, "runs", 72)
    with pytest.raises(
        ConfigError, match=r"`--level runs` has 72 rows, too many .* shows 71: .*`--filter`.*parquet"
    ):
        check_rows(summary, "runs", 71)


@pytest.mark.parametrize(
    ("name", "module"), [("html", "html.page"), ("latex", "latex.tables")], ids=["html", "latex"]
)
def test_formats_have_their_limit(monkeypatch: pytest.MonkeyPatch, name: str, module: str) -> None:
    summary = realistic(3).summary()
    monkeypatch.setattr(f"mtlrun.report.formats.{module}.MOST_ROWS", 50)
    with pytest.raises(ConfigError, match="which shows 50"):
        render(summary, name, "runs")
    assert render(summary, name, "runs", {"mitigation": "none"})


def test_a_terminal_shows_the_first_rows_and_says_how_many_more_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    summary = realistic(3).summary()
    whole = render(summary, "terminal")
    monkeypatch.setattr("mtlrun.report.formats.terminal.MOST_ROWS", 5)
    cut = render(summary, "terminal")
    assert isinstance(whole, str) and isinstance(cut, str)
    rest = len(summary.rows) - 5
    assert f"{rest} further rows are not shown: `--filter` and `--sort` choose" in " ".join(cut.split())
    assert "further rows" not in whole
    assert cut.count("\n") < whole.count("\n")
