"""What `mtlrun show suite=table suite.path=...` prints: tables or arrays, and which parameters the tasks share.

All text of files is shown as it is: markup means nothing in it, signs that steer a terminal are replaced.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from mtlrun.config import build, check_node, shape_faults
from mtlrun.data.suite import Suite
from mtlrun.data.tables.first_look.look import ColumnLook, Look, shares
from mtlrun.errors import ConfigError, Fault
from mtlrun.text.printable import one_line
from mtlrun.training.network import Parts, build_network

LONGEST = 48  # signs of a cell
MOST_TARGETS = 6  # columns with associations
FIXED = 5  # columns of the first look before those with associations
GAP = 2  # blanks between columns
FOLDED = 300  # rows, at most, of a table whose cells are folded: that takes a millisecond each
WIDTH = 120  # where the output is no terminal


def first_look(job: Mapping[str, Any], stream: TextIO) -> tuple[str, list[Fault]]:
    """Return a first look at the tables or arrays of a job, and what keeps it from being trained.

    Args:
        job: plain data, as Hydra composed it.
        stream: where it will be printed.

    Raises:
        ConfigError: the suite has settings of wrong types, or shows no tables, or a file cannot be read.
    """
    node = job["suite"]
    unbuilt = shape_faults("suite", node, Suite)
    if unbuilt:
        raise ConfigError(unbuilt)
    suite: Suite = build(node)
    try:
        looks = suite.looks()
    except ConfigError as error:  # a file that cannot be read
        raise ConfigError(_faults(node) or error.faults) from error
    if not looks:
        rule = "has no table or arrays to look at; `mtlrun show GROUP=OPTION` alone explains an option"
        raise ConfigError([Fault("suite", rule)])
    is_terminal = stream.isatty()
    console = Console(file=io.StringIO(), width=None if is_terminal else WIDTH, force_terminal=is_terminal)
    for look in looks:
        _print(console, look)
    faults = _faults(node)
    if not _has_targets(node):
        console.print(Text("no task yet: name some, as 'suite.targets={heating: Y1, cooling: Y2}'"))
    elif not faults:
        for line in _parameters(job, suite):
            console.print(Text(line))
    found = console.file
    assert isinstance(found, io.StringIO)
    return found.getvalue(), faults


def _faults(node: Mapping[str, Any]) -> list[Fault]:
    """Return what keeps a suite from being trained; that it has no targets yet is none here."""
    found = check_node("suite", node, Suite)
    return found if _has_targets(node) else [fault for fault in found if fault.key != "suite.targets"]


def _has_targets(node: Mapping[str, Any]) -> bool:
    """Return whether a suite has tasks: one without a setting `targets` has them in its file."""
    return bool(node.get("targets", True))


def _print(console: Console, look: Look) -> None:
    console.print(Text(f"{plain(look.path, 200)}: {look.rows:,} rows, {len(look.columns)} {look.of}", "bold"))
    targets = list(dict.fromkeys(t for c in look.columns for t in c.associations))[:MOST_TARGETS]
    names = [
        look.of.removesuffix("s"),
        "used as",
        "kind",
        "missing",
        "holds",
        *(f"with {plain(t, 12)}" for t in targets),
    ]
    rows = [list(_cells(column, targets)) for column in look.columns]
    if len(rows) > FOLDED:
        console.file.write(_unfolded([names, *rows]))
    else:
        console.print(_folded(names, rows, console.width))
    for name, told in look.tasks.items():
        console.print(Text(f"task {plain(name)}: {plain(told, 200)}"))
    if look.parts:
        console.print(Text(f"split {plain(look.by, 80)}: {shares(look.parts)}"))
        numbers = sum(column.numbers for column in look.columns)
        console.print(Text(f"inputs: {numbers:,} numbers a row"))
    for note in look.notes:
        console.print(Text(f"note: {plain(note, 300)}", "yellow"))


def _folded(names: list[str], rows: list[list[str]], width: int) -> RichTable:
    """Return a table as wide as the terminal, with long cells in several lines."""
    table = RichTable(box=box.SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    widths = _widths([names, *rows], width - 2 - GAP * len(names))
    for place, name in enumerate(names):
        side: Literal["left", "right"] = "right" if place >= FIXED else "left"
        table.add_column(Text(name), overflow="fold", justify=side, width=widths[place])
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _widths(rows: list[list[str]], room: int) -> list[int]:
    """Return how wide columns are: the widest are narrowed first, down to their words, then words are broken.

    Args:
        rows: of cells.
        room: for all columns together.
    """
    columns = list(zip(*rows, strict=True))
    whole = [max(map(cell_len, cells)) for cells in columns]
    words = [max(cell_len(word) for cell in cells for word in cell.split() or [""]) for cells in columns]
    for most in range(max(whole), 0, -1):
        widths = [max(word, min(full, most)) for word, full in zip(words, whole, strict=True)]
        if sum(widths) <= room:
            return widths
    fits = (n for n in range(max(words), 1, -1) if sum(min(word, n) for word in words) <= room)
    longest = next(fits, 1)
    return [min(word, longest) for word in words]


def _unfolded(rows: list[list[str]]) -> str:
    """Return a table with a line for each row, however wide, in no time for thousands of rows."""
    widths = [max(map(cell_len, cells)) for cells in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n" + "\n".join(lines) + "\n\n"


def _cells(column: ColumnLook, targets: list[str]) -> Iterator[str]:
    yield plain(column.name)
    yield plain(column.role, 200)
    yield plain(column.kind)
    yield f"{column.missing:.1%}" if column.missing else ""
    yield plain(column.holds)
    for target in targets:
        value = column.associations.get(target)
        yield "" if value is None else f"{value.value:+.2f}" + (" by gaps" if value.by_gaps else "")


def _parameters(job: Mapping[str, Any], suite: Suite) -> Iterator[str]:
    """Yield which parameters tasks share, and which each has of its own."""
    info = suite.info()
    network = build_network(Parts.of(job), info, 0)
    owners = network.owners()
    sizes: dict[int | None, dict[str, int]] = {}
    for name, parameter in network.named_parameters():
        part = sizes.setdefault(owners[name], {})
        part[name.partition(".")[0]] = part.get(name.partition(".")[0], 0) + parameter.numel()
    shared = sum(sizes.get(None, {}).values())
    yield f"parameters that tasks share: {shared:,}" + _by_part(sizes.get(None, {}))
    for place, task in enumerate(info.tasks):
        own = sizes.get(place, {})
        yield f"parameters of {plain(task.name)} alone: {sum(own.values()):,}" + _by_part(own)


def _by_part(sizes: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{part} {size:,}' for part, size in sizes.items())})" if sizes else ""


def plain(text: str, longest: int = LONGEST) -> str:
    """Return text of a file for a terminal: one line of printable signs, cut where it is long."""
    seen = one_line(text)
    return seen if len(seen) <= longest else seen[: longest - 1] + "…"
