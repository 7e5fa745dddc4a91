"""Folders of options that installed packages bring along, by the entry point group `mtlrun.options`."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from mtlrun.errors import ConfigError, Fault
from mtlrun.options.docstrings import package_folders

GROUP = "mtlrun.options"


def option_folders() -> list[Path]:
    """Return the folder `conf` of each package that an entry point of `GROUP` names, in the order of their names.

    The packages are found, not imported.

    Raises:
        ConfigError: a named package does not exist or has no such folder.
    """
    faults, found = [], []
    for point in sorted(entry_points(group=GROUP)):
        inside = [Path(folder, "conf") for folder in package_folders(point.value)]
        existing = [folder for folder in inside if folder.is_dir()]
        if existing:
            found.append(existing[0])
        else:
            rule = "must name a package with a folder conf of options; mend or uninstall what announces it"
            faults.append(Fault(f"entry point {GROUP}: {point.name}", rule, point.value))
    if faults:
        raise ConfigError(faults)
    return list(dict.fromkeys(found))
