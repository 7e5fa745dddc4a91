"""First layers of sources: embeddings of categories, and stems."""

import torch
from torch import nn

from mtlrun.models.mlp import MLP
from mtlrun.models.stem import Embeddings, embedding_encoder, stem


def test_an_embedding_takes_the_row_of_its_category():
    torch.manual_seed(0)
    layer = Embeddings(6, [(3, 2), (2, 1)])
    assert layer.features == 1 + 2 + 1
    x = torch.tensor(
        [[0.5, 0, 1, 0, 1, 0], [2.0, 0, 0, 0, 0, 1]]
    )  # the second has no known category of the first
    expected = torch.stack(
        [
            torch.cat([torch.tensor([0.5]), layer.tables[0].weight[:, 1], layer.tables[1].weight[:, 0]]),
            torch.cat([torch.tensor([2.0]), torch.zeros(2), layer.tables[1].weight[:, 1]]),
        ]
    )
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer(x.expand(4, 2, 6)), expected.expand(4, 2, 4))


def test_an_encoder_begins_with_embeddings_in_its_first_block():
    encoder = embedding_encoder(MLP(width=5, depth=2), 6, [(3, 2), (2, 1)])
    assert len(encoder) == 2 and encoder.features == 5
    assert isinstance(encoder[0][0], Embeddings)
    assert encoder(torch.zeros(3, 6)).shape == (3, 5)


def test_a_stem_is_linear():
    layer = stem(6, 4, [(2, 1)])
    assert layer(torch.zeros(3, 6)).shape == (3, 4)
    x, y = torch.randn(2, 3, 6)
    torch.testing.assert_close(layer(x + y) + layer(0 * x), layer(x) + layer(y))
    assert [type(part) for part in stem(6, 4, [])] == [nn.Linear]
