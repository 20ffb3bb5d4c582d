"""Fine-tuning: a run that starts from a trained model, whose characters may differ from the text's.

The bundled base has read 20 million characters of English. A run starts from it by itself where
that was measured to be better: see docs/experiments.md.

Characters that both know keep what the model has learnt about them: their columns of the first
layer's input (or rows of the embedding), and their rows and biases of the output. The rest of the
network is taken as it is. Knows nothing about torch or how a network learns.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from model.decoder import Decoder
from model.folder import (
    BASE_MODEL,
    CONFIG_FILE,
    WEIGHTS_FILE,
    Model,
    ModelFolderError,
    load_model,
)
from model.hub import HubError, resolve_model
from model.vocabulary import Vocabulary
from training.report.baselines import COUNTED_AT_MOST, ngram_losses
from training.settings import Settings, TrainingError
from training.text.corpus import Corpus

_SIZES = ("hidden_size", "num_layers", "embedding_size")
_RATES = {"muon_lr": 0.02, "adam_lr": 0.01, "weight_decay": 0.5, "adam_weight_decay": 0.0}
_OF_BASE = {"muon_lr": 0.04, "adam_lr": 0.02}  # whose text is farther from the new one
_SHOWN = 30

AUTO, NONE = "auto", "none"
_BASE_NAME = "CharLSTM's base of English"
_LEAST_TEXT = 2_000  # characters to learn
MOST_TEXT = 500_000
"""Characters to learn: up to here, a text gains by starting from a trained model."""

_ASKED = 2_500  # characters that a model is to predict: a second or two


@dataclass(frozen=True)
class Pretrained:
    """A model to start from."""

    name: str  # its Hub id, or the name of its folder, without the path
    sha256: str  # of its file of weights
    model: Model  # itself

    @property
    def source(self) -> dict[str, str]:
        """Which model it is, for config.json."""
        return {"name": self.name, "sha256": self.sha256}

    def fit(self, settings: Settings) -> Settings:
        """The settings with the model's sizes, and learning rates that don't make it forget.

        Raises:
            TrainingError: if other sizes were asked for.
        """
        config = self.model.config
        for flag in _SIZES:
            asked, size = getattr(settings, flag), getattr(config, flag)
            if asked not in (None, size):
                raise TrainingError(
                    f"{flag} can't be {asked}: the model to start from has {size}, so leave it out"
                )
        chosen: dict[str, Any] = {flag: getattr(config, flag) for flag in _SIZES}
        rates = _RATES | (_OF_BASE if self.name == _BASE_NAME else {})
        chosen |= {flag: rate for flag, rate in rates.items() if getattr(settings, flag) is None}
        return replace(settings, **chosen)

    def weights(
        self, vocabulary: Vocabulary, initial: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The model's weights for another vocabulary.

        Args:
            vocabulary: of the new text.
            initial: weights of the same sizes for that vocabulary, from which the characters that
                the model doesn't know take theirs.
        """
        config = self.model.config
        known = [c for c in vocabulary.characters if c in config.vocabulary]
        here = np.array([vocabulary.index(c) for c in known], dtype=np.int64)
        there = np.array([config.vocabulary.index(c) for c in known], dtype=np.int64)
        first = "embedding.weight" if config.embedding_size else "lstm.weight_ih_l0"
        fitted = dict(self.model.weights)
        for name in ("fc.weight", "fc.bias", first):
            fitted[name] = initial[name].copy()
            rows, old = fitted[name], self.model.weights[name]
            if name == "lstm.weight_ih_l0":  # has a column for each character
                rows, old = rows.T, old.T
            rows[here] = old[there]
        return fitted

    def reads(self, corpus: Corpus) -> bool:
        """Whether it knows the language of a text: it predicts it better than a bigram of it does.

        Both are asked about the end of the train part, which the bigram then hasn't counted. The
        base predicts English of any kind better, other languages, code and names far worse.
        """
        end = len(corpus.train) - min(_ASKED, len(corpus.train) // 10)
        known, asked = corpus.train[:end], corpus.train[end:]
        bigram = ngram_losses(known[-COUNTED_AT_MOST:], asked, len(corpus.vocabulary), order=2)[-1]
        text = corpus.vocabulary.decode(asked.tolist())
        indices = self.model.config.vocabulary.encode(text).indices
        return len(indices) > len(text) / 2 and _loss(Decoder(self.model), indices) < bigram

    def overlap(self, vocabulary: Vocabulary) -> str:
        """What the model knows of a text's characters, in one line."""
        theirs = self.model.config.vocabulary
        new = [c for c in vocabulary.characters if c not in theirs]
        unused = len(theirs) + len(new) - len(vocabulary)
        line = (
            f"starts from {self.name}: {len(vocabulary) - len(new):,} of {len(vocabulary):,} "
            f"characters known, {len(new):,} new"
        )
        if new:
            shown = " ".join(c if c.isprintable() and c != " " else ascii(c) for c in new[:_SHOWN])
            line += f": {shown}" + (" ..." if len(new) > _SHOWN else "")
        if unused:
            line += f"; {unused:,} of the model's don't occur in this text and are left out"
        return line


def find_start(settings: Settings, corpus: Corpus) -> Pretrained | None:
    """The model that a run is to start from; None for new weights.

    Raises:
        TrainingError: if the one that was asked for can't be used.
    """
    if settings.init_from == NONE:
        return None
    if settings.init_from != AUTO:
        return load_pretrained(settings.init_from)
    is_asked = any(getattr(settings, size) is not None for size in _SIZES)
    size = len(corpus.train)
    if is_asked or not _LEAST_TEXT <= size <= MOST_TEXT or not (BASE_MODEL / CONFIG_FILE).exists():
        return None
    base = load_pretrained(AUTO)
    return base if base.reads(corpus) else None


def load_pretrained(init_from: str) -> Pretrained:
    """The model that `init_from` names: its folder, a run's folder, a Hub id; "auto": the base.

    Raises:
        TrainingError: if it can't be used.
    """
    name = _BASE_NAME if init_from == AUTO else shown_name(init_from)
    try:
        folder = BASE_MODEL if init_from == AUTO else resolve_model(init_from)
        model = load_model(folder)
        digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    except (ModelFolderError, HubError) as error:
        raise TrainingError(f"the model to start from can't be used: {error}") from error
    return Pretrained(name, digest, model)


def _loss(decoder: Decoder, indices: np.ndarray) -> float:
    """Mean cross-entropy of a text but its first character, in nats per character."""
    state, total = decoder.initial_state(), 0.0
    for index, target in pairwise(indices):
        state = decoder.feed([index], state)
        logits = decoder.logits(state)
        total += float(np.logaddexp.reduce(logits) - logits[target])
    return total / (len(indices) - 1)


def shown_name(init_from: str) -> str:
    """A model's Hub id, or the name of its folder without the path: what may become public."""
    path = Path(init_from)
    return path.resolve().name if path.exists() else init_from
