"""Pages of the repository as the site needs them: links, and code in lists."""

from __future__ import annotations

import pytest

from docs.site_links import ROOT, files_outside, linked, rewritten, site_path
from docs.site_markdown import indented


@pytest.mark.parametrize(
    ("page", "link", "there"),
    [
        ("docs/theory.md", "../experiments/linear_theory/README.md", "experiments/linear_theory/README.md"),
        ("docs/extending.md", "theory.md#the-setting", "theory.md#the-setting"),
        ("README.md", "docs/suites.md", "suites.md"),
        ("README.md", "experiments/digits_pairs", "experiments/digits_pairs/README.md"),
        ("docs/start.md", "../README.md", "index.md"),
        ("docs/python.md", "notebook.ipynb", "notebook.md"),
        ("experiments/quickstart/README.md", "gains.svg", "gains.svg"),
        ("experiments/linear_theory/README.md", "../../docs/theory.md", "../../theory.md"),
        ("docs/suites.md", "https://example.org/a", "https://example.org/a"),
        ("docs/suites.md", "#splits", "#splits"),
    ],
)
def test_links(page: str, link: str, there: str):
    assert rewritten(f"See [it]({link}) there.", page) == f"See [it]({there}) there."


def test_files_outside_docs_are_found_by_any_number_of_steps():
    found = files_outside(["README.md"])
    assert {"README.md", "experiments/digits_pairs/README.md", "experiments/digits_pairs/table.csv"} <= {
        *found
    }
    assert len(found) == len({*found})
    assert not any(path.startswith("docs/") for path in found)
    assert all((ROOT / path).is_file() for path in found)


def test_what_a_page_links_to():
    assert linked("[a](x.md#y) ![b](../c.svg) [d](#e) [f](https://g)", "docs/p.md") == ["docs/x.md", "c.svg"]
    assert site_path("docs/ci.md") == "ci.md" and site_path("CHANGELOG.md") == "CHANGELOG.md"


def test_code_in_lists_is_four_columns_deep():
    text = (
        "1. one\n   ```\n   a\n     b\n   ```\n2. two\n- three\n  ```sh\n  c\n  ```\n  more\n- four\n\nend\n"
    )
    assert indented(text) == (
        "1. one\n\n    ```\n    a\n      b\n    ```\n\n2. two\n- three\n\n    ```sh\n    c\n    ```\n\n    more\n"
        "\n- four\n\nend\n"
    )


def test_other_text_stays_as_it_is():
    text = "# a\n\n- b\n  c\n\n```\n   d\n```\ne\n\n    f\n"
    assert indented(text) == text
