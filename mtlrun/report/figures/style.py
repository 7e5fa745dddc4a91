"""How pictures look: the package's style and the user's after it, colours, dashes and markers."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtlrun.errors import ConfigError, Fault

STYLE = Path(__file__).with_name("mtlrun.mplstyle")
INK, FAINT, PALE, HARM = "#23201d", "#77716a", "#d9d5ce", "#fbe7e1"
LOSS, GAIN, SAME = "#c8401e", "#00795c", "#0067a5"
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@contextmanager
def styled(style: str | None = None) -> Iterator[None]:
    """Use the style of the package, and after it the user's; nothing of their matplotlibrc.

    Args:
        style: a file, or the name of a style that matplotlib has.

    Raises:
        ConfigError: neither is there, or the file is no style.
    """
    from matplotlib import style as styles

    own: list[Any] = []
    if style in styles.available:
        own = [style]
    elif style is not None:
        own = [_style_file(style, [name for name in styles.available if not name.startswith("_")])]
    with styles.context(["default", str(STYLE), *own]):
        yield


def _style_file(path: str, names: Sequence[str]) -> Any:
    """Return the settings of a style file. What matplotlib only warns of, as unknown keys, is refused."""
    from matplotlib import rc_params_from_file

    if not os.path.isfile(path):
        raise ConfigError([Fault("--style", "must be a file, or a style of matplotlib", path, names)])
    log, told = logging.getLogger("matplotlib"), _Told()
    log.addHandler(told)
    spread, log.propagate = log.propagate, False
    try:
        found: Any = rc_params_from_file(path, use_default_template=False)
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigError([f"`--style` {path} cannot be read as text: {error}"]) from error
    finally:
        log.removeHandler(told)
        log.propagate = spread
    if told.lines:
        raise ConfigError([f"`--style`: {line}" for line in told.lines])
    return found


class _Told(logging.Handler):
    """Keeps the first line of each warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().strip().splitlines()[0])


def colours() -> list[str]:
    """Return the colours of things that stand side by side, of the style in use."""
    from matplotlib import rcParams
    from matplotlib.colors import to_hex

    cycle: Mapping[str, list[Any]] = rcParams["axes.prop_cycle"].by_key()
    return [to_hex(colour) for colour in cycle.get("color", [INK])]


def looks(count: int) -> list[dict[str, Any]]:
    """Return colour, dash and marker for each of several lines; no two are alike."""
    cycle = colours()
    return [
        {
            "color": cycle[place % len(cycle)],
            "linestyle": DASHES[place // len(cycle) % len(DASHES)],
            "marker": MARKERS[(place + place // len(cycle)) % len(MARKERS)],
        }
        for place in range(count)
    ]
