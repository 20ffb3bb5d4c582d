"""Decoder: its numpy steps compute what nn.LSTM does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from model.char_lstm import CharLSTM
from model.decoder import Decoder
from model.folder import BUNDLED_MODEL, Model, load_model
from tests.random_model import random_model
from tests.reference import TEXT


def calm(model: Model) -> Model:
    """The model with small weights: wild ones are chaotic, and blow rounding errors up."""
    return replace(model, weights={name: 0.3 * weight for name, weight in model.weights.items()})


MODELS: dict[str, Callable[[], Model]] = {
    "the bundled model": lambda: load_model(BUNDLED_MODEL),
    "two layers": lambda: calm(random_model(hidden_size=48, num_layers=2)),
    "an embedding": lambda: calm(random_model(hidden_size=48, num_layers=2, embedding_size=16)),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_decoder_agrees_with_torch_over_1000_characters(name: str) -> None:
    model = MODELS[name]()
    indices = model.config.vocabulary.encode(TEXT[:1200]).indices[:1000]
    assert len(indices) == 1000
    network = CharLSTM.from_config(model.config).eval()
    network.load_state_dict({name: torch.from_numpy(w) for name, w in model.weights.items()})
    with torch.no_grad():
        expected = network(torch.from_numpy(indices)[None])[0][0].numpy()
    decoder = Decoder(model)
    state = decoder.initial_state()
    for index, logits in zip(indices, expected, strict=True):
        state = decoder.feed((index,), state)
        assert np.abs(decoder.logits(state) - logits).max() < 1e-4


def test_feeding_at_once_is_feeding_one_by_one_and_leaves_the_old_state_alone() -> None:
    decoder = Decoder(random_model(num_layers=2))
    start = decoder.initial_state()
    at_once = decoder.feed([1, 2, 3], start)
    one_by_one = start
    for index in (1, 2, 3):
        one_by_one = decoder.feed((index,), one_by_one)
    np.testing.assert_array_equal(at_once.h, one_by_one.h)
    np.testing.assert_array_equal(at_once.c, one_by_one.c)
    assert not start.h.any()
