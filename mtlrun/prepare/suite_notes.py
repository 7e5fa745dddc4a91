"""What suites have to say of their data before training."""

from __future__ import annotations

import json

from mtlrun.config import build
from mtlrun.planning.study_spec import StudySpec
from mtlrun.text.printable import one_line
from mtlrun.user_code import TARGET, blaming


def suite_notes(spec: StudySpec) -> list[str]:
    """Return the notes of the suites that a command asks for, each once."""
    nodes = {json.dumps(job.nodes["suite"], sort_keys=True): job.nodes["suite"] for job in spec.jobs}
    found: list[str] = []
    for node in nodes.values():
        with blaming("suite", node[TARGET]):
            found += (f"note: {one_line(note)}" for note in build(node).notes())
    return list(dict.fromkeys(found))
