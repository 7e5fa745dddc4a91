"""The words of the command line: commands, their arguments and their help."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from mtlrun.cli.output import write_out
from mtlrun.cli.report_arguments import DEFAULT_STORE, add_report
from mtlrun.errors import Fault
from mtlrun.text.printable import printable
from mtlrun.version import __version__

Handler = Callable[[argparse.Namespace], int]
"""Does what a command asks for, and returns the exit code."""

PLACED = {
    **dict.fromkeys(("report", "lock", "check", "export", "predict", "status", "cancel"), ("store", "study")),
    **dict.fromkeys(("compact", "doctor"), ("store",)),
    **dict.fromkeys(("list", "completion"), ()),
}
"""Commands that take `store=DIR` and `study=NAME` but no jobs: which of the two mean something to them."""

FLAGS = ("--rerun", "--github-summary")
"""Options of these commands that have no value."""


class Parser(argparse.ArgumentParser):
    """Argument errors read as our other errors do.

    Attributes:
        options: long names of the options of its own, without --help.
    """

    def __init__(self, *given: Any, **settings: Any) -> None:
        self.options: list[str] = []
        super().__init__(*given, **settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Add an argument, and note its long name."""
        self.options += [name for name in names if name.startswith("--") and name != "--help"]
        return super().add_argument(*names, **settings)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write help or the version; argparse itself would let a failing write pass in silence."""
        if message and file in (None, sys.stdout):
            write_out(message, end="")
        elif message:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mtlrun: {printable(message)}; see `{self.prog} --help`\n")


def parse(argv: Sequence[str] | None, handlers: Mapping[str, Handler]) -> argparse.Namespace:
    """Return the arguments, with the command's `handler`; overrides may stand before, between and after the options.

    Args:
        argv: words of the command line; None for those of this process.
        handlers: by command.
    """
    parser = Parser(prog="mtlrun", description="Negative-transfer studies in multi-task learning.")
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help", "--version"):
        _explain(parser, words)
    if words[0].startswith("-"):
        parser.error(f"options stand behind a command, found {words[0]}")
    if words[0] not in COMMANDS:
        parser.error(str(Fault("COMMAND", "must be a command", words[0], SHOWN)))
    words, named = _named_places(words)
    arguments, rest = _parser_of(words[0]).parse_known_args(words[1:])
    arguments.handler = handlers[words[0]]
    if rest and hasattr(arguments, "filter") and all("=" in text.lstrip("=") for text in rest):
        parser.error(f"rows are chosen by {' '.join(f'--filter {text}' for text in rest)}")
    if rest and (not hasattr(arguments, "overrides") or any(text.startswith("-") for text in rest)):
        settings = "; settings have no dashes, as seeds=3" if hasattr(arguments, "overrides") else ""
        parser.error(f"unrecognized arguments: {' '.join(rest)}{settings}")
    if rest:
        arguments.overrides += rest
    for name, values in named.items():
        given = getattr(arguments, name, None)
        different = {*values, *([] if given is None else [given])}
        if len(different) > 1:
            told = " and ".join(sorted(different))
            parser.error(f"`{name}` is given more than once, and differently: {told}")
        setattr(arguments, name, values[0] if values else given)
    if "store" in named and arguments.store is None:
        arguments.store = DEFAULT_STORE
    return arguments


def command_options() -> dict[str, list[str]]:
    """Return the long options of every command, for completion; hidden commands are left out."""
    return {name: _parser_of(name).options for name in SHOWN}


def _named_places(words: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Part `store=DIR` and `study=NAME` from the words of a command that composes no job, as for those that do.

    Returns:
        The other words; and for each of these names what was given. Nothing for commands that take overrides.
    """
    if not words or words[0] not in PLACED:
        return list(words), {}
    left, named = [words[0]], {name: list[str]() for name in PLACED[words[0]]}
    for before, word in itertools.pairwise(words):
        name, equals, value = word.partition("=")
        is_value = before.startswith("-") and "=" not in before and before not in FLAGS
        if equals and name in ("store", "study") and not is_value:
            named.setdefault(name, []).append(value)
        else:
            left.append(word)
    return left, named


def _parser_of(name: str) -> Parser:
    """Return the parser of one command."""
    text, adds = COMMANDS[name]
    parser = Parser(prog=f"mtlrun {name}", description=text)
    for add in adds:
        add(parser)
    return parser


def _explain(parser: Parser, words: Sequence[str]) -> NoReturn:
    """Print the version, or which commands there are, and exit."""
    parser.add_argument("--version", action="version", version=f"mtlrun {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in SHOWN:
        commands.add_parser(name, help=COMMANDS[name][0])
    parser.parse_args(words)
    parser.print_help()
    parser.exit()


def _add_run(parser: Parser) -> None:
    parser.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="as suite=digits_two or optimizer.lr=0.01"
    )
    parser.add_argument(
        "-m", "--multirun", action="store_true", help="as `mtlrun sweep`; commas in overrides do it too"
    )
    _add_own_folders(parser)


def _add_status(parser: Parser) -> None:
    _add_store(parser)
    parser.add_argument("--study", help="default: all that are trained now")


def _add_cancel(parser: Parser) -> None:
    _add_store(parser)
    parser.add_argument("--study", help="default: the only one")


