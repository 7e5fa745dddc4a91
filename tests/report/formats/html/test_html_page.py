"""The HTML page as text: what is on it, and that nothing of it comes from outside or is taken for markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.hostile import HOSTILE, hostile_study
from support.synthetic_study import SyntheticStudy, realistic

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.page import to_html
from mtlrun.report.text.sentences import sentences


class Page(HTMLParser):
    """Tags with their attributes, and the texts of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)

    @property
    def data(self) -> dict[str, Any]:
        (text,) = (text for kind, text in self.scripts if kind == "application/json")
        return json.loads(text)

    @property
    def sections(self) -> list[str | None]:
        return [attributes.get("id") for tag, attributes in self.tags if tag == "section"]


@pytest.fixture(scope="module")
def summary() -> Summary:
    return realistic(8, ("hard", "branched")).summary()


@pytest.fixture(scope="module")
def page(summary: Summary) -> Page:
    return Page(to_html(summary))


def test_the_answer_stands_first_as_on_the_terminal(summary: Summary) -> None:
    text = to_html(summary)
    first, *_ = sentences(summary)
    assert f'<p class="lead">{first}</p>' in text
    assert text.index('id="answer"') < text.index('id="table"') < text.index('id="gains"')


def test_it_is_one_file_that_needs_no_network(summary: Summary) -> None:
    text = to_html(summary)
    page = Page(text)
    links = [v for _, attributes in page.tags for k, v in attributes.items() if k in ("src", "href")]
    assert all(link is not None and link.startswith(("#", "data:")) for link in links)
    assert len(text.encode()) < 10_000_000


def test_only_scripts_of_its_own_are_allowed(page: Page) -> None:
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy
    scripts = [text for kind, text in page.scripts if kind is None]
    assert len(scripts) == 5
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_no_tag_has_an_inline_handler(page: Page) -> None:
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    own = "".join(text for kind, text in page.scripts[1:] if kind is None and len(text) < 100_000)
    for forbidden in ("innerHTML", "eval(", "insertAdjacentHTML", "document.write", "new Function"):
        assert forbidden not in own


def test_every_row_is_in_the_table_with_its_sorting_keys(summary: Summary, page: Page) -> None:
    rows = [a["data-row"] for tag, a in page.tags if tag == "tr" and "data-row" in a]
    assert sorted(map(int, rows)) == list(range(len(summary.rows)))  # type: ignore[arg-type]
    keys = [a["data-key"] for tag, a in page.tags if tag == "td" and a.get("data-label") == "gain % [95 %]"]
    shown = summary.rows.loc[list(map(int, rows)), "gain_pct"]  # type: ignore[arg-type]
    np.testing.assert_allclose([float(key) for key in keys], shown)  # type: ignore[arg-type]


def test_sections_without_data_are_left_out(page: Page) -> None:
    assert page.sections[:3] == ["answer", "table", "gains"]
    assert {"contrasts", "curves", "cost"} <= set(page.sections)
    assert not {"settings", "conflict", "weights", "attribution", "frontier", "theory"} & set(page.sections)


def test_a_study_without_a_trained_seed_has_a_page(summary: Summary) -> None:
    study = SyntheticStudy()
    gone = dict.fromkeys(range(3), "missing")
    study.add({"a": [0.9] * 3}, {"a": [0.9] * 3}, status=gone, stl_status=gone)
    page = Page(to_html(study.summary()))
    assert set(page.sections) == {"answer", "table", "about"}
    assert page.data["figures"] == []


def test_details_hold_every_seed_of_a_row(summary: Summary, page: Page) -> None:
    details = page.data["details"]
    assert list(details["rows"]) == [str(number) for number in summary.rows.index]
    row = summary.rows.iloc[5]
    own = summary.pairs[(summary.pairs["cell_id"] == row["cell_id"]) & (summary.pairs["task"] == row["task"])]
    told = details["rows"]["5"]["seeds"]
    assert [line[0] for line in told] == list(range(8))
    np.testing.assert_allclose([line[3] for line in told], own["d"], rtol=1e-5)
    assert details["rows"]["5"]["cell"] in details["cells"]
    assert ["torch", "2.13.0"] in details["cells"][row["cell_id"]]["machines"]


