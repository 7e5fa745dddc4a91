"""Markdown as the repository has it, made right for Python-Markdown, which builds the site."""

from __future__ import annotations

import re

SHALLOW = re.compile(r"^ {1,3}(?=\S)")
"""Indentation of what belongs to the item of a list; Python-Markdown wants four columns."""


def indented(text: str) -> str:
    """Return Markdown with code blocks inside the items of lists, and what follows them there, four columns deep."""
    lines: list[str] = [""]
    margin, inside, item = "", False, False
    for line in text.splitlines():
        shallow = SHALLOW.match(line)
        fence = line.lstrip().startswith("```")
        if inside:
            lines.append(_deeper(line, margin))
            inside = not fence
        elif shallow and (fence or item):
            gap = [""] if fence or lines[-1].strip() == "```" else []
            margin, inside, item = shallow[0], fence, True
            lines += [*gap, _deeper(line, margin)]
        else:
            ends = item and line.strip()
            lines += ["", line] if ends else [line]
            item = item and not ends
    return "\n".join(lines[1:]) + "\n"


def _deeper(line: str, margin: str) -> str:
    """Return a line of an item with four columns in place of its margin; others as they are."""
    return f"    {line.removeprefix(margin)}" if line.startswith(margin) else line
