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
NOTES = {
    "weighting": """
**Scale.** `equal` adds the task losses. Other strategies add or average, as their papers do, and each page says
which. Those with the setting `reduction` average: for equal tasks their weights sum to 1, so that at one learning
rate of SGD they train the shared parameters T times as slowly as `equal` (Adam divides most of this out).
`weighting.reduction=sum` multiplies their weights and the shared gradient by T, as the code of several authors does
(CAGrad, SDMGrad, Aligned-MTL, ExcessMTL, and MGDA in that of Nash-MTL). Either that or tuning `optimizer.lr` for
each strategy (`tune.optimizer.lr=[...]`) is needed before a difference from `equal` can be called one of direction.

**Each task's own parameters** (its head) get the weights too under strategies that need the losses alone; under
those that look at gradients they keep the plain gradient of their task's loss. A page says so where its authors do
otherwise.

**In a training loop of your own.** `mtlrun.weighting.Balancer` runs each of these strategies on any PyTorch network:
[python_loop.md](python_loop.md).
""",
}
TARGET = Path(__file__).with_name("strategies.md")


def page() -> str:
    """Return the whole document."""
    parts = [
        "# Options\n\nWritten by `make docs` from the docstrings; `mtlrun show GROUP=OPTION` prints the same.\n"
    ]
    for group in GROUPS:
        parts.append(f"\n## {group}\n{NOTES.get(group, '')}")
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
