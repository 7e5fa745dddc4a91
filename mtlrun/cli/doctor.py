"""The command `doctor`: what a bug report needs to say."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mtlrun.cli.arguments import DEFAULT_STORE
from mtlrun.cli.output import say, write_out
from mtlrun.errors import ConfigError, Fault
from mtlrun.text.printable import plain_json


def doctor(arguments: argparse.Namespace) -> int:
    """Print versions, devices, the health of a store, and what would be slow; 1 where files are damaged."""
    from mtlrun.doctor.examination import examine

    folder = Path(arguments.store)
    if arguments.store != DEFAULT_STORE and not folder.exists():
        raise ConfigError([Fault("STORE", "must be a folder that is there", arguments.store)])
    found = examine(folder)
    if arguments.format == "json":
        write_out(plain_json(json.dumps(found.page(), indent=1)))
    else:
        say(str(found))
    return found.exit_code
