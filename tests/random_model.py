"""Small models with random weights and the characters of a real text: quick to make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np

from model.chat.dialogue import ChatTemplate
from model.config import ModelConfig
from model.folder import Model, save_model
from model.vocabulary import UNKNOWN, Vocabulary

TEXT: str = topics["lambda"] + topics["while"]


def random_model(
    *,
    characters: Iterable[str] = TEXT,
    hidden_size: int = 24,
    num_layers: int = 1,
    embedding_size: int = 0,
    has_unknown: bool = False,
    template: ChatTemplate | None = None,
    training: Mapping[str, Any] | None = None,
    is_list: bool = False,
    spread: float = 1,
    seed: int = 0,
) -> Model:
    """A model whose weights are drawn by `seed`.

    With the usual spread its likeliest text wanders about instead of repeating one character, near
    to chaos: rounding can change that text after a few hundred characters.
    """
    vocabulary = Vocabulary(tuple(sorted({*characters, *([UNKNOWN] * has_unknown)})))
    config = ModelConfig(
        vocabulary, hidden_size, num_layers, embedding_size, template, training or {}, is_list
    )
    rng, shapes = np.random.default_rng(seed), config.parameter_shapes()
    drawn = {name: rng.normal(0, spread, shape) for name, shape in shapes.items()}
    return Model(config, {name: weight.astype(np.float32) for name, weight in drawn.items()})


def saved_model(path: Path, **settings: Any) -> Path:
    """The folder `path`, with a random model in it."""
    save_model(path, random_model(**settings))
    return path
