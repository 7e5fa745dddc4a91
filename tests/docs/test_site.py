"""The documentation site: it builds with warnings as errors, has every page, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.option_pages import option_pages

ROOT = Path(__file__).parents[2]
NAV = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
GENERATED = {"index.md", "notebook.md"}


def leaves(entry: Any) -> Iterator[str]:
    """Yield the pages of a navigation."""
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from leaves(part)


def built(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("mkdocs", reason="it belongs to the extra `docs`")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder), *more]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = built(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_of_docs_is_in_the_navigation():
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    listed = [page for page in leaves(NAV) if not (ROOT / page).is_file()]
    assert len(listed) == len({*listed})
    assert {*listed} == pages | GENERATED


def test_every_page_is_built(site: Path):
    pages = [*leaves(NAV), *(path for path, _ in option_pages())]
    files = [re.sub(r"(README|index)$", "index", page.removesuffix(".md")) + ".html" for page in pages]
    assert [name for name in files if not (site / name).is_file()] == []


def test_nothing_is_loaded_from_elsewhere(site: Path):
    loads = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
    for page in site.rglob("*.html"):
        assert loads.findall(page.read_text(encoding="utf-8")) == [], page.name
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", text), sheet.name


def test_no_markup_is_left_in_the_text(site: Path):
    for page in site.rglob("*.html"):
        text = re.sub(r"<(pre|code|script|style)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.S)
        assert "```" not in text and "\n::: " not in text, page.name


def test_the_api_reference_has_signatures_and_docstrings(site: Path):
    page = (site / "api.html").read_text(encoding="utf-8")
    for name in ("mtlrun.run", "mtlrun.Results", "mtlrun.weighting.Balancer", "mtlrun.data.suite.Suite"):
        assert name in page
    assert "every fault of the settings; nothing was trained." in page  # the docstring of mtlrun.run
    assert "<blockquote>" not in page  # as `>>>` would be outside of a block of code


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path):
    pytest.importorskip("mkdocs", reason="it belongs to the extra `docs`")
    pages = tmp_path / "docs"
    pages.mkdir()
    (pages / "index.md").write_text("[a](nowhere.md) [b](#nope)\n", encoding="utf-8")
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    for key in ("hooks", "plugins"):
        del config[key]
    config |= {"docs_dir": str(pages), "nav": ["index.md"]}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    done = built(tmp_path / "site", "--config-file", str(tmp_path / "mkdocs.yml"))
    assert done.returncode == 1
    assert "'nowhere.md'" in done.stderr and "'#nope'" in done.stderr
