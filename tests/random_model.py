"""Small models with random weights and the characters of a real text: quick to make."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np

from model.config import ModelConfig
from model.folder import Model, save_model
from model.vocabulary import UNKNOWN, Vocabulary

TEXT: str = topics["lambda"] + topics["while"]


def random_model(
    *,
    hidden_size: int = 24,
    num_layers: int = 1,
    embedding_size: int = 0,
    has_unknown: bool = False,
    training: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Model:
    """A model of `TEXT`'s characters whose weights are drawn by `seed`."""
    characters = sorted(set(TEXT) | ({UNKNOWN} if has_unknown else set()))
    config = ModelConfig(
        Vocabulary(tuple(characters)), hidden_size, num_layers, embedding_size, None, training or {}
    )
    rng = np.random.default_rng(seed)
    # Wide enough that its likeliest text wanders about instead of repeating one character, and
    # near to chaos: rounding can change that text after a few hundred characters.
    weights = {
        name: rng.normal(0, 1, shape).astype(np.float32)
        for name, shape in config.parameter_shapes().items()
    }
    return Model(config, weights)


def saved_model(path: Path, **settings: Any) -> Path:
    """The folder `path`, with a random model in it."""
    save_model(path, random_model(**settings))
    return path
