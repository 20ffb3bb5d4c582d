"""CharLSTM: the network as a torch module, for training only.

The seed's model grown up: `CharLSTM(vocab_size, hidden_size)` is nn.LSTM(batch_first=True) followed
by nn.Linear, with logits at every time step and PyTorch's own initialisation. Dropout draws one
mask for all steps of a chunk ("variational", Gal & Ghahramani 2016; AWD-LSTM's LockedDropout).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from model.config import ModelConfig

LSTMState = tuple[Tensor, Tensor]
"""Hidden and cell states, each of shape `(layers, batch, hidden)`."""

Part = tuple[int, int]
"""(k, n) for the k-th, from 0, of n equal parts of a batch."""


class CharLSTM(nn.Module):
    """A character-level LSTM language model.

    Args:
        vocab_size: number of characters.
        hidden_size: width of every layer.
        num_layers: number of stacked LSTM layers.
        embedding_size: width of a learned embedding; 0 for one-hot input.
        dropout: probability of dropping an output of a layer, in training mode.
        input_dropout: the same for the first layer's input.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        embedding_size: int = 0,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.embedding = nn.Embedding(vocab_size, embedding_size) if embedding_size else None
        self.lstm = nn.LSTM(embedding_size or vocab_size, hidden_size, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, vocab_size)

    @classmethod
    def from_config(
        cls, config: ModelConfig, *, dropout: float = 0.0, input_dropout: float = 0.0
    ) -> CharLSTM:
        """A network of the config's sizes, with PyTorch's initialisation."""
        return cls(
            config.vocab_size,
            config.hidden_size,
            config.num_layers,
            embedding_size=config.embedding_size,
            dropout=dropout,
            input_dropout=input_dropout,
        )

    @classmethod
    def from_weights(cls, config: ModelConfig, weights: Mapping[str, Tensor]) -> CharLSTM:
        """A trained network, in evaluation mode; it keeps these very tensors."""
        with torch.device("meta"):  # draws no numbers for weights that are replaced at once
            network = cls.from_config(config)
        network.load_state_dict(weights, assign=True)
        return network.eval().requires_grad_(False)

    def forward(
        self,
        inputs: Tensor,
        state: LSTMState | None = None,
        generator: torch.Generator | None = None,
        part: Part = (0, 1),
    ) -> tuple[Tensor, LSTMState]:
        """Logits for the next character at every step.

        Args:
            inputs: indices `(batch, time)`, or one-hot floats `(batch, time, vocab)`.
            state: what an earlier call returned, to go on from there; None for zeros.
            generator: source of the dropout masks; None for torch's global one.
            part: of the batch whose masks are drawn; its rows get what they get in the whole.

        Returns:
            Logits of shape `(batch, time, vocab)`, and the state after the last step.
        """
        x = self._embed(inputs)  # (B, T, input)
        if state is None:
            shape = (self.lstm.num_layers, x.shape[0], self.lstm.hidden_size)
            state = (x.new_zeros(shape), x.new_zeros(shape))
        hidden: list[Tensor] = []
        cell: list[Tensor] = []
        dropout = self.input_dropout
        # Layer by layer: nn.LSTM's own dropout draws a mask for every step, from the global source.
        for layer, (weight_ih, *others) in enumerate(self.lstm.all_weights):
            x = _even(self._drop(x, dropout, generator, part))
            weights = [_even(weight_ih), *others]
            start = (state[0][layer : layer + 1], state[1][layer : layer + 1])
            x, h, c = torch.lstm(x, start, weights, True, 1, 0.0, self.training, False, True)
            hidden.append(h)
            cell.append(c)
            dropout = self.dropout
        x = self._drop(x, dropout, generator, part)  # (B, T, hidden)
        return self.fc(x), (torch.cat(hidden), torch.cat(cell))

    def _embed(self, inputs: Tensor) -> Tensor:
        if inputs.is_floating_point():
            return inputs if self.embedding is None else inputs @ self.embedding.weight
        if self.embedding is None:
            return nn.functional.one_hot(inputs, self.vocab_size).to(self.fc.weight.dtype)
        embedded: Tensor = self.embedding(inputs)
        return embedded

    def _drop(
        self, x: Tensor, probability: float, generator: torch.Generator | None, part: Part
    ) -> Tensor:
        if not self.training or probability == 0:
            return x
        rows, (number, parts) = x.shape[0], part
        shape = (parts * rows, 1, x.shape[2])  # one mask for all steps
        device = x.device if generator is None else generator.device
        kept = torch.rand(shape, generator=generator, device=device) >= probability
        mask = kept[number * rows : (number + 1) * rows] / (1 - probability)
        return x * mask.to(x.device, x.dtype)


def _even(x: Tensor) -> Tensor:
    """`x`, and a column of zeros more where it has an odd number of columns.

    With an odd number oneDNN's LSTM doesn't use AMX, and its forward pass in bfloat16 takes 2 to 4
    times as long. One-hot input has as many columns as the vocabulary has characters.
    """
    return nn.functional.pad(x, (0, 1)) if x.shape[-1] % 2 else x
