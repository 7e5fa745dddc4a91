"""Heads: layers, parameters counted by hand, which tasks may have a common one."""

import pytest
import torch
from torch import nn

from mtlrun.data.task import Task
from mtlrun.errors import ConfigError
from mtlrun.heads.identity import IdentityHeads
from mtlrun.heads.linear import LinearHeads
from mtlrun.heads.mlp import MLPHeads
from mtlrun.heads.shared import SharedHead

DIGIT = Task("digit", "multiclass", 10, 0, ("accuracy",))
OTHER_DIGIT = Task("other", "multiclass", 10, 1, ("accuracy",))
PARITY = Task("parity", "binary", 1, 0, ("accuracy",))
LABELS = Task("labels", "multilabel", 10, 0, ("accuracy",))


class Streams:
    """Notes the names of the streams that heads are drawn from."""

    def __init__(self):
        self.names = []

    def __call__(self, name, factory):
        self.names.append(name)
        return factory()


def sizes(head_set):
    return {name: tuple(p.shape) for name, p in head_set.named_parameters()}


def test_linear_heads():
    streams = Streams()
    heads = LinearHeads().build(6, [DIGIT, PARITY], streams)
    assert streams.names == ["head/digit", "head/parity"]
    assert list(sizes(heads).values()) == [(10, 6), (10,), (1, 6), (1,)]
    assert [heads.owner(name) for name in sizes(heads)] == [0, 0, 1, 1]
    assert list(sizes(LinearHeads(bias=False).build(6, [DIGIT], Streams())).values()) == [(10, 6)]


def test_each_head_reads_its_own_tasks_features():
    heads = LinearHeads().build(6, [DIGIT, PARITY], Streams())
    features = [torch.randn(4, 6), torch.randn(4, 6)]
    digit, parity = heads(features)
    torch.testing.assert_close(digit, heads.tasks[0](features[0]))
    torch.testing.assert_close(parity, heads.tasks[1](features[1]))


def test_deeper_heads():
    heads = MLPHeads(width=5, depth=2).build(6, [DIGIT, PARITY], Streams())
    body = [(5, 6), (5,), (5, 5), (5,)]
    assert list(sizes(heads).values()) == [*body, (10, 5), (10,), *body, (1, 5), (1,)]
    assert [heads.owner(name) for name in sizes(heads)] == [0] * 6 + [1] * 6
    # 6 * 5 + 5 = 35, 5 * 5 + 5 = 30, heads of 60 and 6
    assert sum(p.numel() for p in heads.parameters()) == 2 * (35 + 30) + 60 + 6
    assert sum(isinstance(m, nn.ReLU) for m in heads.modules()) == 4
    assert not isinstance(heads.tasks[0][-1], nn.ReLU)


def test_a_common_head():
    streams = Streams()
    heads = SharedHead().build(6, [DIGIT, OTHER_DIGIT], streams)
    assert streams.names == ["head/shared"]
    assert sizes(heads) == {"head.weight": (10, 6), "head.bias": (10,)}
    assert [heads.owner(name) for name in sizes(heads)] == [None, None]
    same = torch.randn(4, 6)
    first, second = heads([same, same])
    assert torch.equal(first, second)
    assert SharedHead().build(6, [DIGIT], Streams()).owner("head.weight") == 0


@pytest.mark.parametrize("tasks", ([DIGIT, PARITY], [DIGIT, LABELS]))
def test_a_common_head_needs_tasks_of_one_kind_and_size(tasks):
    with pytest.raises(
        ConfigError, match="same kind and outputs, found 'digit: multiclass with 10 outputs, "
    ):
        SharedHead().build(6, tasks, Streams())


def test_without_heads_the_first_features_are_the_outputs():
    streams = Streams()
    heads = IdentityHeads().build(12, [DIGIT, PARITY], streams)
    assert (streams.names, sizes(heads)) == ([], {})
    features = [torch.randn(4, 12), torch.randn(4, 12)]
    digit, parity = heads(features)
    assert torch.equal(digit, features[0][:, :10])
    assert torch.equal(parity, features[1][:, :1])
    with pytest.raises(ConfigError, match="needs features for the 10 outputs of task `digit`, found 9"):
        IdentityHeads().build(9, [DIGIT, PARITY], Streams())


def test_faults():
    assert [f.key for f in MLPHeads(width=0, depth=0).faults()] == ["width", "depth"]
    assert not list(MLPHeads().faults())
