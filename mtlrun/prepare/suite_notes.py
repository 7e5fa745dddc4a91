"""What suites have to say of their data before training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mtlrun.config import build
from mtlrun.planning.study_spec import StudySpec
from mtlrun.printable import one_line
from mtlrun.user_code import TARGET, blaming


def suite_notes(spec: StudySpec) -> list[str]:
    """Return the notes of the suites that a command asks for, each once."""
    nodes = {json.dumps(job.nodes["suite"], sort_keys=True): job.nodes["suite"] for job in spec.jobs}
    return list(dict.fromkeys(f"note: {one_line(note)}" for node in nodes.values() for note in _notes(node)))


def _notes(node: Mapping[str, Any]) -> list[str]:
    with blaming("suite", node[TARGET]):
        return list(build(node).notes())
