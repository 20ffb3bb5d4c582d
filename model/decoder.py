"""Decoder: the trained network in numpy, packed for one step at a time.

Knows nothing about text or sampling, and needs no torch. "Packed": the first layer's input product
is a row lookup in a table (embedding x weight_ih + both biases), biases are merged, and
sigmoid(x) = tanh(x / 2) / 2 + 1/2 lets one tanh serve all four gates. Equations as in
torch.nn.LSTM: i, f, o = sigmoid, g = tanh; c' = f c + i g; h' = o tanh(c').
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.folder import Model


@dataclass(frozen=True)
class State:
    """Hidden and cell states, each of shape `(layers, hidden)`, float32; treated as immutable."""

    h: np.ndarray
    c: np.ndarray


class Decoder:
    """A model, ready to be stepped. Holds no conversation: safe to share among threads."""

    def __init__(self, model: Model) -> None:
        config, weights = model.config, model.weights
        self.hidden_size = config.hidden_size
        self.num_layers = config.num_layers
        self.vocab_size = config.vocab_size
        hidden = self.hidden_size
        # PyTorch stacks the gates i, f, g, o. We put g last, so that the three sigmoids lie side
        # by side, and halve their rows once here instead of their arguments at every step.
        order = np.concatenate(
            [np.arange(start * hidden, (start + 1) * hidden) for start in (0, 1, 3, 2)]
        )
        scale = np.concatenate([np.full(3 * hidden, 0.5), np.ones(hidden)]).astype(np.float32)

        def packed(name: str) -> np.ndarray:
            weight = weights[name][order]
            factor = scale[:, None] if weight.ndim == 2 else scale
            return np.asarray(weight * factor)

        self._recurrent: list[np.ndarray] = []
        self._inputs: list[np.ndarray] = []
        self._biases: list[np.ndarray] = []
        for layer in range(self.num_layers):
            bias = packed(f"lstm.bias_ih_l{layer}") + packed(f"lstm.bias_hh_l{layer}")
            from_input = packed(f"lstm.weight_ih_l{layer}").T  # (input, 4 hidden)
            recurrent = packed(f"lstm.weight_hh_l{layer}").T  # (hidden, 4 hidden)
            self._recurrent.append(np.ascontiguousarray(recurrent))
            if layer == 0:
                if config.embedding_size:
                    from_input = weights["embedding.weight"] @ from_input
                self._table = np.ascontiguousarray(from_input + bias)  # (vocab, 4 hidden)
            else:
                self._inputs.append(np.ascontiguousarray(from_input))
                self._biases.append(bias)
        self._output = np.ascontiguousarray(weights["fc.weight"].T)  # (hidden, vocab)
        self._output_bias = weights["fc.bias"]

    def initial_state(self) -> State:
        """The state before any character: zeros."""
        shape = (self.num_layers, self.hidden_size)
        return State(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    def feed(self, indices: Sequence[int] | np.ndarray, state: State) -> State:
        """The state after these indices of shape `(time,)`; no logits are computed (prefill)."""
        hidden = self.hidden_size
        h, c = state.h.copy(), state.c.copy()
        for index in indices:
            for layer in range(self.num_layers):
                gates = h[layer] @ self._recurrent[layer]
                if layer == 0:
                    gates += self._table[index]
                else:
                    gates += h[layer - 1] @ self._inputs[layer - 1]
                    gates += self._biases[layer - 1]
                np.tanh(gates, out=gates)
                sigmoids = gates[: 3 * hidden]
                sigmoids *= 0.5
                sigmoids += 0.5
                cell = c[layer]
                cell *= sigmoids[hidden : 2 * hidden]
                cell += sigmoids[:hidden] * gates[3 * hidden :]
                np.tanh(cell, out=h[layer])
                h[layer] *= sigmoids[2 * hidden :]
        return State(h, c)

    def logits(self, state: State) -> np.ndarray:
        """Logits of the next character, shape `(vocab,)`, float32."""
        return np.asarray(state.h[-1] @ self._output + self._output_bias)
