"""Commands on a store: `report`, `lock`, `compact`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mtlrun.cli.arguments import DEFAULT_STORE
from mtlrun.cli.output import say, tell, write_file, write_out
from mtlrun.cli.studies import lists_studies, studies_text
from mtlrun.errors import ConfigError, Fault
from mtlrun.text.pluralize import pluralize

if TYPE_CHECKING:
    from mtlrun.results import Results


def report(arguments: argparse.Namespace) -> int:
    """Print or write a study's results."""
    from mtlrun.report.formats.registry import report_format
    from mtlrun.results import Results

    store = store_of(arguments)
    if lists_studies(arguments, store):
        say(studies_text(store, arguments.store))
        return 0
    results = Results.read(store, arguments.study, configs=False)
    chosen = report_format(arguments.format, arguments.output)
    choices = {"size": arguments.size, "style": arguments.style, "over": arguments.over}
    choices |= {"columns": arguments.columns, "sort": arguments.sort, "best": arguments.best}
    print_report(results, chosen, arguments.level, arguments.output, _filters(arguments.filter), **choices)
    return 0


def print_report(
    results: Results,
    format_name: str = "terminal",
    level: str = "rows",
    output: str | None = None,
    filters: dict[str, str] | None = None,
    **choices: Any,
) -> None:
    """Print a report, or write it to the file `output`.

    Raises:
        ConfigError: as of `render`, or bytes would go to a terminal.
    """
    from mtlrun.report.formats.registry import render

    stream = sys.stdout if output is None else None
    content = render(results.summary, format_name, level, filters, stream, **choices)
    if isinstance(content, str) and not content.endswith("\n"):
        content += "\n"
    if output is not None:
        write_file(output, content)
        tell(f"wrote study {results.study} to {output} ({format_name})")
    elif isinstance(content, bytes):
        if sys.stdout.isatty():
            raise ConfigError([f"`--format {format_name}` is not text: name a file with --output"])
        write_out(content)
    else:
        write_out(content, end="")


def picture_hint(folder: str, study: str) -> str:
    """Return which commands draw a study that was printed."""
    place = "" if folder == DEFAULT_STORE else f" {shlex.quote(folder)}"
    command = f"mtlrun report{place} --study {study} -o"
    return f"picture: {command} gains.svg; page with figures and every seed: -o report.html"


def lock(arguments: argparse.Namespace) -> int:
    """Write a study's lock file."""
    from mtlrun.gate.lockfile import lock as make_lock
    from mtlrun.report.text.empty_studies import says_nothing
    from mtlrun.results import Results

    results = Results.read(store_of(arguments), arguments.study)
    rows = results.summary.rows
    page = make_lock(results.manifest, results.summary, results.configs, arguments.margin)
    write_file(arguments.output, json.dumps(page, indent=1) + "\n")
    if not (rows["n_seeds"] > 0).any():
        raise ConfigError(
            [f"study `{results.study}` has no gain to lock: no seed has both sides trained yet"]
        )
    for note in says_nothing(rows):
        tell(note)
    tell(f"locked {pluralize(len(rows), 'row')} of study {results.study} in {arguments.output}")
    return 0


def compact(arguments: argparse.Namespace) -> int:
    """Merge the small segments of a store."""
    from mtlrun.store.compact import compact as merge

    store = store_of(arguments)
    if not store.path.is_dir():
        raise ConfigError([Fault("STORE", "must be a folder that is there", arguments.store)])
    store.check_writable()
    before, after = merge(store.path)
    tell(f"{pluralize(before, 'segment')} of store {store.path} merged into {after:,}")
    return 0


def store_of(arguments: argparse.Namespace) -> Any:
    """Return the store STORE; refuse the name of a study in its place."""
    from mtlrun.store.store import Store

    store, usual = Store(arguments.store), Store(DEFAULT_STORE)
    if not store.studies() and arguments.store in usual.studies():
        raise ConfigError(
            [
                f"STORE must be a folder with studies, found {arguments.store!r}, which is a study of the store "
                f"`{DEFAULT_STORE}`: use `--study {arguments.store}`"
            ]
        )
    return store


def _filters(pairs: Sequence[str]) -> dict[str, str]:
    bad = [p for p in pairs if "=" not in p]
    if bad:
        raise ConfigError([f"`--filter` takes COLUMN=VALUE, as task=digit, found {p!r}" for p in bad])
    return dict(p.split("=", 1) for p in pairs)
