"""Columns of text as inputs: words counted, or sentence embeddings, computed once.

Shape letters: N rows, F features.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mtlrun.data.hub.reading.array_cache import kept_array
from mtlrun.data.hub.reading.origin import Origin, column, column_digest, features
from mtlrun.data.splits import read_only
from mtlrun.errors import ConfigError, Fault

WORDS = "words"
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


class Text(NamedTuple):
    """How text becomes numbers.

    Attributes:
        by: `words`, or a sentence model: a folder, or a name on the Hub as owner/name.
        words: features that words are hashed into.
    """

    by: str
    words: int


def is_text(feature: Any) -> bool:
    """Say whether a column holds text."""
    return getattr(feature, "_type", "") == "Value" and "string" in str(feature.dtype)


@cache
def text_features(origin: Origin, names: tuple[str, ...], text: Text) -> np.ndarray:
    """Return the features of columns of text, float32 (N, F), those of several side by side; a missing text is empty.

    Words and pairs of words are hashed into signed counts (Weinberger, Dasgupta, Langford, Smola and Attenberg,
    Feature Hashing for Large Scale Multitask Learning, ICML 2009), each row scaled to a mean square of 1. Nothing is
    fitted, so nothing is learned from test rows. A sentence model is read from safetensors, runs no code of its own,
    and its embeddings are kept on disk.

    Raises:
        ConfigError: a column is none of text, or the model cannot be read.
    """
    known = features(origin)
    for name in names:
        if name not in known or not is_text(known[name]):
            choices = tuple(n for n, feature in known.items() if is_text(feature))
            raise ConfigError(
                [Fault("inputs", "must name columns of text where suite.text is set", name, choices)]
            )
    return read_only(np.concatenate([_features(origin, name, text) for name in names], axis=1))


def text_digest(text: Text) -> str:
    """Return what tells how text is read: the same wherever a model lies.

    Raises:
        ConfigError: the model is not there.
    """
    return f"{WORDS} {text.words}" if text.by == WORDS else _model_digest(text.by)


def _features(origin: Origin, name: str, text: Text) -> np.ndarray:
    values = [value or "" for value in column(origin, name).to_pylist()]
    if text.by == WORDS:
        return _hashed(values, text.words)
    return kept_array(
        [column_digest(origin, name), _model_digest(text.by)], lambda: _embedded(values, text.by)
    )


def _hashed(values: list[str], words: int) -> np.ndarray:
    from sklearn.feature_extraction.text import HashingVectorizer

    counts = HashingVectorizer(n_features=words, ngram_range=(1, 2), dtype=np.float32).transform(values)
    return counts.toarray() * np.float32(words**0.5)


def _embedded(values: list[str], model: str) -> np.ndarray:
    try:
        encoder = _library().SentenceTransformer(
            str(_folder(model)),
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
        found = encoder.encode(values, show_progress_bar=sys.stderr.isatty())
    except (OSError, ValueError, LookupError, RuntimeError) as error:
        raise _unreadable(model, error) from error
    return np.asarray(found, dtype=np.float32)


@cache
def _folder(model: str) -> Path:
    """Return where a model lies on disk, fetched from the Hub where it has to be.

    Raises:
        ConfigError: it is not there, or holds pickled weights.
    """
    folder = Path(os.path.expanduser(model))
    if not os.path.isdir(folder):
        _library()
        from huggingface_hub import snapshot_download

        try:
            wanted = ["*.json", "*.txt", "*.safetensors", "*.model"]
            folder = Path(snapshot_download(model, allow_patterns=wanted))
        except (OSError, ValueError) as error:
            raise _unreadable(model, error) from error
    if not (folder / "modules.json").is_file():
        raise _unreadable(model, ValueError("no file modules.json, which a sentence model has"))
    for file in sorted(folder.rglob("*")):
        if file.suffix in PICKLED and not any(file.parent.glob("*.safetensors")):
            raise _unreadable(model, ValueError(f"{file.name} is pickled, and only safetensors are read"))
    return folder


@cache
def _model_digest(model: str) -> str:
    digest = hashlib.sha256()
    folder = _folder(model)
    for file in sorted(
        f for f in folder.rglob("*") if f.suffix in (".json", ".txt", ".safetensors", ".model")
    ):
        digest.update(f"{file.relative_to(folder).as_posix()} {file.stat().st_size}\n".encode())
        with file.open("rb") as opened:
            while piece := opened.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()[:16]


def _library() -> Any:
    try:
        import sentence_transformers
    except ImportError as error:
        rule = f"needs the library `sentence-transformers`: pip install 'mtlrun[text]' ({error})"
        raise ConfigError([Fault("text", rule)]) from error
    return sentence_transformers


def _unreadable(model: str, error: BaseException) -> ConfigError:
    said = str(error).strip().partition("\n")[0] or type(error).__name__
    rule = (
        f"must be `{WORDS}` or a sentence model, a folder or a name on the Hub; this cannot be read: {said}"
    )
    return ConfigError([Fault("text", rule, model)])
