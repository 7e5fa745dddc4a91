"""One head for all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from mtlrun.data.task import Task
from mtlrun.errors import ConfigError, Fault
from mtlrun.heads.base import Heads, HeadSet, InitModule
from mtlrun.theory.linear import HeadForm


class CommonHead(HeadSet):
    """One head that every task uses."""

    any_leading_axes = True

    def __init__(self, head: nn.Module, tasks: int) -> None:
        super().__init__()
        self.head = head
        self.tasks = tasks

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        return [self.head(z) for z in features]

    def owner(self, name: str) -> int | None:
        return 0 if self.tasks == 1 else None


@dataclass
class SharedHead(Heads):
    """One common linear head, for tasks that predict the same thing from different inputs.

    With `sharing=hard` nothing is private: the tasks are one pooled problem.

    Args:
        bias: whether the head has a bias.
    """

    bias: bool = True

    @property
    def linear_form(self) -> HeadForm | None:
        return None if self.bias else "common"

    def build(self, features: int, tasks: Sequence[Task], init: InitModule) -> HeadSet:
        kinds = {(t.kind, t.outputs) for t in tasks}
        if len(kinds) > 1:
            found = ", ".join(f"{t.name}: {t.kind} with {t.outputs} outputs" for t in tasks)
            raise ConfigError([Fault("heads", "`shared` needs tasks with the same kind and outputs", found)])
        head = init("head/shared", lambda: nn.Linear(features, tasks[0].outputs, bias=self.bias))
        return CommonHead(head, len(tasks))
