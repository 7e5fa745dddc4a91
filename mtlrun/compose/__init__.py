"""Hydra at the edge: from overrides to jobs. No other package of mtlrun imports Hydra or OmegaConf.

- `jobs_of`: every job of a command, launching nothing.
- `multirun`: the same jobs in the batches of Hydra's sweeper.
- `override_text`: a Python value as an override.
"""

from mtlrun.compose.jobs import jobs_of, multirun
from mtlrun.compose.override_text import override_text

__all__ = ["jobs_of", "multirun", "override_text"]
