"""JUnit XML, which the test views of continuous integration read: a row is a test case."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from mtlrun.gate.result import UNDECIDED, GateResult, GateRow
from mtlrun.gate.wording import HEADER, cells, note, sentences, strategy, title

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not (W3C, Extensible Markup Language 1.0, section 2.2)."""


def to_junit(result: GateResult) -> str:
    """Return a suite with a case for each row: regressed is a failure, missing and underpowered are errors.

    A row that cannot be decided is no pass, so it is not told as `skipped`, which most views count as good.
    """
    counts = result.counts
    numbers = {
        "tests": len(result.rows),
        "failures": counts.get("regressed", 0),
        "errors": sum(counts.get(outcome, 0) for outcome in UNDECIDED),
    }
    page = ElementTree.Element("testsuites", {"name": "mtlrun check", **_texts(numbers)})
    suite = ElementTree.SubElement(page, "testsuite", {"name": _xml(result.study), **_texts(numbers)})
    if result.environment:
        properties = ElementTree.SubElement(suite, "properties")
    for change in result.environment:
        ElementTree.SubElement(properties, "property", {"name": "changed", "value": _xml(change)})
    for row in result.rows:
        _add_case(suite, row)
    told = "\n".join([title(result), *sentences(result)])
    ElementTree.SubElement(suite, "system-out").text = _xml(told)
    ElementTree.indent(page, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(page, encoding="unicode")


def _add_case(suite: ElementTree.Element, row: GateRow) -> None:
    names = {"classname": f"{row.locked['suite']}.{strategy(row)}", "name": row.locked["task"]}
    case = ElementTree.SubElement(suite, "testcase", {key: _xml(name) for key, name in names.items()})
    table = _xml("\n".join(f"{name}: {cell}" for name, cell in zip(HEADER, cells(row), strict=True) if cell))
    if row.outcome == "regressed" or row.outcome in UNDECIDED:
        tag = "failure" if row.outcome == "regressed" else "error"
        message = "; ".join(filter(None, [row.outcome, note(row)]))
        bad = ElementTree.SubElement(case, tag, {"type": row.outcome, "message": _xml(message)})
        bad.text = table
    else:
        ElementTree.SubElement(case, "system-out").text = table


def _texts(numbers: dict[str, int]) -> dict[str, str]:
    return {name: str(number) for name, number in numbers.items()}


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", text)
