"""The command line: the only place that prints or exits.

Exit codes: 0 success; 1 the gate found a regression, or some runs failed or diverged; 2 bad input, nothing
trained; 3 the gate could not decide; 128 + n ended by signal n (130 Ctrl-C), with everything finished so far kept.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence

from mtlrun.cli.arguments import Handler, parse
from mtlrun.cli.doctor import doctor
from mtlrun.cli.explaining import complete, completion, list_options, show_option
from mtlrun.cli.models import export, predict
from mtlrun.cli.monitoring import cancel, status
from mtlrun.cli.output import discard_output, tell
from mtlrun.cli.reading import compact, lock, report
from mtlrun.cli.signals import as_interruptions, exit_code
from mtlrun.cli.training import check, plan, run
from mtlrun.errors import MtlrunError

HANDLERS: dict[str, Handler] = {
    "run": run,
    "sweep": run,
    "plan": plan,
    "status": status,
    "cancel": cancel,
    "report": report,
    "export": export,
    "predict": predict,
    "lock": lock,
    "check": check,
    "compact": compact,
    "doctor": doctor,
    "list": list_options,
    "show": show_option,
    "completion": completion,
    "_complete": complete,
}

_MORE_MEMORY = "Where memory is limited, as by `ulimit -v` or a container, raise the limit or ask for less"

RUN_USER_CODE = (run, plan, export, predict)
"""Commands that always do; `check` does with `--rerun`, `show` where it looks at a suite's data."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if sys.stdout is None:  # closed, as by >&-
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # no output fails for a sign that cannot be shown
    try:
        with as_interruptions():
            arguments = parse(argv, HANDLERS)
            _add_working_folder(arguments)
            return int(arguments.handler(arguments))
    except MtlrunError as error:
        tell(f"mtlrun: {error}")
        return error.exit_code
    except KeyboardInterrupt as stop:
        with contextlib.suppress(OSError):  # of a terminal that has gone
            tell(f"mtlrun: {getattr(stop, 'word', 'interrupted')}{stop}")
        return exit_code(stop)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        discard_output()
        return 0
    except OSError as error:  # of a file that no rule of ours foresaw: the system's words say what is wrong
        place = f"`{error.filename}`: " if error.filename else ""
        return _refused(f"{place}{error.strerror or error}")
    except MemoryError as error:
        return _refused(f"out of memory{_about(error)}; runs that had finished are stored. {_MORE_MEMORY}")
    except RecursionError:
        return _refused("a value is nested too deeply, in the command line or in a file that it reads")
    except ImportError as error:  # of a broken installation, or where memory does not even hold the libraries
        return _refused(f"a package that is needed cannot be loaded{_about(error)}. {_MORE_MEMORY}")


def _refused(message: str) -> int:
    """Tell why nothing more is done, and return the exit code."""
    tell(f"mtlrun: {message}")
    return MtlrunError.exit_code


def _about(error: Exception) -> str:
    """Return what an error says, in one line, behind a colon; "" where it says nothing."""
    said = str(error).strip().partition("\n")[0]
    return f": {said}" if said else ""


def _add_working_folder(arguments: argparse.Namespace) -> None:
    """Let commands that run a user's code import it from the working folder, where nothing else has the name."""
    words = getattr(arguments, "overrides", None) or getattr(arguments, "rerun", False)
    if (arguments.handler in RUN_USER_CODE or words) and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
