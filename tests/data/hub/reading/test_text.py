"""Text as inputs: hashed words, and a sentence model of the true format made here, one layer of random weights."""

import shutil

import numpy as np
import pytest
from support.commands import mtlrun

from mtlrun.config import to_node
from mtlrun.data.hub.huggingface import HuggingFace
from mtlrun.errors import ConfigError
from mtlrun.planning.runs import config_id

datasets = pytest.importorskip("datasets")

TEXTS = ["good film", "bad film", "good soup", "bad soup"] * 15
LABELS = {"good": [t.startswith("good") for t in TEXTS], "about": [t.split()[1] for t in TEXTS]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("text") / "set"
    datasets.Dataset.from_dict({"text": TEXTS, "title": TEXTS[::-1], **LABELS}).save_to_disk(place)
    return str(place)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    library = pytest.importorskip("sentence_transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    raw, place = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("model")
    words = ["[PAD]", "[UNK]", "good", "bad", "film", "soup"]
    tokens = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokens, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(raw)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=8, **sizes)).save_pretrained(raw)
    library.SentenceTransformer(str(raw), device="cpu").save(str(place))
    return place


def suite_of(path, **settings):
    targets = {"good": "good", "about": "about"}
    return HuggingFace(path=path, **{"inputs": "text", "targets": targets, "text": "words", **settings})


def said(suite):
    return "\n".join(map(str, suite.faults()))


def test_words_are_hashed_alike_in_every_row(folder):
    source = suite_of(folder, words=64).load(0).sources[0]
    assert source.inputs.shape == (60, 64) and source.scaling is None
    assert np.allclose((source.inputs**2).mean(1), 1)
    for text in set(TEXTS):
        rows = [r for r, t in enumerate(TEXTS) if t == text]
        assert (source.inputs[rows] == source.inputs[rows[0]]).all()
    assert len(np.unique(source.inputs, axis=0)) == 4


def test_columns_of_text_stand_side_by_side(folder):
    both = suite_of(folder, inputs=["text", "title"], words=32).load(0).sources[0].inputs
    text, title = (
        suite_of(folder, inputs=name, words=32).load(0).sources[0].inputs for name in ("text", "title")
    )
    assert np.array_equal(both, np.hstack([text, title]))


def test_a_missing_text_is_an_empty_one(tmp_path):
    place = tmp_path / "set"
    datasets.Dataset.from_dict({"text": [None, *TEXTS[1:]], **LABELS}).save_to_disk(place)
    assert not suite_of(str(place)).load(0).sources[0].inputs[0].any()


def test_embeddings_are_the_models_own_and_kept(folder, model, monkeypatch):
    import sentence_transformers

    suite = suite_of(folder, text=str(model))
    inputs = suite.load(0).sources[0].inputs
    direct = sentence_transformers.SentenceTransformer(str(model), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(inputs, direct, rtol=1e-5, atol=1e-6)  # batches of other sizes, other kernels
    assert list(datasets.config.HF_DATASETS_CACHE.glob("mtlrun/*.npy"))


def test_a_run_is_the_same_wherever_its_model_lies_and_another_with_other_weights(folder, model, tmp_path):
    from safetensors.numpy import load_file, save_file

    def run_id(**settings):
        return config_id({"suite": to_node(suite_of(folder, **settings).narrowed(["good"]))})

    copy, other = shutil.copytree(model, tmp_path / "copy"), shutil.copytree(model, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    save_file({n: w * 2 for n, w in weights.items()}, other / "model.safetensors", metadata={"format": "pt"})
    assert run_id(text=str(model)) == run_id(text=str(copy)) != run_id(text=str(other))
    assert run_id(words=8) != run_id(words=16)


def test_pickled_weights_are_not_read(folder, model, tmp_path):
    place = shutil.copytree(model, tmp_path / "pickled")
    (place / "model.safetensors").rename(place / "pytorch_model.bin")
    assert "pickled" in said(suite_of(folder, text=str(place)))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"text": None}, "unless suite.text says"),
        ({"text": "no/where"}, "cannot be read"),
        ({"words": 0}, "at least 1"),
        ({"inputs": "good"}, "columns of text"),
        ({"inputs": "txt"}, "columns of text"),
    ],
)
def test_what_is_wrong_is_said(folder, settings, message):
    assert message in said(suite_of(folder, **settings))


def test_a_model_is_refused_where_a_file_is_missing(folder, tmp_path):
    with pytest.raises(ConfigError, match=r"modules\.json"):
        suite_of(folder, text=str(tmp_path)).load(0)


def test_the_command_line_trains_on_text(folder, tmp_path):
    done = mtlrun(
        "run", "suite=huggingface", f"suite.path={folder}", "suite.inputs=text", "suite.text=words", "seeds=2",
        "suite.targets={good: good, about: about}", "budget.epochs=3", "budget.min_steps=1",
        f"store={tmp_path / 'runs'}",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "about" in done.out
