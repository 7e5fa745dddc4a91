"""Pages of the site for the options: one each, from its YAML and docstring, and an index of all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from docs.build import GROUPS, NOTES
from mtlrun.catalog import OptionPage, describe, options

LABEL = re.compile(r"^(Cost|Sources?|Args|Attributes|Examples?|Raises):[ \n]?", re.MULTILINE)
ENTRY = re.compile(r"^    (\w[\w, *]*): ", re.MULTILINE)
SPAN = re.compile(r"(`[^`]*`)")


def option_pages() -> Iterator[tuple[str, str]]:
    """Yield the path in the site and the Markdown of every option's page."""
    for group in GROUPS:
        for option in options(group):
            yield f"strategies/{group}/{option}.md", option_page(describe(group, option))


def index_page() -> str:
    """Return the index: a table for each group, with a link to every option's page."""
    parts = [
        "# Strategies and other options\n\nEvery option of every group, with its formula, settings, source and cost. "
        "`mtlrun show GROUP=OPTION` prints the same as its page; `mtlrun list GROUP` lists a group.\n"
    ]
    for group in GROUPS:
        parts.append(f"\n## {group}\n{NOTES.get(group, '')}\n| option | what it does |\n|---|---|\n")
        for option in options(group):
            summary = cell(prose(describe(group, option).summary))
            parts.append(f"| [`{option}`](strategies/{group}/{option}.md) | {summary} |\n")
    return "".join(parts)


def option_page(found: OptionPage) -> str:
    """Return the Markdown of one option's page."""
    text = sections(found.docstring or _words(found.comment))
    parts = [f"# {found.group}={found.option}\n", markdown(text.pop("", ""))]
    for name in ("Cost", "Source", "Sources"):
        if name in text:
            parts.append(f"**{name}.** {markdown(text[name])}")
    commands = [line for line in found.comment.splitlines() if line.startswith("mtlrun ")]
    if commands:
        parts.append("## Try it\n\n```sh\n{}\n```\n".format("\n".join(commands)))
    if found.settings or found.sets:
        parts.append("## Settings\n\n" + _settings(found))
    entries = text.get("Args", "") + text.get("Attributes", "")
    if ENTRY.search(entries):
        parts.append("## Settings in detail\n\n" + _entries(entries))
    return "\n".join(parts)


def sections(docstring: str) -> dict[str, str]:
    """Return the parts of a docstring by their label; the text before all labels under ""."""
    first, *labelled = LABEL.split(docstring)
    return {"": first, **dict(zip(labelled[::2], labelled[1::2], strict=True))}


def markdown(text: str) -> str:
    """Return paragraphs of a docstring as Markdown; indented ones, as formulas, stay as they are."""
    paragraphs = re.split(r"\n\s*\n", text.strip("\n"))
    return "".join((p if p.startswith("    ") else prose(p)) + "\n\n" for p in paragraphs if p.strip())


def prose(text: str) -> str:
    """Return text with what Markdown would take for markup escaped, outside code spans."""
    parts = SPAN.split(text)
    return "".join(p if p.startswith("`") else _escaped(p) for p in parts)


def cell(text: str) -> str:
    """Return text for a cell of a table, on one line."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([*_\[\]])", r"\\\1", text)


def _words(comment: str) -> str:
    """Return a comment of a YAML without its commands."""
    return "\n".join(line for line in comment.splitlines() if not line.startswith("mtlrun "))


def _settings(found: OptionPage) -> str:
    rows = [
        f"| `{found.group}.{s.key}` | {_value(s.value)} | {cell(prose(s.comment))} |" for s in found.settings
    ]
    rows += [
        f"| sets | [`{group}={option}`](../{group}/{option}.md) | |" for group, option in found.sets.items()
    ]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]) + "\n"


def _value(value: object) -> str:
    """Return a default as it is written in YAML."""
    if value == "":
        return ""
    return f"`{cell(json.dumps(value) if value is None or isinstance(value, bool) else str(value))}`"


def _entries(text: str) -> str:
    """Return an `Args` section as a list."""
    _, *found = ENTRY.split(text)
    return "".join(
        f"- `{name}`: {cell(prose(words))}\n" for name, words in zip(found[::2], found[1::2], strict=True)
    )
