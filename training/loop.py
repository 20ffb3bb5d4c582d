"""The loop of a run: steps, scoring on the way, checkpoints, and the model folder at the end.

What a step does is in `training.learner`, what is gone back to in `training.recovery`. What only
one of several processes may do stands in functions that are given to `group.from_leader`.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import torch

from model.folder import Model
from model.generator import Generator
from model.sampling import SamplingParams
from training.deadline import Deadline
from training.distributed import Group
from training.evaluation import Evaluation
from training.fine_tuning import Start, load_start
from training.judging.examination import examine
from training.learner import Learner
from training.loss_watch import LossWatch
from training.plan import Plan
from training.planning import may_choose_threads
from training.recipe import most_steps
from training.recovery import Recovery
from training.report import write_model
from training.run import PLAN_FILE, RunWriter, Settings, TrainingError, write_json
from training.scoring import score, whole_spans
from training.text.corpus import Corpus
from training.threads import WINDOW_S, ThreadChoice

SAMPLE = SamplingParams(length=200, temperature=0.8, seed=1)
WRITING_S = 5.0
"""To write a checkpoint, the model, its samples and its plot."""

_METRICS_EVERY_S = 0.5
_EXAMINING_S = 20.0


class Loop:
    """A learner, its plan and its folder: steps, scoring, checkpoints, until done or stopped."""

    def __init__(
        self,
        settings: Settings,
        corpus: Corpus,
        plan: Plan,
        writer: RunWriter,
        group: Group,
        device: torch.device,
        deadline: Deadline,
    ) -> None:
        self.deadline = deadline
        self.settings = settings
        self.corpus = corpus
        self.plan = plan
        self.writer = writer
        self.group = group
        self.config = plan.recipe.config(corpus.vocabulary)
        self.learner = Learner(
            plan.recipe, self.config, corpus.train_part, settings.seed, device, group
        )
        self.evaluation = Evaluation(settings, corpus, plan)
        self.watch = LossWatch(self.config.vocab_size)
        self._seen: list[str] = []
        self.has_ended = False
        self.start_step = 0
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._paced_from = self._watched_from = (0, 0.0)  # steps done, seconds
        may_choose = may_choose_threads(settings, group, device) and settings.steps is None
        self._most_threads = torch.get_num_threads() if may_choose else 1
        self.recovery = Recovery(writer.folder, group, self.learner, self.evaluation, self.watch)

    @property
    def done(self) -> int:
        """Steps so far."""
        return self.watch.steps

    @property
    def notes(self) -> list[str]:
        """What readers should know of the text, the plan, and what was seen on the way."""
        return [*self.corpus.notes, *self.plan.notes(), *self._seen]

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
            "best_step": self.evaluation.best_step,
            "notes": self.notes,
        }

    def resume(self, start: Start | None) -> None:
        """Go back to the newest whole checkpoint, or begin, from a model if that was asked."""

        def begin() -> None:
            if self.settings.init_from is not None:
                model = start or load_start(self.settings.init_from)
                if model.facts(self.corpus.vocabulary) != self.plan.init_from:
                    raise TrainingError(
                        f"--init_from {self.settings.init_from} is not the model that this run "
                        "was begun with: start a run anew"
                    )
                initial = self.learner.weights()
                self.learner.begin_with(model.weights(self.corpus.vocabulary, initial))

        self._seen += self.recovery.resume(self.plan, begin)
        self.deadline.expect(self.settings.minutes * 60 - self.recovery.clock.seconds)
        self.start_step = self.done
        self._gone_back()

    def _gone_back(self) -> None:
        self._paced_from = self._watched_from = (self.done, self.recovery.clock.seconds)
        self.has_ended = self.evaluation.has_ended
        if self.group.leads:
            if self.has_ended:
                self._note_early_end()
            self.writer.truncate_logs(self.done)
            self.writer.state("training", **self.facts())

    def run(self) -> bool:
        """Train until the plan's end; True if a stop was requested."""
        clock = self.recovery.clock
        chunk = self.plan.recipe.batch_size * self.plan.recipe.sequence_length
        logged_at, logged_done = clock.seconds, self.done
        choice = ThreadChoice(self._most_threads, self.plan.timed)
        stop = False
        while not (self._is_over() or stop):
            self._set_threads()
            factor = self.plan.lr_factor(self.done + 1)
            number = self.done + 1
            loss = self.learner.step(self.done, factor)
            alarm = self.watch.take(loss)
            if alarm is not None and self.recovery.is_spoilt(self.plan, alarm):
                self._roll_back(number, loss)
                logged_at, logged_done = clock.seconds, self.done
                continue
            self.seconds = clock.seconds
            stop = self.group.agree(self.writer.stop_requested() or self._must_finish())
            evaluate = self.plan.is_evaluation(number)
            since = self.seconds - logged_at
            if self.group.leads and (evaluate or stop or since >= _METRICS_EVERY_S):
                self.writer.metrics(
                    step=number,
                    seconds=round(self.seconds, 3),
                    train_loss=self.watch.mean,
                    lr_factor=factor,
                    characters_per_second=round((number - logged_done) * chunk / since),
                )
                logged_at, logged_done = self.seconds, number
            watched_done, watched_at = self._watched_from
            if self._most_threads > 1 and self.seconds - watched_at >= WINDOW_S:
                rate = (number - watched_done) * chunk / (self.seconds - watched_at)
                self._choose_threads(choice.look(torch.get_num_threads(), rate, self.seconds))
                self._watched_from = (number, self.seconds)
            if evaluate:
                is_finite, self.plan, self.has_ended = self.group.from_leader(self._evaluate)
                if not is_finite:
                    self._roll_back(number, math.nan)
                    logged_at, logged_done = clock.seconds, self.done
                    continue
            if stop or self.plan.is_checkpoint(number):
                self.recovery.save(self.plan)
                self._watched_from = (number, clock.seconds)
        self.seconds = clock.seconds
        self.cpu_seconds = self.group.sum(clock.cpu_seconds)
        return stop and not self._is_over()

    def _set_threads(self) -> None:
        threads = self.plan.threads_after(self.done)
        if threads is not None and threads != torch.get_num_threads():
            torch.set_num_threads(threads)

    def _choose_threads(self, threads: int) -> None:
        if threads != torch.get_num_threads():
            self.plan = self.plan.with_threads(self.done, threads)
            write_json(self.writer.folder / PLAN_FILE, asdict(self.plan))
            self._paced_from = (self.done, self.seconds)

    def _roll_back(self, at: int, loss: float) -> None:
        self.plan, notes = self.recovery.roll_back(self.plan, at, loss)
        self._seen += notes
        self._gone_back()

    def _is_over(self) -> bool:
        return self.done >= self.plan.total_steps or self.has_ended

    def _must_finish(self) -> bool:
        """Whether what is left until the deadline is needed to score and to write the model."""
        return not self.deadline.leaves(WRITING_S + self.evaluation.seconds_for_all)

    def _evaluate(self) -> tuple[bool, Plan, bool]:
        """Score the average weights, keep them if they are the best, write a sample.

        Returns whether they are finite, the plan from here on, and whether it ends here.
        """
        if not self.learner.is_finite():
            return False, self.plan, False
        loss = self.evaluation.evaluate(self.learner.average, self.done)
        if loss is not None:
            self.writer.metrics(step=self.done, seconds=round(self.seconds, 3), val_loss=loss)
        text = Generator(Model(self.config, self.learner.weights())).generate("", SAMPLE)
        self.writer.sample(step=self.done, val_loss=loss, text=text)
        if self.evaluation.has_ended:
            self._note_early_end()
        else:
            self._watch_the_clock(self.recovery.clock.seconds)
        return True, self.plan, self.evaluation.has_ended

    def _note_early_end(self) -> None:
        if self.done < self.plan.total_steps:
            self._seen.append(
                f"stopped early, after step {self.done:,} of {self.plan.total_steps:,}: the "
                f"held-out loss has not fallen since step {self.evaluation.best_step:,} "
                "(--patience 0 goes on to the end)"
            )

    def _watch_the_clock(self, seconds: float) -> None:
        """Change the number of steps if the run would miss its time."""
        if self.settings.steps is not None or self.plan.total_steps - self.done <= 1:
            return
        around = WRITING_S + self.evaluation.seconds_for_all
        budget = self.deadline.budget(self.settings.minutes * 60, seconds, around)
        most = most_steps(self.plan.recipe, len(self.corpus.train_part))
        since, since_s = self._paced_from
        if self.done == since:
            return
        pace = (seconds - since_s) / (self.done - since)
        total = self.deadline.steps_in_time(self.plan, self.done, seconds, pace, budget, most)
        if total != self.plan.total_steps:
            self.plan = self.plan.amended(self.done, total)
            write_json(self.writer.folder / PLAN_FILE, asdict(self.plan))
            self.writer.state("training", **self.facts())

    def finish(self, *, stopped: bool) -> None:
        """Score the best weights on the whole held-out part, write the model folder, judge it.

        Args:
            stopped: before its end.
        """
        if not self.evaluation.best and self.learner.is_finite():
            self.evaluation.evaluate(self.learner.average, self.done)
        if not self.evaluation.best:
            raise TrainingError("it was stopped before it had learnt anything that could be kept")
        network = self.learner.average
        network.load_state_dict(self.evaluation.best)
        val_loss = None
        if self.corpus.held_out:
            spans = whole_spans(len(self.corpus.train_part), len(self.corpus.indices))
            val_loss = score(network, self.corpus.indices, spans)
        chunk = self.plan.recipe.batch_size * self.plan.recipe.sequence_length
        facts = {
            "steps": self.done,
            "planned_steps": self.plan.total_steps,
            "stopped_early": self.has_ended and self.done < self.plan.total_steps,
            "init_from": self.plan.origin,
            "roll_backs": [asdict(back) for back in self.plan.roll_backs],
            "best_step": self.evaluation.best_step,
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "scoring_seconds": round(self.evaluation.seconds, 1),
            "epochs": round(self.done * chunk / len(self.corpus.train_part), 2),
            "train_loss": self.watch.mean,
            "val_loss": val_loss,
            "recipe": asdict(self.plan.recipe),
        }
        write_model(
            self.writer.folder,
            self.settings,
            self.corpus,
            Model(self.config, self.learner.weights()),
            facts,
        )
        if not self.deadline.leaves(_EXAMINING_S):
            return
        self.writer.state("judging", **self.facts())
        examine(
            self.writer.folder,
            network,
            self.settings,
            self.corpus,
            was_stopped=stopped,
        )
