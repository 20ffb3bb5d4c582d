"""The loop of a network's training: steps, evaluations, samples, checkpoints.

What a step does is in `training.optim.learner`; here the run's progress decides what is due. Of
several processes only the first one comes here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from model.folder import Model
from model.generator import Generator
from model.sampling import SamplingParams
from training.evaluate import Best, default_patience, sample_spans, score
from training.optim.checkpoint import Checkpoint, save_checkpoint
from training.optim.learner import Learner, labelled
from training.optim.threads import WINDOW_S, ThreadChoice
from training.plan import Place, Plan, Schedule
from training.run import SAMPLES_FILE, Run, stop_requested
from training.settings import TrainingError
from training.text.corpus import Corpus

WRITING_S = 5.0
"""To write a checkpoint, the model, its samples and its plot."""

_CHECKPOINT_EVERY_S = 60.0
_IN_A_HURRY_S = 15.0  # the same where there is a deadline: such a process may be killed
_LOG_EVERY_S = 0.5
_LOG_EVERY_PROGRESS = 0.0005  # so that the log of a long run stays short enough to be read at once
_MOST_SKIPPED = 10  # steps in a row whose gradient wasn't finite
_SETTLED = 100  # steps after which a loss above blind guessing means that the network is spoilt


class _Mark(NamedTuple):
    """A moment of a run."""

    step: int
    seconds: float
    progress: float


class Loop:
    """Trains a learner along a schedule and keeps its best weights.

    `seconds_left` are those until the model must have been written, `notes` what readers should
    know besides the notes of the corpus and the plan, `place` is where the run is. The learner is
    fresh, or restored from the same `checkpoint`.
    """

    def __init__(
        self,
        run: Run,
        corpus: Corpus,
        plan: Plan,
        learner: Learner,
        schedule: Schedule,
        seconds_left: Callable[[], float],
        notes: list[str],
        place: Place,
        checkpoint: Checkpoint | None,
    ) -> None:
        self._run, self._corpus, self._plan = run, corpus, plan
        self._learner, self._schedule, self._seconds_left = learner, schedule, seconds_left
        self.notes = [*corpus.notes, *plan.notes, *notes]
        self._place = place
        self._recipe = plan.recipe_of(place.network)
        self._config = plan.config(corpus)
        patience = run.settings.patience
        if patience is None:
            patience = default_patience(plan.evaluations)
        self._best = Best(corpus.held_out, patience)
        self._spans = None
        if corpus.held_out:
            first, stop = len(corpus.train), len(corpus.indices)
            self._spans = sample_spans(first, stop, plan.evaluated_characters)
        self._train_loss: float | None = None  # the running mean of the steps' losses
        self._skipped = 0
        self._scoring_s = 0.0  # of the whole held-out part, as far as the last evaluation tells
        self._began = time.perf_counter() - place.seconds
        if checkpoint is not None:
            facts = checkpoint.facts
            self._best.restore(labelled(checkpoint.tensors, "best."), facts)
            self._train_loss = facts["train_loss"]

    def learn(self) -> bool:
        """Train the network. Returns whether it was stopped before its time."""
        learner, run = self._learner, self._run
        run.truncate_logs(self._now().step)
        run.state(
            "training",
            recipe=self._recipe.describe(),
            parameters=self._config.parameters,
            characters=len(self._corpus.indices),
            train_characters=len(self._corpus.train),
            vocab_size=len(self._corpus.vocabulary),
            evaluations=self._plan.evaluations * self._place.networks,
            start_step=self._now().step,
            notes=self.notes,
        )
        save_every = _CHECKPOINT_EVERY_S if math.isinf(self._seconds_left()) else _IN_A_HURRY_S
        choice = ThreadChoice(torch.get_num_threads(), self._plan.speed)
        # Steps are to be repeatable, so only a run of minutes may choose.
        asked = run.settings.threads or run.settings.steps or learner.group.size > 1
        may_choose = not asked and learner.device.type == "cpu"
        evaluated = saved = logged = watched = self._now()
        while True:
            now = self._now()
            if now.progress >= 1 and now.step > evaluated.step:
                self._evaluate()
            is_late = self._seconds_left() < WRITING_S + self._scoring_s
            stops = is_late or stop_requested(run.folder)
            reason = self._reason_to_end(now.progress)
            ends = bool(reason) or stops or now.progress >= 1
            saves = ends or now.seconds - saved.seconds >= save_every
            reached = self._schedule.progress(learner.steps + 1, now.seconds)
            learner.group.tell((reached, ends, saves))
            if saves:
                self._save(now)
                saved = self._now()
                watched = watched._replace(seconds=watched.seconds + saved.seconds - now.seconds)
            if ends:
                if reason and self._place.is_last:
                    self.notes.append(reason)
                return stops and now.progress < 1
            self._take(learner.step(reached))
            now = self._now()
            is_due = self._plan.is_evaluation(evaluated.progress, now.progress)
            since_s, since = now.seconds - logged.seconds, now.progress - logged.progress
            if is_due or (since_s >= _LOG_EVERY_S and since >= _LOG_EVERY_PROGRESS):
                if self._train_loss is not None:
                    run.log(
                        step=now.step,
                        seconds=round(now.seconds, 3),
                        progress=round(self._place.share(now.progress), 6),
                        train_loss=self._train_loss,
                        characters_per_second=round(self._speed(logged, now)),
                    )
                logged = now
            if may_choose and now.seconds - watched.seconds >= WINDOW_S:
                speed = self._speed(watched, now)
                torch.set_num_threads(choice.look(torch.get_num_threads(), speed, now.seconds))
                watched = now
            if is_due:
                self._evaluate()
                evaluated, spent = now, self._now().seconds - now.seconds
                # Like saving, it is no part of the steps' speed.
                watched = watched._replace(seconds=watched.seconds + spent)

    def result(self) -> Checkpoint:
        """The network's best weights, and what is to be known of them.

        Raises:
            TrainingError: if there is nothing worth keeping.
        """
        if not self._best.weights:
            self._evaluate()
        if not self._best.weights:
            raise TrainingError("the loss exploded at once: lower the learning rates")
        return Checkpoint(self._best.weights, {**self._facts(), **self._best.facts()})

    def next_place(self, networks: int) -> Place:
        """Where the next network begins, when there are to be so many."""
        now = self._now()
        share = self._place.share(1.0)
        return Place(self._place.network + 1, networks, now.step, share, now.seconds, 0.0)

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._now().seconds

    def _now(self) -> _Mark:
        seconds = time.perf_counter() - self._began
        steps = self._learner.steps
        progress = self._schedule.progress(steps, seconds)
        return _Mark(self._place.first_step + steps, seconds, progress)

    def _take(self, loss: float) -> None:
        """Follow the losses of the steps by their running mean."""
        self._skipped = self._skipped + 1 if math.isnan(loss) else 0
        if not self._skipped:
            mean = loss if self._train_loss is None else self._train_loss
            self._train_loss = mean + max(0.01, 1 / self._learner.steps) * (loss - mean)

    def _reason_to_end(self, progress: float) -> str:
        """Why the run should end before its time, though nobody asked it to; "" if it shouldn't."""
        step, blind = self._now().step, math.log(len(self._corpus.vocabulary)) + 1
        is_high = self._learner.steps > _SETTLED and (self._train_loss or 0.0) > blind
        if is_high or self._skipped >= _MOST_SKIPPED:
            return (
                f"the loss exploded at step {step:,}, so the run ended there and keeps its best "
                "weights: lower the learning rates"
            )
        if self._best.patience_is_over and progress < 1:
            return (
                f"ended early, after step {step:,}: the held-out loss has not fallen since step "
                f"{self._place.first_step + self._best.step:,}"
            )
        return ""

    def _speed(self, since: _Mark, now: _Mark) -> float:
        """Characters a second between two moments."""
        characters = (now.step - since.step) * self._recipe.characters_per_step
        return characters / max(1e-9, now.seconds - since.seconds)

    def _evaluate(self) -> None:
        """Score the average weights on a sample of the held-out part; keep the best."""
        learner, step, loss = self._learner, self._now().step, None
        if self._spans is not None:
            began = time.perf_counter()
            loss = score(learner.average, self._corpus.indices, self._spans)
            share = self._corpus.held_out / self._plan.evaluated_characters
            self._scoring_s = (time.perf_counter() - began) * max(1.0, share)
        if not (learner.is_finite() and math.isfinite(loss or 0.0)):
            self._skipped = _MOST_SKIPPED
            return
        if loss is not None:
            self._run.log(step=step, val_loss=loss)
        self._best.offer(learner.average, learner.steps, loss)
        params = SamplingParams(length=200, temperature=0.8, min_p=0, seed=learner.steps)
        text = Generator(Model(self._config, learner.weights())).generate("", params)
        self._run.log(SAMPLES_FILE, step=step, val_loss=loss, text=text)

    def _save(self, now: _Mark) -> None:
        tensors = {f"learner.{k}": v for k, v in self._learner.tensors().items()}
        tensors |= {f"best.{name}": value for name, value in self._best.weights.items()}
        facts = {**self._facts(), **self._best.facts(), "progress": now.progress}
        save_checkpoint(self._run.folder, now.step, tensors, {**facts, "seconds": now.seconds})

    def _facts(self) -> dict[str, Any]:
        return {
            **self._place._asdict(),
            "steps": self._learner.steps,
            "train_loss": self._train_loss,
        }
