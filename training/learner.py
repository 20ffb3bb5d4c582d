"""Learner: a network, its optimizers and its average, updated chunk by chunk.

Muon on the recurrent matrices, AdamW on the rest, gradients clipped, an exponential moving average
of the weights on the side. Knows nothing about folders, plans or the time. Every random number is a
function of (seed, step), so nothing random has to be saved.
"""

from __future__ import annotations

import copy
import math
import time

import numpy as np
import torch
from torch import Tensor, nn

from model.char_lstm import CharLSTM, LSTMState
from model.config import ModelConfig
from training.corpus import Streams
from training.muon import Muon
from training.recipe import NS_STEPS, Recipe


def faster_precision() -> str:
    """The precision in which this processor trains an LSTM faster: "bfloat16" or "float32".

    Found out by trying, in well under a second. Where oneDNN has no bfloat16 LSTM for a processor
    it says so with an error; where it only emulates one, it is slower.
    """
    with torch.random.fork_rng(devices=[]):
        lstm = nn.LSTM(64, 256, batch_first=True)

    def best_time(low_precision: bool) -> float:
        times = []
        for _ in range(4):
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=low_precision):
                outputs, _ = lstm(torch.ones(32, 16, 64))
            outputs.float().sum().backward()
            times.append(time.perf_counter() - start)
        return min(times)

    try:
        is_faster = best_time(True) * 1.1 < best_time(False)
    except RuntimeError:
        return "float32"
    return "bfloat16" if is_faster else "float32"


class Learner:
    """A network and its optimizers; `step` is one update. Knows nothing about folders or time.

    Args:
        recipe: the hyperparameters.
        config: sizes and vocabulary.
        indices: the train part, shape `(characters,)`.
        seed: of initialisation, dropout and the streams.
    """

    def __init__(self, recipe: Recipe, config: ModelConfig, indices: np.ndarray, seed: int) -> None:
        self.recipe = recipe
        self.seed = seed
        with torch.random.fork_rng(devices=[]):  # PyTorch's own initialisation is overwritten
            self.network = CharLSTM.from_config(
                config, dropout=recipe.dropout, input_dropout=recipe.input_dropout
            )
        self._random = torch.Generator()
        initialise(self.network, self._random.manual_seed(seed))
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.streams = Streams(indices, recipe.batch_size, recipe.sequence_length, seed)
        self.state: LSTMState | None = None
        self._low_precision = recipe.precision == "bfloat16"
        named = dict(self.network.named_parameters())
        hidden = {
            name
            for name in named
            if "weight_hh" in name or ("weight_ih" in name and not name.endswith("_l0"))
        }
        self.muon = Muon(
            [named[name] for name in sorted(hidden)],
            lr=recipe.muon_lr,
            weight_decay=recipe.weight_decay,
            ns_steps=NS_STEPS,
            dtype=torch.bfloat16 if self._low_precision else torch.float32,
        )
        self.adam = torch.optim.AdamW(
            [parameter for name, parameter in named.items() if name not in hidden],
            lr=recipe.adam_lr,
            betas=(0.9, 0.98),
            weight_decay=0.0,
        )

    def step(self, number: int, factor: float) -> float:
        """Update on chunk `number` with the learning rates times `factor`; the loss in nats."""
        inputs, targets = map(torch.from_numpy, self.streams.chunk(number))  # (B, T)
        if self.streams.begins_epoch(number):
            self.state = None
        self._random.manual_seed(self.seed + (number + 1) * 1_000_003)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._low_precision):
            logits, state = self.network(inputs, self.state, self._random)
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        self.state = (state[0].detach(), state[1].detach())
        self.network.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.muon.param_groups[0]["lr"] = self.recipe.muon_lr * factor
        self.adam.param_groups[0]["lr"] = self.recipe.adam_lr * factor
        self.muon.step()
        self.adam.step()
        weight = 1 - min(self.recipe.average, (1 + number) / (10 + number))
        with torch.no_grad():
            for mean, value in zip(
                self.average.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(value, weight)
        return loss.item()

    def characters_per_second(self, seconds: float = 1.5) -> float:
        """Time some steps; the learner is spoilt by it."""
        self.step(0, 0.1)
        done = 0
        start = time.perf_counter()
        while done < 3 or time.perf_counter() - start < seconds:
            done += 1
            self.step(done, 0.1)
        chunk = self.recipe.batch_size * self.recipe.sequence_length
        return done * chunk / (time.perf_counter() - start)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, by name."""
        found = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        found |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for label, optimizer in (("muon", self.muon), ("adam", self.adam)):
            for index, values in optimizer.state_dict()["state"].items():
                found |= {f"{label}.{index}.{key}": value for key, value in values.items()}
        if self.state is not None:
            found |= {"state.h": self.state[0], "state.c": self.state[1]}
        return found

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` gave."""

        def part(label: str) -> dict[str, Tensor]:
            return {k[len(label) :]: v for k, v in tensors.items() if k.startswith(label)}

        self.network.load_state_dict(part("network."))
        self.average.load_state_dict(part("average."))
        for label, optimizer in (("muon.", self.muon), ("adam.", self.adam)):
            states: dict[int, dict[str, Tensor]] = {}
            for name, value in part(label).items():
                index, key = name.split(".")
                states.setdefault(int(index), {})[key] = value
            optimizer.load_state_dict(
                {"state": states, "param_groups": optimizer.state_dict()["param_groups"]}
            )
        self.state = (tensors["state.h"], tensors["state.c"]) if "state.h" in tensors else None


def initialise(network: CharLSTM, random: torch.Generator) -> None:
    """Orthogonal recurrent gate blocks, forget-gate bias 1, small normal weights elsewhere."""
    hidden = network.lstm.hidden_size
    for name, parameter in network.named_parameters():
        if "weight_hh" in name:
            for block in torch.split(parameter.data, hidden):
                nn.init.orthogonal_(block, generator=random)
        elif "bias" in name:
            nn.init.zeros_(parameter)
            if "bias_ih" in name:
                nn.init.ones_(parameter.data[hidden : 2 * hidden])
        elif name == "embedding.weight":
            nn.init.normal_(parameter, generator=random)
        else:
            one_hot = name == "lstm.weight_ih_l0" and network.embedding is None
            scale = 1.0 if one_hot else 1 / math.sqrt(parameter.shape[1])
            nn.init.normal_(parameter, std=0.5 * scale, generator=random)
