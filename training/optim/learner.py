"""Learner: a network, its optimizers and the moving average of its weights, updated step by step.

Muon on the recurrent matrices, AdamW on the rest, gradients clipped. Knows nothing about folders or
time; how far the run is, the caller says. Every random number is a function of (seed, step) and
drawn on the CPU, so nothing random has to be saved, and neither the device nor the number of
processes changes what is drawn.
"""

from __future__ import annotations

import copy
import math
import statistics
import time

import numpy as np
import torch
from torch import Tensor, nn

from model.char_lstm import CharLSTM, LSTMState
from model.config import ModelConfig
from training.optim.batches import Batches
from training.optim.device import autocast
from training.optim.distributed import Group
from training.optim.muon import Muon
from training.optim.targets import SoftTargets
from training.recipe import Recipe

_CPU = torch.device("cpu")
_ALONE = Group()

Start = tuple[dict[str, Tensor], int, float]
"""What `Learner.restore` takes: where a run begins, if that isn't with new weights."""


class Learner:
    """A network and its optimizers; `step` is one update.

    Args:
        recipe: the hyperparameters.
        config: sizes and vocabulary, and whether the text is a list.
        indices: the train part, shape `(characters,)`.
        seed: of initialisation, dropout and the batches.
        device: to compute on.
        targets: what a teacher expects, if it is to be learnt from as well.
        group: of processes that share each batch. All of them must call `step` and `tensors`.

    Raises:
        TrainingError: if the batch can't be divided equally.
    """

    def __init__(
        self,
        recipe: Recipe,
        config: ModelConfig,
        indices: np.ndarray,
        seed: int,
        device: torch.device = _CPU,
        targets: SoftTargets | None = None,
        group: Group = _ALONE,
    ) -> None:
        group.check_batch(recipe.batch_size)
        self.recipe = recipe
        self.targets = targets
        self.seed = seed
        self.device = device
        self.group = group
        with torch.random.fork_rng(devices=[]):  # PyTorch's own initialisation is overwritten
            self.network = CharLSTM.from_config(
                config, dropout=recipe.dropout, input_dropout=recipe.input_dropout
            )
        self._random = torch.Generator()
        initialise(self.network, self._random.manual_seed(seed))
        self.network.to(device)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        line_break = config.vocabulary.index("\n") if config.is_list else None
        sizes = (recipe.batch_size, recipe.sequence_length)
        self.batches = Batches(indices, *sizes, seed, line_break)
        self.state: LSTMState | None = None
        self.steps = 0
        self.progress = 0.0
        named = dict(self.network.named_parameters())
        hidden = {
            name
            for name in named
            if "weight_hh" in name or ("weight_ih" in name and not name.endswith("_l0"))
        }
        self.muon = Muon(
            [named[name] for name in sorted(hidden)],
            lr=recipe.muon_lr,
            bands=recipe.bands,
            dtype=torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32,
        )
        self.adam = torch.optim.AdamW(
            [parameter for name, parameter in named.items() if name not in hidden],
            lr=recipe.adam_lr,
            betas=(0.9, 0.98),
            weight_decay=0.0,  # `_decay` does it for both
        )

    def weights(self) -> dict[str, np.ndarray]:
        """The average weights, by name."""
        return {k: v.cpu().numpy() for k, v in self.average.state_dict().items()}

    def step(self, progress: float) -> float:
        """Learn from the next chunk.

        Args:
            progress: share of the run that is done with this step; learning rates and weight decay
                follow it.

        Returns:
            The loss on the text over the whole batch, in nats per character; NaN where a gradient
            isn't finite, and then no weight has changed.
        """
        number = self.steps
        inputs, targets = map(self._here, self.batches.chunk(number))  # (B / processes, T)
        self._random.manual_seed(self.seed + (number + 1) * 1_000_003)
        part = (self.group.rank, self.group.size)
        self.state = None if self.batches.begins_epoch(number) else self._state_with_resets()
        with autocast(self.device, self.recipe.precision):
            logits, state = self.network(inputs, self.state, self._random, part)
        log_probabilities = logits.float().flatten(0, 1).log_softmax(-1)
        loss = nn.functional.nll_loss(log_probabilities, targets.flatten())
        learnt = self._with_teacher(loss, log_probabilities, number)
        self.state = (state[0].detach(), state[1].detach())
        self.network.zero_grad()
        learnt.backward()  # type: ignore[no-untyped-call]
        loss = loss.detach()
        self.group.average(
            [*(p.grad for p in self.network.parameters() if p.grad is not None), loss]
        )
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        elapsed, self.progress, self.steps = progress - self.progress, progress, number + 1
        if not norm.isfinite():
            return math.nan
        factor = self.recipe.lr_factor(progress)
        self._decay(factor * elapsed)
        self.muon.param_groups[0]["lr"] = self.recipe.muon_lr * factor
        self.adam.param_groups[0]["lr"] = self.recipe.adam_lr * factor
        self.muon.step()
        self.adam.step()
        weight = 1 - min(self.recipe.ema_decay, (1 + number) / (10 + number))
        with torch.no_grad():
            for mean, value in zip(
                self.average.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(value, weight)
        return loss.item()

    def _with_teacher(self, loss: Tensor, log_probabilities: Tensor, number: int) -> Tensor:
        """The loss to learn from: a share of it is against what the teacher expects."""
        if self.targets is None:
            return loss
        places = self.group.share(torch.from_numpy(self.batches.positions(number)[:, 1:]))
        characters, probabilities = self.targets.at(places.flatten().numpy())
        expected = log_probabilities.gather(1, characters.to(self.device))
        against_teacher = -(probabilities.to(self.device) * expected).sum(1).mean()
        return torch.lerp(loss, against_teacher, self.recipe.soft_targets)

    def _decay(self, share: float) -> None:
        """Shrink all weights: `share` sums up to about 1/2 over a run, as the mean rate is."""
        for optimizer, decay in (
            (self.muon, self.recipe.weight_decay),
            (self.adam, self.recipe.adam_weight_decay),
        ):
            with torch.no_grad():
                for parameter in optimizer.param_groups[0]["params"]:
                    parameter.mul_(math.exp(-2 * decay * share))

    def _state_with_resets(self) -> LSTMState | None:
        """The carried state, without that of some streams: so it learns to begin as well."""
        if self.state is None or self.recipe.state_reset == 0:
            return self.state
        drawn = torch.rand(self.recipe.batch_size, generator=self._random)  # for all processes
        kept = self.group.share(drawn >= self.recipe.state_reset).to(self.device)
        h, c = (rows * kept[:, None].to(rows.dtype) for rows in self.state)
        return h, c

    def characters_per_second(self, seconds: float = 1.0) -> float:
        """Measure the speed of some steps; the learner is spoilt by it."""
        self.step(0.9)
        times: list[float] = []
        while len(times) < 3 or sum(times) < seconds:
            start = time.perf_counter()
            self.step(0.9)
            times.append(time.perf_counter() - start)
        # The median, whatever else a busy machine did in between.
        return self.recipe.characters_per_step / statistics.median(times)

    def is_finite(self) -> bool:
        """Whether all average weights are finite."""
        return all(bool(value.isfinite().all()) for value in self.average.parameters())

    def _here(self, rows: np.ndarray) -> Tensor:
        return self.group.share(torch.from_numpy(rows)).to(self.device)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next step depends on but `steps` and `progress`, by name, on the CPU.

        The carried state, shape `(layers, batch, hidden)`, is the whole batch's on the leader.
        """
        found = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        found |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for label, optimizer in (("muon", self.muon), ("adam", self.adam)):
            for index, values in optimizer.state_dict()["state"].items():
                found |= {f"{label}.{index}.{key}": value for key, value in values.items()}
        if self.state is not None:
            for name, rows in zip(("state.h", "state.c"), self.state, strict=True):
                found[name] = self.group.gather(rows, dim=1)
        return {name: value.cpu() for name, value in found.items()}

    def restore(self, tensors: dict[str, Tensor], steps: int, progress: float) -> None:
        """Take over what `tensors` gave, on any device and among any number of processes.

        Args:
            tensors: from `tensors` or `starting_from`.
            steps: that were done.
            progress: share of the run that was done.
        """
        self.steps, self.progress = steps, progress
        self.network.load_state_dict(labelled(tensors, "network."))
        self.average.load_state_dict(labelled(tensors, "average."))
        for label, optimizer in (("muon.", self.muon), ("adam.", self.adam)):
            known = optimizer.state_dict()
            for name, value in labelled(tensors, label).items():
                index, key = name.split(".")
                known["state"].setdefault(int(index), {})[key] = value
            optimizer.load_state_dict(known)
        if state := labelled(tensors, "state."):
            h, c = (
                self.group.share(state[name].transpose(0, 1)).transpose(0, 1).contiguous()
                for name in ("h", "c")
            )
            self.state = (h.to(self.device), c.to(self.device))


def starting_from(weights: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """The tensors of a learner that has these weights and hasn't learnt anything yet."""
    parts = ("network", "average")
    return {f"{part}.{k}": torch.from_numpy(v) for part in parts for k, v in weights.items()}


def labelled(tensors: dict[str, Tensor], label: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a label, by the rest of their names."""
    return {k[len(label) :]: v for k, v in tensors.items() if k.startswith(label)}


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
