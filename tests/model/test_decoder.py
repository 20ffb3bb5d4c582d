"""Decoder: the numpy steps are torch's LSTM, and the equations written out."""

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


def decoded(model: Model, indices: np.ndarray) -> np.ndarray:
    """Logits after each index, shape `(time, vocab)`."""
    decoder = Decoder(model)
    state = decoder.initial_state()
    logits = []
    for index in indices:
        state = decoder.feed((index,), state)
        logits.append(decoder.logits(state))
    return np.array(logits)


@pytest.mark.parametrize("name", MODELS)
def test_the_decoder_agrees_with_torch_over_1000_characters(name: str) -> None:
    model = MODELS[name]()
    indices = model.config.vocabulary.encode(TEXT[:1200]).indices[:1000]
    assert len(indices) == 1000
    network = CharLSTM.from_config(model.config).eval()
    network.load_state_dict({name: torch.from_numpy(w) for name, w in model.weights.items()})
    with torch.no_grad():
        expected = network(torch.from_numpy(indices)[None])[0][0].numpy()
    assert np.abs(decoded(model, indices) - expected).max() < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_the_decoder_agrees_with_the_equations_written_out_gate_by_gate(name: str) -> None:
    model = MODELS[name]()
    w = {name: weight.astype(np.float64) for name, weight in model.weights.items()}
    indices = model.config.vocabulary.encode(TEXT[:400]).indices[:300]
    hidden = model.config.hidden_size
    h = np.zeros((model.config.num_layers, hidden))
    c = np.zeros((model.config.num_layers, hidden))

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-x)))

    expected = []
    for index in indices:
        x = np.eye(model.config.vocab_size)[index]
        if "embedding.weight" in w:
            x = w["embedding.weight"][index]
        for k in range(model.config.num_layers):
            a = w[f"lstm.weight_ih_l{k}"] @ x + w[f"lstm.bias_ih_l{k}"]
            a = a + w[f"lstm.weight_hh_l{k}"] @ h[k] + w[f"lstm.bias_hh_l{k}"]
            input_gate = sigmoid(a[:hidden])
            forget_gate = sigmoid(a[hidden : 2 * hidden])
            candidate = np.tanh(a[2 * hidden : 3 * hidden])
            output_gate = sigmoid(a[3 * hidden :])
            c[k] = forget_gate * c[k] + input_gate * candidate
            h[k] = output_gate * np.tanh(c[k])
            x = h[k]
        expected.append(w["fc.weight"] @ x + w["fc.bias"])
    assert np.abs(decoded(model, indices) - np.array(expected)).max() < 1e-4


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
