"""No heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mtlrun.data.task import Task
from mtlrun.errors import ConfigError, Fault
from mtlrun.heads.base import Heads, HeadSet, InitModule
from mtlrun.theory.linear import HeadForm


class NoHeads(HeadSet):
    """Gives each task the first of its features as its outputs."""

    any_leading_axes = True

    def __init__(self, outputs: Sequence[int]) -> None:
        super().__init__()
        self.outputs = tuple(outputs)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        return [z[..., :outputs] for outputs, z in zip(self.outputs, features, strict=True)]

    def owner(self, name: str) -> int | None:
        return None  # of no parameter


@dataclass
class IdentityHeads(Heads):
    """No heads: the first features of the encoder are a task's outputs, and further features feed no task.

    With `sharing=hard` and tasks of equal outputs all tasks have one predictor, as with `heads=shared`. The encoder
    is the whole network: `model=linear model.width=1` then is one linear regression on the pooled tasks.
    """

    @property
    def linear_form(self) -> HeadForm | None:
        return "none"

    def build(self, features: int, tasks: Sequence[Task], init: InitModule) -> HeadSet:
        most = max(tasks, key=lambda task: task.outputs)
        if features < most.outputs:
            rule = f"`identity` needs features for the {most.outputs} outputs of task `{most.name}`"
            raise ConfigError([Fault("heads", rule, features)])
        return NoHeads([task.outputs for task in tasks])
