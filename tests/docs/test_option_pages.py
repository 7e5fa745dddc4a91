"""Pages of the site for options: what a docstring and a YAML say stands there, as Markdown reads it."""

from __future__ import annotations

import re

import pytest

from docs.build import GROUPS
from docs.option_pages import index_page, markdown, option_page, option_pages, prose, sections
from mtlrun.catalog import describe, options

PAGES = dict(option_pages())


def test_every_option_has_a_page_and_the_index_links_to_it():
    expected = {f"strategies/{group}/{option}.md" for group in GROUPS for option in options(group)}
    assert {*PAGES} == expected == {*re.findall(r"\]\((strategies/.*?\.md)\)", index_page())}
    assert re.findall(r"^## (\w+)$", index_page(), re.M) == [*GROUPS]


def test_a_page_has_formula_source_cost_and_settings():
    page = PAGES["strategies/weighting/pcgrad.md"]
    assert page.startswith("# weighting=pcgrad\n")
    assert r"g - (g.g\_j / |g\_j|^2) g\_j where g.g\_j &lt; 0" in page
    assert "\n**Cost.** T backward passes a step" in page
    assert "\n**Source.** Yu et al., Gradient Surgery for Multi-Task Learning" in page
    assert "```sh\nmtlrun run weighting=pcgrad\n```" in page
    assert "| `weighting.gradients_at` | `parameters` |" in page
    assert "\n- `gradients_at`: what gradients are taken at" in page


@pytest.mark.parametrize("group", ["weighting", "sharing", "schedule", "regularization"])
def test_no_label_of_a_docstring_is_left_in_the_text(group: str):
    for option in options(group):
        page = PAGES[f"strategies/{group}/{option}.md"]
        assert not re.search(r"^(Cost|Source|Sources|Args|Attributes|Raises):", page, re.M), option
        assert ("**Cost.**" in page) == ("Cost: " in describe(group, option).docstring)


def test_every_setting_of_every_option_is_in_its_table():
    for group in GROUPS:
        for option in options(group):
            page = PAGES[f"strategies/{group}/{option}.md"]
            rows = re.findall(rf"^\| `{group}\.(\S+)` \|", page, re.M)
            assert rows == [setting.key for setting in describe(group, option).settings]
            widths = {len(re.findall(r"(?<!\\)\|", row)) for row in re.findall(r"^\|.*$", page, re.M)}
            assert widths <= {4}, (group, option)


def test_defaults_are_written_as_in_yaml():
    page = PAGES["strategies/suite/arrays.md"]
    assert "| `suite.kinds` | `null` |" in page and "| `suite.standardise` | `true` |" in page


def test_a_preset_links_to_the_strategy_that_it_sets():
    assert "[`weighting=pcgrad`](../weighting/pcgrad.md)" in option_page(describe("mitigation", "pcgrad"))


def test_parts_of_a_docstring():
    found = sections(
        "What it is.\n\nMore.\n\nCost: little.\nSource: A paper,\n2020.\n\nArgs:\n    c: a number.\n"
    )
    assert {label: text.strip() for label, text in found.items()} == {
        "": "What it is.\n\nMore.",
        "Cost": "little.",
        "Source": "A paper,\n2020.",
        "Args": "c: a number.",
    }


def test_text_is_escaped_and_code_is_not():
    assert prose("w_t * [a] < 1 & `w_t * [a] < 1`") == r"w\_t \* \[a\] &lt; 1 &amp; `w_t * [a] < 1`"
    assert markdown("a_b\n\n    w_t = x * y\n") == "a\\_b\n\n    w_t = x * y\n\n"
