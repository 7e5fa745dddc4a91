"""The arguments of `mtlrun report`."""

from __future__ import annotations

import argparse

from mtlrun.report.levels import LEVELS, ROWS, SIZES

DEFAULT_STORE = "runs"


def _columns(text: str) -> list[str]:
    """Return the names of columns, each once.

    Raises:
        argparse.ArgumentTypeError: there are none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("must name columns, as task,gain")
    return list(dict.fromkeys(names))


def add_report(added: argparse.ArgumentParser) -> None:
    """Add the arguments of `mtlrun report`."""
    added.add_argument("store", nargs="?", metavar="STORE", help=f"default: {DEFAULT_STORE}")
    added.add_argument("--study", help="default: the one written last")
    added.add_argument(
        "--format",
        help="terminal, json, csv, parquet, md, svg, png, pdf, latex or html; default: by the ending of --output",
    )
    added.add_argument(
        "--level",
        default=ROWS,
        metavar="TABLE",
        help="; ".join(f"{name}: {level.help}" for name, level in LEVELS.items()),
    )
    added.add_argument("--output", "-o", help="a file; default: standard output")
    added.add_argument(
        "--over",
        metavar="KEY",
        help="of --level gain_over: the numeric setting, as suite.train_size; default: the only one that varies",
    )
    added.add_argument("--size", metavar="SIZE", help=f"of a picture: {', '.join(_sizes())}")
    added.add_argument("--style", metavar="FILE", help="of a picture: a matplotlib style read after ours")
    _add_choice(added)


def _add_choice(added: argparse.ArgumentParser) -> None:
    """Add what chooses the rows and columns of a table."""
    added.add_argument(
        "--filter", action="append", default=[], metavar="COLUMN=VALUE", help="show only such rows"
    )
    added.add_argument(
        "--columns",
        type=_columns,
        default=[],
        metavar="A,B",
        help="of a table: which columns, as task,mitigation,gain,verdict: those shown, settings, or any of csv",
    )
    added.add_argument(
        "--sort",
        metavar="COLUMN",
        help="of a table: by which column, as gain, the worst first; gain:desc has the best first",
    )
    added.add_argument(
        "--best",
        nargs="?",
        const="task",
        metavar="OF",
        help="show the best cell alone: of each task (the default) or, as --best suite, of each suite",
    )


def _sizes() -> list[str]:
    return [f"{name} ({width:g} inches)" for name, width in SIZES.items()]
