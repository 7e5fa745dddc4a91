"""`make docs`: docs/strategies.md from the docstrings of every option."""

from __future__ import annotations

from pathlib import Path

from mtlrun.catalog import describe, options

GROUPS = (
    "suite",
    "model",
    "sharing",
    "heads",
    "weighting",
    "schedule",
    "regularization",
    "mitigation",
    "optimizer",
)
TARGET = Path(__file__).with_name("strategies.md")


def page() -> str:
    """Return the whole document."""
    parts = [
        "# Options\n\nWritten by `make docs` from the docstrings; `mtlrun show GROUP=OPTION` prints the same.\n"
    ]
    for group in GROUPS:
        parts.append(f"\n## {group}\n")
        for option in options(group):
            found = describe(group, option)
            parts.append(
                f"\n### `{group}={option}`\n\n```\n{(found.docstring or found.comment).strip()}\n```\n"
            )
            rows = [f"| `{group}.{s.key}` | `{s.value}` | {s.comment} |" for s in found.settings]
            rows += [f"| sets | `{other}={choice}` | |" for other, choice in found.sets.items()]
            if rows:
                parts.append("\n| setting | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "".join(parts)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
