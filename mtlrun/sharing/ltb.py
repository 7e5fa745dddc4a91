"""Learned branching.

Shape letters: R lanes, T tasks, B batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mtlrun.errors import Fault
from mtlrun.sharing.base import Body, MakeEncoder, Sharing
from mtlrun.sharing.drawn import Drawn
from mtlrun.sharing.experts import make_experts
from mtlrun.sharing.mixing import mix
from mtlrun.sharing.towers import MixedTowers


@dataclass
class LTB(Sharing):
    """LTB: a tree of blocks that is learned; each layer has a block per task, and each block picks its parent.

    Child j of a layer reads sum_i d_ij h_i, h_i the blocks before it, d_j = softmax((theta_j + g) / tau): a relaxed
    draw of one parent with probabilities softmax(theta_j). The g are Gumbel, -log(-log u), of the run's own
    streams, new in every step and the same for all examples. tau falls geometrically from `hot` to `cold` over the
    first part of the steps, the `search`. From then on, and in every evaluation, d_j is the most probable parent
    alone: the tree is fixed, but for what momentum still moves, and its weights train on. The first layer reads the
    input; the heads are the last children, so trees go from sharing=hard to sharing=separate.

    Blocks and their choices are shared; a task's own are its head and the head's choice. In the fixed tree a task
    gives no gradient to what it does not reach. Choices begin even, the first block of each layer with the baseline's
    weights and the others with weights of their own: in training every task begins with a blend. The run's
    optimizer trains choices as it does weights (the paper has rates for each, and trains the weights alone at
    first). Where tasks have inputs of their own, every input goes through all blocks.

    Cost: a pass through each of T encoders.
    Source: Guo, Lee and Ulbricht, Learning to Branch for Multi-Task Learning, ICML 2020, section 3; Gumbel-softmax:
    Jang, Gu and Poole, Categorical Reparameterization with Gumbel-Softmax, ICLR 2017.

    Args:
        hot: temperature at the first step, above 0.
        cold: temperature at the end of the search, above 0 and at most `hot`.
        search: part of the steps in which parents are drawn, above 0 and at most 1.
    """

    hot: float = 5.0
    cold: float = 0.2
    search: float = 0.5

    def faults(self) -> Iterator[Fault]:
        if self.hot <= 0:
            yield Fault("hot", "must be above 0", self.hot)
        elif not 0 < self.cold <= self.hot:
            yield Fault("cold", f"must be above 0 and at most hot, {self.hot}", self.cold)
        if not 0 < self.search <= 1:
            yield Fault("search", "must be above 0 and at most 1", self.search)

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        def choice(layer: int, child: int) -> Choice:
            return Choice(f"choice/{layer}/{child}", len(sources), self.hot, self.cold, self.search)

        return MixedTowers(make_experts(make_encoder, len(sources)), sources, choice)


class Choice(Drawn):
    """A child's choice among the blocks before it.

    Args:
        name: of the stream of its draws.
        parents: how many blocks.
        hot: temperature at the first step.
        cold: temperature at the end of the search.
        end: of the search, as a part of the steps.
    """

    def __init__(self, name: str, parents: int, hot: float, cold: float, end: float) -> None:
        super().__init__(name, (parents,))
        self.hot, self.cold, self.end = hot, cold, end
        self.logits = nn.Parameter(torch.zeros(parents))

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Return what the child reads, (B, ...), of the outputs of the blocks before it."""
        return mix(parts, self.weights())

    def weights(self) -> Tensor:
        """Return how much of each parent the child reads, (parents,)."""
        places = torch.arange(*self.shape, device=self.logits.device)
        fixed = (places == self.logits.argmax(-1, keepdim=True)).to(self.logits.dtype)
        if not self.held:
            return fixed
        draw, progress = self.held[0], self.held[1].unsqueeze(-1)
        gumbel = -(-draw.clamp(min=torch.finfo(draw.dtype).tiny).log()).log()
        temperature = self.hot * (self.cold / self.hot) ** (progress / self.end).clamp(max=1)
        relaxed = ((self.logits + gumbel) / temperature).softmax(-1)
        return torch.where(progress < self.end, relaxed, fixed)
