"""What suites have to say of their data before training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mtlrun.config import build, check_node
from mtlrun.data.suite import Suite
from mtlrun.printable import one_line
from mtlrun.user_code import TARGET, blaming


def suite_notes(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the notes of the jobs' suites, each once; a suite with faults has none, for they come first.

    Args:
        jobs: plain data, as Hydra composed them.
    """
    nodes = {json.dumps(job.get("suite"), sort_keys=True): job.get("suite") for job in jobs}
    good = [node for node in nodes.values() if node and not check_node("suite", node, Suite)]
    return list(dict.fromkeys(f"note: {one_line(note)}" for node in good for note in _notes(node)))


def _notes(node: Mapping[str, Any]) -> list[str]:
    with blaming("suite", node[TARGET]):
        return list(build(node).notes())
