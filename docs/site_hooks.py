"""What MkDocs calls while it builds the site: pages that are generated, and links made right for them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parents[1]))  # MkDocs loads this file by its path

from docs.option_pages import index_page, option_pages
from docs.site_links import HOME, NOTEBOOK, ROOT, files_outside, rewritten, site_path
from docs.site_markdown import indented

OPTIONS = "strategies.md"
ROOT_PAGES = (HOME, "CHANGELOG.md", "SECURITY.md")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the page of every option into the navigation, below the index."""
    groups: dict[str, list[str]] = {}
    for path, _ in option_pages():
        groups.setdefault(path.split("/")[1], []).append(path)
    below = [{group: [{Path(path).stem: path} for path in paths]} for group, paths in groups.items()]
    config.nav = [
        {"Strategies": [{"All options": OPTIONS}, *below]} if OPTIONS in entry.values() else entry
        for entry in config.nav or ()
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add pages of options, the notebook as a page, and the files outside `docs/` that are linked to."""
    for path, text in [*option_pages(), (OPTIONS, index_page()), ("notebook.md", notebook_page())]:
        _add(files, File.generated(config, path, content=text))
    starts = [page for page in ROOT_PAGES if (ROOT / page).is_file()]
    starts += [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("experiments/*/README.md"))]
    for path in files_outside(starts):
        _add(files, File.generated(config, site_path(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Rewrite links that are written for the repository, and the indentation of code in lists."""
    generated = page.file.generated_by is not None and page.file.abs_src_path is None
    if generated:
        return markdown
    path = Path(str(page.file.abs_src_path)).relative_to(ROOT).as_posix()
    return rewritten(indented(markdown), path)


def notebook_page() -> str:
    """Return the notebook as Markdown: its text, and its code in blocks."""
    cells = json.loads((ROOT / NOTEBOOK).read_text("utf-8"))["cells"]
    parts = []
    for cell in cells:
        source = "".join(cell["source"])
        parts.append(f"```python\n{source}\n```" if cell["cell_type"] == "code" else source)
    name = Path(NOTEBOOK).name
    return "\n\n".join([*parts, f"The same as a file for Jupyter: [{name}]({name}).\n"])


def _add(files: Files, file: File) -> None:
    """Add a file in the place of one of the same name."""
    there = files.get_file_from_path(file.src_uri)
    if there is not None:
        files.remove(there)
    files.append(file)
