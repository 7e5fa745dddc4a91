"""Where files of the repository stand in the site, and links between them rewritten for it.

Pages are written for the repository, where links work as they are read there: `docs/theory.md` links to
`../experiments/linear_theory/README.md`. In the site the pages of `docs/` stand at the root, and what they link to
outside of it is added.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = "README.md"
NOTEBOOK = "docs/notebook.ipynb"
LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(\))")


def site_path(path: str) -> str:
    """Return where a file of the repository stands in the site."""
    if path == HOME:
        return "index.md"
    if path == NOTEBOOK:
        return "notebook.md"
    return path.removeprefix("docs/")


def linked(text: str, path: str) -> list[str]:
    """Return the files of the repository that the page `path` links to; a folder stands for its README.

    Args:
        text: Markdown of the page.
        path: its place in the repository.
    """
    return [_target(match[2], path) for match in LINK.finditer(text)]


def rewritten(text: str, path: str) -> str:
    """Return a page's Markdown with links as the site needs them."""
    start = posixpath.dirname(site_path(path))

    def link(match: re.Match[str]) -> str:
        target = posixpath.relpath(site_path(_target(match[2], path)), start or ".")
        return f"{match[1]}{target}{match[3] or ''}{match[4]}"

    return LINK.sub(link, text)


def files_outside(starts: Iterable[str]) -> list[str]:
    """Return the files outside `docs/` that pages link to, by any number of steps, `starts` included."""
    found: list[str] = []
    waiting = [*starts, *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]
    seen = set(waiting)
    while waiting:
        path = waiting.pop(0)
        if not path.startswith("docs/"):
            found.append(path)
        if path.endswith(".md"):
            new = {p for p in linked((ROOT / path).read_text("utf-8"), path) if (ROOT / p).is_file()} - seen
            seen |= new
            waiting += sorted(new)
    return found


def _target(link: str, path: str) -> str:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return f"{target}/README.md" if (ROOT / target).is_dir() else target
