"""train(settings, folder): the one way in to a run of training, and its loop.

Steps, scoring on the way, checkpoints, and the model folder at the end; what a step does is in
`training.learner`. Has no terminal and no signal handler: who watches reads the folder, who wants
it to stop leaves a file there.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.folder import Model
from model.generator import Generator
from model.sampling import SamplingParams
from training import recipe as recipes
from training.checkpoint import load_checkpoint, save_checkpoint
from training.corpus import Corpus, prepare_corpus
from training.learner import Learner, faster_precision
from training.recipe import Plan, Recipe, lr_factor
from training.report import write_model
from training.run import (
    PLAN_FILE,
    SETTINGS_FILE,
    Phase,
    RunError,
    RunWriter,
    Settings,
    TrainingError,
    read_json,
    read_settings,
    write_json,
)
from training.scoring import Spans, sample_spans, score, whole_spans

SAMPLE = SamplingParams(length=200, temperature=0.8, seed=1)
_METRICS_EVERY_S = 0.5
_CHECKPOINT_EVERY_S = 60.0
_OVERRUN = 1.25
_EXPLODED = 10  # times the loss of guessing blindly


def train(settings: Settings, folder: Path) -> Phase:
    """Fit a model as `settings` say; everything about it is in `folder`.

    A folder in which a run with the same settings was begun is gone on with from its newest whole
    checkpoint. Returns "done", or "stopped" if it was asked to stop.

    Raises:
        TrainingError: if the corpus can't be used or the loss explodes.
        RunError: if the folder belongs to another run or somebody else is writing there.
        OSError: if the disk is full; the last checkpoint stays whole.
    """
    with RunWriter(folder) as writer:
        if (folder / SETTINGS_FILE).exists() and read_settings(folder) != settings:
            raise RunError(f"{folder} holds a run with other settings: resume it or name another")
        try:
            return _train(settings, writer)
        except (TrainingError, RunError, OSError) as error:
            writer.state("failed", str(error))
            raise
        except Exception as error:
            writer.state("failed", f"{type(error).__name__}: {error}")
            raise


def _train(settings: Settings, writer: RunWriter) -> Phase:
    folder = writer.folder
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    writer.settings(settings)
    writer.state("reading")
    corpus = prepare_corpus(settings, folder)
    plan = _plan(settings, corpus, writer)
    loop = _Loop(settings, corpus, plan, writer)
    loop.resume()
    writer.state("training", **loop.facts())
    stopped = loop.run()
    writer.state("scoring", **loop.facts())
    loop.finish()
    phase: Phase = "stopped" if stopped else "done"
    writer.state(phase, **loop.facts())
    return phase


def _plan(settings: Settings, corpus: Corpus, writer: RunWriter) -> Plan:
    """The stored plan, or a new one made by timing steps on throwaway networks."""
    stored = read_json(writer.folder / PLAN_FILE)
    if stored is not None:
        return Plan.from_json(stored)
    writer.state("timing", characters=len(corpus.indices), notes=corpus.notes)

    def speed(recipe: Recipe) -> float:
        learner = Learner(recipe, recipe.config(corpus.vocabulary), corpus.train_part, seed=0)
        return learner.characters_per_second()

    recipe, steps = recipes.choose(
        settings, len(corpus.train_part), corpus.vocabulary, speed, faster_precision()
    )
    plan = Plan(recipe, steps)
    write_json(writer.folder / PLAN_FILE, asdict(plan))
    return plan


class _Loop:
    """A learner, its plan and its folder: steps, scoring, checkpoints, until done or stopped."""

    def __init__(self, settings: Settings, corpus: Corpus, plan: Plan, writer: RunWriter) -> None:
        self.settings = settings
        self.corpus = corpus
        self.plan = plan
        self.writer = writer
        self.config = plan.recipe.config(corpus.vocabulary)
        self.learner = Learner(plan.recipe, self.config, corpus.train_part, settings.seed)
        self.notes = list(corpus.notes)
        self.done = 0
        self.start_step = 0
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.train_loss: float | None = None
        self.best: dict[str, Tensor] = {}
        self.best_step = 0
        self.best_loss = math.inf

    def facts(self) -> dict[str, Any]:
        """What readers may want to know, for the state."""
        recipe = self.plan.recipe
        return {
            "step": self.done,
            "start_step": self.start_step,
            "total_steps": self.plan.total_steps,
            "chunk": recipe.batch_size * recipe.sequence_length,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "recipe": recipe.describe(),
            "parameters": self.config.parameters,
            "characters": len(self.corpus.indices),
            "train_characters": len(self.corpus.train_part),
            "vocab_size": len(self.corpus.vocabulary),
            "best_step": self.best_step,
            "notes": self.notes,
        }

    def resume(self) -> None:
        """Go back to the newest whole checkpoint, if there is one."""
        checkpoint, notes = load_checkpoint(self.writer.folder)
        self.notes += notes
        if checkpoint is not None:
            facts, tensors = checkpoint.facts, checkpoint.tensors
            self.learner.restore(tensors)
            self.best = {k[5:]: v for k, v in tensors.items() if k.startswith("best.")}
            self.done = self.start_step = facts["step"]
            self.seconds = facts["seconds"]
            self.cpu_seconds = facts["cpu_seconds"]
            self.train_loss = facts["train_loss"]
            self.best_step = facts["best_step"]
            self.best_loss = math.inf if facts["best_loss"] is None else facts["best_loss"]
        self.writer.truncate_logs(self.done)

    def run(self) -> bool:
        """Train until the plan's end; True if a stop was requested."""
        chunk = self.plan.recipe.batch_size * self.plan.recipe.sequence_length
        clock = _Clock(self.seconds, self.cpu_seconds)
        logged_at, logged_done = clock.seconds, self.done
        saved_at = clock.seconds
        stop = False
        while self.done < self.plan.total_steps and not stop:
            factor = lr_factor(self.plan.progress(self.done + 1), self.plan.recipe)
            loss = self.learner.step(self.done, factor)
            if not loss < _EXPLODED * max(1.0, math.log(self.config.vocab_size)):
                raise TrainingError(
                    f"the loss has exploded ({loss:.3g} at step {self.done:,}): "
                    "start anew with a lower --muon_lr and --adam_lr"
                )
            self.done += 1
            smooth = max(0.01, 1 / self.done)
            last = loss if self.train_loss is None else self.train_loss
            self.train_loss = last + smooth * (loss - last)
            self.seconds, self.cpu_seconds = clock.seconds, clock.cpu_seconds
            stop = self.writer.stop_requested()
            evaluate = self.plan.is_evaluation(self.done)
            if evaluate or stop or self.seconds - logged_at >= _METRICS_EVERY_S:
                speed = (self.done - logged_done) * chunk / (self.seconds - logged_at)
                self.writer.metrics(
                    step=self.done,
                    seconds=round(self.seconds, 3),
                    train_loss=self.train_loss,
                    lr_factor=factor,
                    characters_per_second=round(speed),
                )
                logged_at, logged_done = self.seconds, self.done
            if evaluate:
                self._evaluate()
                self._watch_the_clock(clock.seconds)
            if evaluate or stop or self.seconds - saved_at >= _CHECKPOINT_EVERY_S:
                self.seconds, self.cpu_seconds = clock.seconds, clock.cpu_seconds
                self._save_checkpoint()
                saved_at = self.seconds
        self.seconds, self.cpu_seconds = clock.seconds, clock.cpu_seconds
        return stop and self.done < self.plan.total_steps

    def _spans(self) -> Spans | None:
        first = len(self.corpus.train_part)
        if self.corpus.held_out == 0:
            return None
        return sample_spans(first, len(self.corpus.indices), self.plan.eval_characters)

    def _evaluate(self) -> None:
        """Score the average weights on the held-out sample, keep the best, write a sample."""
        spans = self._spans()
        loss = None
        if spans is not None:
            loss = score(self.learner.average, self.corpus.indices, spans)
        if loss is None or loss < self.best_loss:
            self.best = {k: v.clone() for k, v in self.learner.average.state_dict().items()}
            self.best_step = self.done
            self.best_loss = math.inf if loss is None else loss
        if loss is not None:
            self.writer.metrics(step=self.done, seconds=round(self.seconds, 3), val_loss=loss)
        weights = {k: v.numpy() for k, v in self.learner.average.state_dict().items()}
        text = Generator(Model(self.config, weights)).generate("", SAMPLE)
        self.writer.sample(step=self.done, val_loss=loss, text=text)

    def _watch_the_clock(self, seconds: float) -> None:
        """Lower the number of steps if the run would overrun its minutes by a quarter."""
        budget = self.settings.minutes * 60
        left = self.plan.total_steps - self.done
        if self.settings.steps is not None or left <= 1:
            return
        pace = seconds / self.done
        if seconds + left * pace <= _OVERRUN * budget:
            return
        total = self.done + max(1, int((budget - seconds) / pace))
        if total >= self.plan.total_steps:
            return
        self.notes.append(
            f"slower than when it was timed: {total:,} steps instead of "
            f"{self.plan.total_steps:,} from step {self.done:,} on"
        )
        self.plan = self.plan.amended(self.done, total)
        write_json(self.writer.folder / PLAN_FILE, asdict(self.plan))
        self.writer.state("training", **self.facts())

    def _save_checkpoint(self) -> None:
        tensors = self.learner.tensors() | {f"best.{k}": v for k, v in self.best.items()}
        facts = {
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "train_loss": self.train_loss,
            "best_step": self.best_step,
            "best_loss": self.best_loss if math.isfinite(self.best_loss) else None,
        }
        save_checkpoint(self.writer.folder, self.done, tensors, facts)

    def finish(self) -> None:
        """Score the best weights on the whole held-out part, and write the model folder."""
        if not self.best:
            self._evaluate()
        network = self.learner.average
        network.load_state_dict(self.best)
        val_loss = None
        if self.corpus.held_out:
            spans = whole_spans(len(self.corpus.train_part), len(self.corpus.indices))
            val_loss = score(network, self.corpus.indices, spans)
        weights = {k: v.numpy() for k, v in network.state_dict().items()}
        chunk = self.plan.recipe.batch_size * self.plan.recipe.sequence_length
        facts = {
            "steps": self.done,
            "planned_steps": self.plan.total_steps,
            "best_step": self.best_step,
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "epochs": round(self.done * chunk / len(self.corpus.train_part), 2),
            "train_loss": self.train_loss,
            "val_loss": val_loss,
            "recipe": asdict(self.plan.recipe),
        }
        write_model(
            self.writer.folder, self.settings, self.corpus, Model(self.config, weights), facts
        )


class _Clock:
    """Wall and processor seconds, going on from what earlier processes of the run used."""

    def __init__(self, seconds: float, cpu_seconds: float) -> None:
        self._wall = time.perf_counter() - seconds
        self._cpu = time.process_time() - cpu_seconds

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._wall

    @property
    def cpu_seconds(self) -> float:
        return time.process_time() - self._cpu
