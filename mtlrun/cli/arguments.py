"""The words of the command line: commands, their arguments and their help."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from mtlrun.cli.output import write_out
from mtlrun.cli.report_arguments import add_report
from mtlrun.errors import Fault
from mtlrun.printable import printable
from mtlrun.version import __version__

Handler = Callable[[argparse.Namespace], int]
"""Does what a command asks for, and returns the exit code."""

DEFAULT_STORE = "runs"

PLACED = {
    **dict.fromkeys(("report", "lock", "check", "export", "predict", "status", "cancel"), ("store", "study")),
    **dict.fromkeys(("compact", "doctor"), ("store",)),
    **dict.fromkeys(("list", "completion"), ()),
}
"""Commands that take `store=DIR` and `study=NAME` but no jobs: which of the two mean something to them."""

FLAGS = ("--rerun", "--github-summary")
"""Options of these commands that have no value."""

AddCommand = Callable[[str, str], argparse.ArgumentParser]
"""Adds a command of a name with its help."""


class Parser(argparse.ArgumentParser):
    """Argument errors read as our other errors do.

    Attributes:
        commands: by name, also the hidden ones, whose names begin with _.
        options: long names of the options of its own, without --help.
    """

    commands: Mapping[str, Parser] = MappingProxyType({})

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
    parser = _parser(handlers)
    words = sys.argv[1:] if argv is None else argv
    if words and not words[0].startswith("-") and words[0] not in parser.commands:
        listed = [name for name in parser.commands if not name.startswith("_")]
        parser.error(str(Fault("COMMAND", "must be a command", words[0], listed)))
    if words and words[0].startswith("-") and words[0] not in ("-h", "--help", "--version"):
        parser.error(f"options stand behind a command, found {words[0]}")
    words, named = _named_places(words)
    arguments, rest = parser.parse_known_args(words)
    if not hasattr(arguments, "handler"):
        parser.print_help()
        parser.exit()
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
    commands = _parser(defaultdict(lambda: lambda arguments: 0)).commands
    return {name: command.options for name, command in commands.items() if not name.startswith("_")}


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


def _parser(handlers: Mapping[str, Handler]) -> Parser:
    parser = Parser(prog="mtlrun", description="Negative-transfer studies in multi-task learning.")
    parser.add_argument("--version", action="version", version=f"mtlrun {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(handler=handlers[name])
        return added

    _add_training(command)
    _add_monitoring(command)
    _add_results(command)
    _add_explanations(command)
    hidden = commands.add_parser("_complete")  # without help, so it is not listed
    hidden.add_argument("line")
    hidden.set_defaults(handler=handlers["_complete"])
    parser.commands = commands.choices
    return parser


def _add_training(command: AddCommand) -> None:
    """Add the commands that take overrides."""
    for name, text in (
        ("run", "train one cell or several, with baselines, over their seeds; print the transfer table"),
        ("sweep", "train many cells (KEY=A,B or globs) as one study; print the table"),
        ("plan", "show what would be trained and reused; train nothing"),
    ):
        added = command(name, text)
        added.add_argument(
            "overrides", nargs="*", metavar="OVERRIDE", help="as suite=digits_two or optimizer.lr=0.01"
        )
        added.add_argument(
            "-m", "--multirun", action="store_true", help="as `mtlrun sweep`; commas in overrides do it too"
        )
        _add_own_folders(added)
        if name == "plan":
            added.add_argument("--format", choices=("text", "json"), default="text")


def _add_monitoring(command: AddCommand) -> None:
    """Add the commands about commands that train, also of another terminal or machine."""
    for name, text, study in (
        (
            "status",
            "show what is being trained into a store, how fast, and where",
            "all that are trained now",
        ),
        ("cancel", "end what is being trained into a store; finished runs are kept", "the only one"),
    ):
        added = command(name, text)
        added.add_argument("store", nargs="?", metavar="STORE", help=f"default: {DEFAULT_STORE}")
        added.add_argument("--study", help=f"default: {study}")
        if name == "status":
            added.add_argument("--format", choices=("text", "json"), default="text")


def _add_results(command: AddCommand) -> None:
    """Add the commands that read a store."""
    add_report(command("report", "print or write a study's results"), DEFAULT_STORE)
    _add_models(command)
    added = command("lock", "write a lock file of a study's results")
    added.add_argument("store", nargs="?", metavar="STORE", help=f"default: {DEFAULT_STORE}")
    added.add_argument("--output", "-o", required=True, metavar="FILE")
    added.add_argument("--study", help="default: the one written last")
    added.add_argument(
        "--margin", type=float, help="percent that may be lost; default: the study's check.margin"
    )
    _add_check(command("check", "test results against a lock file"))
    added = command("compact", "merge the small files of a large store, so that it is read faster")
    added.add_argument("store", nargs="?", metavar="STORE", help=f"default: {DEFAULT_STORE}")
    added = command(
        "doctor", "say what a bug report needs: versions, devices, and whether the store is whole"
    )
    added.add_argument("store", nargs="?", metavar="STORE", help=f"default: {DEFAULT_STORE}")
    added.add_argument("--format", choices=("text", "json"), default="text")


def _add_models(command: AddCommand) -> None:
    """Add the commands that use the weights of a run."""
    for name, text in (
        ("export", "write a run's trained model as files that plain PyTorch loads"),
        ("predict", "write what a trained run predicts for new inputs"),
    ):
        added = command(name, text)
        added.add_argument("run", metavar="RUN", help="a run's id, or its beginning")
        if name == "predict":
            added.add_argument(
                "data",
                nargs="+",
                metavar="FILE",
                help="one a source: a table (CSV, Parquet, ...) where the suite reads tables, else CSV or NPY",
            )
        what = (
            "folder"
            if name == "export"
            else "a file, .csv, .tsv, .parquet, .feather or .json; default: CSV on standard output"
        )
        added.add_argument("--output", "-o", required=name == "export", help=what)
        added.add_argument("--store", help=f"default: {DEFAULT_STORE}")
        added.add_argument("--study", help="refuse a run that is not of this study")
        added.add_argument("--checkpoint", help="which one, of a run that has several")
        _add_trust(added)


def _add_check(added: argparse.ArgumentParser) -> None:
    added.add_argument("file", metavar="FILE")
    added.add_argument("--store", help=f"default: {DEFAULT_STORE}")
    added.add_argument("--study", help="default: the lock's own")
    added.add_argument("--margin", type=float, help="percent of |single-task mean| that may be lost")
    added.add_argument("--format", help="terminal, md, junit or json; default: by the ending of --output")
    added.add_argument("--output", "-o", metavar="FILE", help="write it there, and the table to the terminal")
    added.add_argument(
        "--github-summary", action="store_true", help="append Markdown to the file $GITHUB_STEP_SUMMARY"
    )
    added.add_argument(
        "--rerun", action="store_true", help="train what is missing, with the configs that the lock holds"
    )
    added.add_argument(
        "--seeds", type=int, metavar="N", help="with --rerun: begin with the first N locked seeds"
    )
    added.add_argument(
        "--add-seeds",
        type=int,
        default=0,
        metavar="N",
        help="with --rerun: keep N of the locked seeds for rows that are undecided without",
    )
    added.add_argument(
        "overrides",
        nargs="*",
        metavar="OVERRIDE",
        help="with --rerun: device=..., launch.KEY=... and checkpoint.KEY=...",
    )
    _add_trust(added)


def _add_explanations(command: AddCommand) -> None:
    """Add the commands that say what there is."""
    added = command("list", "list config groups, or the options of one")
    added.add_argument("group", nargs="?", metavar="GROUP")
    _add_own_folders(added)
    added = command("show", "explain an option: meaning, formula, settings, source")
    added.add_argument("option", metavar="GROUP=OPTION")
    added.add_argument(
        "overrides",
        nargs="*",
        metavar="OVERRIDE",
        help="of suite=table, as suite.path=my.csv, or suite=arrays: a first look at it",
    )
    _add_own_folders(added)
    added = command("completion", "print a script that makes a shell complete command lines")
    added.add_argument("shell", choices=("bash", "zsh", "fish"))


def _add_trust(added: argparse.ArgumentParser) -> None:
    text = "a module or package whose code a lock file or a store may run, as my_models; may be repeated"
    added.add_argument("--trust", action="append", default=[], metavar="NAME", help=text)
    _add_own_folders(added)


def _add_own_folders(added: argparse.ArgumentParser) -> None:
    text = "a folder with config groups of your own"
    added.add_argument("--config-dir", action="append", default=[], help=text)
