"""What training looked like: cosines between task gradients, and weights of tasks, over the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.html.figure import Figure

if TYPE_CHECKING:
    import pandas as pd


def conflicts(summary: Summary) -> list[Figure]:
    """Return a figure per suite and pair of tasks."""
    return []


def task_weights(summary: Summary) -> list[Figure]:
    """Return a figure per suite and task."""
    return []
