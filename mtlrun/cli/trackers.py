"""`mtlrun list tracker` and `mtlrun show tracker=...`: trackers are settings of a study, and no config group."""

from __future__ import annotations

import json

from mtlrun.cli.output import write_out
from mtlrun.errors import ConfigError, Fault

TRACKER, TRACKER_OPTIONS = "tracker", "tracker_options"


def list_trackers() -> None:
    """Print the trackers, each with a line on it."""
    from mtlrun.catalog import describe_setting, settings_named

    for name in settings_named(TRACKER_OPTIONS):
        write_out(f"{name:20} {describe_setting(TRACKER_OPTIONS, name).summary}")


def show_tracker(name: str) -> None:
    """Print what a tracker writes, and its settings.

    Raises:
        ConfigError: there is no such tracker.
    """
    from mtlrun.catalog import describe_setting, settings_named

    known = settings_named(TRACKER_OPTIONS)
    if name not in known:
        raise ConfigError([Fault(TRACKER, "must be a tracker, as tracker=mlflow", name or None, known)])
    page = describe_setting(TRACKER_OPTIONS, name)
    write_out(
        f"{TRACKER}={name}  ({page.target})\n\n{page.module_docstring.strip()}\n\n{page.docstring.strip()}\n"
    )
    for setting in page.settings:
        comment = f"  # {setting.comment}" if setting.comment else ""
        write_out(f"  {TRACKER_OPTIONS}.{name}.{setting.key}={json.dumps(setting.value)}{comment}")
