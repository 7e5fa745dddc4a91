"""No regularisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.regularization.base import Owners, Regularization


@dataclass
class NoRegularization(Regularization):
    """No penalty."""

    active: ClassVar[bool] = False

    def penalty(self, parameters: Mapping[str, Tensor], owners: Owners) -> Tensor:
        return torch.zeros(())
