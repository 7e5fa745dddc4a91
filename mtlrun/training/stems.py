"""What the sources of a suite ask of a network below its body: first layers of their own, and embeddings."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from torch import nn

from mtlrun.data.task import SourceInfo, SuiteInfo
from mtlrun.errors import ConfigError, Fault
from mtlrun.models.stem import stem
from mtlrun.sharing.base import MakeEncoder


def body_inputs(sources: Sequence[SourceInfo]) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return the shape of one example where the body takes it, and which embeddings the encoders begin with.

    Raises:
        ConfigError: sources differ.
    """
    found = {(s.input_shape, s.embedded) if s.stem is None else ((s.stem,), ()) for s in sources}
    if len(found) > 1 or len({s.stem is None for s in sources}) > 1:
        shapes = sorted({shape for shape, _ in found})
        raise ConfigError([Fault("suite", "must have inputs of one shape", shapes)])
    return found.pop()


def stems_of(info: SuiteInfo, make: MakeEncoder) -> tuple[list[nn.Module], list[int | None]]:
    """Return the first layers of sources that have one, and for each the task that alone reads the source."""
    stems, readers = [], []
    for place, source in enumerate(info.sources):
        if source.stem is not None:
            build_stem = functools.partial(stem, source.input_shape[0], source.stem, source.embedded)
            stems.append(make.module(f"stem/{source.name}", build_stem))
            tasks = [number for number, task in enumerate(info.tasks) if task.source == place]
            readers.append(tasks[0] if len(tasks) == 1 else None)
    return stems, readers
