"""Commands that a search found, or a person, to end in a traceback: each says what is wrong, and exits with 2."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.fuzz.outcome import Search

CASES = yaml.safe_load((Path(__file__).parent / "corpus" / "commands.yaml").read_text())
WORDS = {
    "DIGITS": "1" + "0" * 5000,
    "LONG": "x" * 300,
    "DEEP": "[" * 400 + "]" * 400,
    "1e400": "1" + "0" * 400,
}


def _written(text: str) -> str:
    for short, long in WORDS.items():
        text = text.replace(short, long)
    return text


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_kept_command_is_told(search: Search, case: dict[str, Any]) -> None:
    for name, content in case.get("files", {}).items():
        (search.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (search.folder / name).write_text(_written(content))
    result = search.run([_written(word) for word in case["command"]])
    search.verify(case["why"])
    assert result is not None and result.code == 2
    assert re.search(case["told"], result.err), result.err