def _add_lock(parser: Parser) -> None:
    _add_store(parser)
    parser.add_argument("--output", "-o", required=True, metavar="FILE")
    parser.add_argument("--study", help="default: the one written last")
    parser.add_argument(
        "--margin", type=float, help="percent that may be lost; default: the study's check.margin"
    )


def _add_export(parser: Parser) -> None:
    parser.add_argument("--output", "-o", required=True, help="folder")


def _add_predict(parser: Parser) -> None:
    parser.add_argument(
        "data",
        nargs="+",
        metavar="FILE",
        help="one a source: a table (CSV, Parquet, ...) where the suite reads tables, else CSV or NPY",
    )
    what = "a file, .csv, .tsv, .parquet, .feather or .json; default: CSV on standard output"
    parser.add_argument("--output", "-o", help=what)


def _add_run_id(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's id, or its beginning")


def _add_weights(parser: Parser) -> None:
    """Add what says which weights of a run are meant."""
    parser.add_argument("--store", help=f"default: {DEFAULT_STORE}")
    parser.add_argument("--study", help="refuse a run that is not of this study")
    parser.add_argument("--checkpoint", help="which one, of a run that has several")
    _add_trust(parser)


def _add_check(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--store", help=f"default: {DEFAULT_STORE}")
    parser.add_argument("--study", help="default: the lock's own")
    parser.add_argument("--margin", type=float, help="percent of |single-task mean| that may be lost")
    parser.add_argument("--format", help="terminal, md, junit or json; default: by the ending of --output")
    parser.add_argument(
        "--output", "-o", metavar="FILE", help="write it there, and the table to the terminal"
    )
    parser.add_argument(
        "--github-summary", action="store_true", help="append Markdown to the file $GITHUB_STEP_SUMMARY"
    )
    parser.add_argument(
        "--rerun", action="store_true", help="train what is missing, with the configs that the lock holds"
    )
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="with --rerun: begin with the first N locked seeds"
    )
    undecided = "with --rerun: keep N of the locked seeds for rows that are undecided without"
    parser.add_argument("--add-seeds", type=int, default=0, metavar="N", help=undecided)
    here = "with --rerun: device=..., launch.KEY=... and checkpoint.KEY=..."
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help=here)


def _add_list(parser: Parser) -> None:
    parser.add_argument("group", nargs="?", metavar="GROUP")
    _add_own_folders(parser)


def _add_show(parser: Parser) -> None:
    parser.add_argument("option", metavar="GROUP=OPTION")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="OVERRIDE",
        help="of suite=table, as suite.path=my.csv, or suite=arrays: a first look at it",
    )
    _add_own_folders(parser)


def _add_completion(parser: Parser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def _add_line(parser: Parser) -> None:
    parser.add_argument("line")


def _add_store(parser: Parser) -> None:
    parser.add_argument("store", nargs="?", metavar="STORE", help=f"default: {DEFAULT_STORE}")


def _add_text_or_json(parser: Parser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text")


def _add_trust(parser: Parser) -> None:
    text = "a module or package whose code a lock file or a store may run, as my_models; may be repeated"
    parser.add_argument("--trust", action="append", default=[], metavar="NAME", help=text)
    _add_own_folders(parser)


def _add_own_folders(parser: Parser) -> None:
    text = "a folder with config groups of your own"
    parser.add_argument("--config-dir", action="append", default=[], help=text)


COMMANDS: dict[str, tuple[str, list[Callable[[Parser], None]]]] = {
    "run": (
        "train one cell or several, with baselines, over their seeds; print the transfer table",
        [_add_run],
    ),
    "sweep": ("train many cells (KEY=A,B or globs) as one study; print the table", [_add_run]),
    "plan": ("show what would be trained and reused; train nothing", [_add_run, _add_text_or_json]),
    "status": (
        "show what is being trained into a store, how fast, and where",
        [_add_status, _add_text_or_json],
    ),
    "cancel": ("end what is being trained into a store; finished runs are kept", [_add_cancel]),
    "report": ("print or write a study's results", [add_report]),
    "export": (
        "write a run's trained model as files that plain PyTorch loads",
        [_add_run_id, _add_export, _add_weights],
    ),
    "predict": (
        "write what a trained run predicts for new inputs",
        [_add_run_id, _add_predict, _add_weights],
    ),
    "lock": ("write a lock file of a study's results", [_add_lock]),
    "check": ("test results against a lock file", [_add_check, _add_trust]),
    "compact": ("merge the small files of a large store, so that it is read faster", [_add_store]),
    "doctor": (
        "say what a bug report needs: versions, devices, and whether the store is whole",
        [_add_store, _add_text_or_json],
    ),
    "list": ("list config groups, or the options of one", [_add_list]),
    "show": ("explain an option: meaning, formula, settings, source", [_add_show]),
    "completion": ("print a script that makes a shell complete command lines", [_add_completion]),
    "_complete": ("return the words that complete a command line", [_add_line]),
}
"""Of each command, in the order of the help: what it does, and what adds its arguments to a parser."""

SHOWN = [name for name in COMMANDS if not name.startswith("_")]
"""Commands for users; shells call the others."""
