"""No regularisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtlrun.regularization.base import Regularization


@dataclass
class NoRegularization(Regularization):
    """No penalty, and nothing else."""

    active: ClassVar[bool] = False
