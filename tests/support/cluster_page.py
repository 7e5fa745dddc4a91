"""The commands of docs/clusters.md, for the tests that have the cluster that they need."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "clusters.md").read_text(encoding="utf-8")


def commands(*words: str) -> list[list[str]]:
    """Return the page's commands of mtlrun that have all of some words, without the program's name."""
    code = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S))
    found = [shlex.split(line) for line in code.splitlines()]
    return [line[1:] for line in found if line[0] == "mtlrun" and {*words} <= {*line}]
