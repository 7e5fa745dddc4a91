"""Linear heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn

from mtlrun.data.task import Task
from mtlrun.heads.base import Heads, HeadSet, InitModule, PrivateHeads
from mtlrun.theory.linear import HeadForm


@dataclass
class LinearHeads(Heads):
    """One linear layer per task on top of the features: the usual heads of hard parameter sharing.

    Args:
        bias: whether heads have a bias.
    """

    bias: bool = True

    @property
    def linear_form(self) -> HeadForm | None:
        return None if self.bias else "private"

    def build(self, features: int, tasks: Sequence[Task], init: InitModule) -> HeadSet:
        return PrivateHeads(
            [init(f"head/{t.name}", partial(nn.Linear, features, t.outputs, bias=self.bias)) for t in tasks]
        )