def test_figures_are_valid_for_plotly(page: Page) -> None:
    from plotly.graph_objects import Figure

    assert len(page.data["figures"]) > 6
    for figure in page.data["figures"]:
        text = re.sub(r'"--[a-z0-9-]+(/[0-9.]+)?"', '"#123456"', json.dumps(figure))
        plain = json.loads(text)
        Figure(data=plain["data"], layout=plain["layout"])  # raises where an attribute is unknown


def test_figures_show_the_gains_of_the_table(summary: Summary, page: Page) -> None:
    forest = page.data["figures"][0]
    shown = {i: x for trace in forest["data"] for i, x in zip(trace["ids"], trace["x"], strict=True)}
    first = summary.rows[summary.rows["suite"] == "digits_permuted"]
    assert shown == pytest.approx({str(i): value for i, value in first["gain_pct"].items()}, rel=1e-4)
    assert sorted(forest["layout"]["yaxis"]["tickvals"]) == sorted(shown)


def test_numeric_settings_get_a_figure_each() -> None:
    rng = np.random.default_rng(0)
    study = SyntheticStudy()
    for width in (8, 16, 64):
        for mitigation in ("none", "pcgrad"):
            stl = {"a": rng.normal(0.9, 0.01, 5)}
            study.add(stl, {"a": stl["a"] - 0.1 / width}, hyper={"model.width": width}, mitigation=mitigation)
    page = Page(to_html(study.summary()))
    assert "settings" in page.sections
    figure = next(f for f in page.data["figures"] if f["layout"]["xaxis"]["title"]["text"] == "model.width")
    assert [trace["name"] for trace in figure["data"]] == ["none", "pcgrad"]
    assert figure["data"][0]["x"] == [8.0, 16.0, 64.0]


def test_diagnostics_are_drawn_where_there_are_any(summary: Summary) -> None:
    about = {"suite": "digits_permuted", "sharing": "hard", "mitigation": "none"}
    about |= dict.fromkeys(("heads", "weighting", "schedule", "regularization"), "plain")
    cell = summary.rows["cell_id"].iloc[0]
    lines = [
        {**about, "hyper": {}, "cell_id": cell, "seed": seed, "step": step, "quantity": quantity}
        | {"task": "upright", "partner": partner, "value": 0.1 * seed - step / 100}
        for seed in range(3)
        for step in (50, 100)
        for quantity, partner in (("gradient_cosines", "permuted"), ("weights", None))
    ]
    frame = pd.DataFrame(lines)
    object.__setattr__(shown := replace(summary), "diagnostics", frame)
    page = Page(to_html(shown))
    assert {"conflict", "weights"} <= set(page.sections)
    titles = [figure["layout"]["yaxis"].get("title", {}).get("text") for figure in page.data["figures"]]
    cosines = page.data["figures"][titles.index("cosine of gradients")]["data"][1]
    assert (cosines["x"], cosines["y"]) == ([50, 100], pytest.approx([-0.4, -0.9]))
    assert "weight" in titles


def test_hostile_names_stay_text() -> None:
    text = to_html(hostile_study().summary())
    page = Page(text)
    assert "img" not in {tag for tag, _ in page.tags}
    assert len(page.scripts) == 6
    assert text.count("<img") == 0
    assert any(HOSTILE in row["title"] for row in page.data["details"]["rows"].values())
    for figure in page.data["figures"]:
        assert "<img" not in json.dumps(figure)  # plotly would read it as markup


def test_other_levels_are_one_table_without_figures(summary: Summary) -> None:
    text = to_html(summary, "runs")
    page = Page(text)
    assert len(text) < 1_000_000
    assert sum(tag == "table" for tag, _ in page.tags) == 1
    assert sum(tag == "tr" for tag, _ in page.tags) == len(summary.pairs) + 1
    assert "plotly" not in text.lower()


def test_it_is_the_same_every_time(summary: Summary) -> None:
    assert to_html(summary) == to_html(summary)
