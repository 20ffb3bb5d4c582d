"""train(settings, folder): the one way in to a run of training, from the text to the model.

Has no terminal: whoever watches reads the folder, and whoever wants it to stop leaves a file there.
Under torchrun the first process calls `train`, each other one `follow`.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from model.config import ConfigError
from training.loop import WRITING_S, Loop
from training.optim.checkpoint import Checkpoint, load_checkpoint
from training.optim.device import find_device, find_precision, is_lack_of_memory
from training.optim.distributed import Group, join
from training.optim.learner import Learner, labelled
from training.optim.memory import keep_freed_memory
from training.pretrained import Pretrained, load_pretrained
from training.recipe import Recipe, choose, most_steps
from training.run import Phase, Run, RunStopped, stop_requested
from training.schedule import Plan, Schedule
from training.settings import Settings, TrainingError
from training.text.corpus import Corpus, open_corpus, read_corpus

_NO_MEMORY = "no memory is left for this: choose a narrower network or a smaller batch"
_STRETCH = 1.5  # times the time that is left: a longer rest continues in another call


def train(settings: Settings, folder: Path, deadline_s: float = math.inf) -> Phase:
    """Fit a CharLSTM to a corpus; everything about the run is in `folder`.

    A run that was begun there with the same settings continues from its newest whole checkpoint.

    Args:
        settings: what to do.
        folder: the run's.
        deadline_s: seconds from now by which the model must have been written: the run ends or
            stops early enough for that.

    Returns:
        "done", or "stopped" if it was asked to stop or its time was up.

    Raises:
        TrainingError: if the corpus, the device or the model to start from can't be used, or
            nothing could be learnt.
        RunError: if the folder belongs to another run or another process is training there.
        OSError: if the disk is full; the last checkpoint stays whole.
    """
    ends_at, threads = time.monotonic() + deadline_s, torch.get_num_threads()
    with join() as group, Run(folder, settings) as run:
        try:
            return _train(run, group, lambda: ends_at - time.monotonic())
        except RunStopped:
            run.state("stopped", "it was stopped before it had learnt anything")
            return "stopped"
        except BaseException as error:
            failure = TrainingError(_NO_MEMORY) if is_lack_of_memory(error) else error
            # What an OSError says of itself names a path, which a page shouldn't show.
            reason = getattr(failure, "strerror", None) or str(failure) or "it was interrupted"
            with suppress(OSError):  # a full disk has no room for a word
                run.state("failed", reason)
            if failure is not error:
                raise failure from error
            raise
        finally:
            torch.set_num_threads(threads)


def _train(run: Run, group: Group, seconds_left: Callable[[], float]) -> Phase:
    settings, folder = run.settings, run.folder
    device = find_device(settings.device, group.local_rank)
    plan = Plan.read(folder)
    checkpoint, damaged = load_checkpoint(folder)
    spent = 0.0 if checkpoint is None else checkpoint.facts["seconds"]
    end_s = _end(settings.minutes * 60, spent, seconds_left() - WRITING_S)
    pretrained, fitted = None, settings
    if settings.init_from is not None and checkpoint is None:
        pretrained = load_pretrained(settings.init_from)
        fitted = pretrained.fit(settings)

    run.state("reading")
    is_unwanted = partial(stop_requested, folder)
    corpus = read_corpus(settings, folder, is_unwanted)
    keep_freed_memory()
    if plan is None:
        run.state("timing", characters=len(corpus.indices), notes=corpus.notes)
        timed = replace(fitted, minutes=end_s / 60)
        plan = _make_plan(timed, corpus, group, device, pretrained)
        if is_unwanted():
            raise RunStopped
        plan.write(folder)

    learner, weights, step = _learner(settings, corpus, plan, group, device), None, None
    if checkpoint is not None:
        step = checkpoint.facts["step"]
    elif pretrained is not None:
        weights = pretrained.weights(corpus.vocabulary, learner.weights())
    group.tell((settings, folder, plan, step, weights))
    _start(learner, checkpoint, weights)
    if settings.steps is not None:
        schedule = Schedule(settings.steps)
    else:
        most = most_steps(plan.recipe, len(corpus.train))
        schedule = Schedule(most, end_s, resumed=(learner.progress, spent))
    loop = Loop(run, corpus, plan, learner, schedule, seconds_left, damaged, checkpoint)
    was_stopped = loop.learn()
    loop.finish(was_stopped=was_stopped)
    phase: Phase = "stopped" if was_stopped else "done"
    run.state(phase)
    return phase


def follow() -> None:
    """Take part in the run of the first process that torchrun has started, as another one.

    Ignores Ctrl-C and, once all have met, SIGTERM: when the first process stops, so do all.

    Raises:
        TrainingError: if another process has ended or this one can't do its part.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with join() as group:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        settings, folder, plan, step, weights = group.tell(None)
        keep_freed_memory()
        device = find_device(settings.device, group.local_rank)
        learner = _learner(settings, open_corpus(folder), plan, group, device)
        checkpoint, _ = (None, []) if step is None else load_checkpoint(folder, step)
        if step is not None and checkpoint is None:
            raise TrainingError("a checkpoint is missing: all processes need the same files")
        _start(learner, checkpoint, weights)
        while True:
            progress, ends, saves = group.tell(None)
            if saves:
                learner.tensors()  # hands in its share of the state
            if ends:
                return
            learner.step(progress)


def _end(asked: float, spent: float, left: float) -> float:
    """Seconds of training at which a run ends: those asked for, or what a deadline leaves."""
    if asked - spent > _STRETCH * left:
        return asked  # far too long for this call: it is stopped in time
    return min(asked, spent + max(1.0, 0.9 * left))


def _make_plan(
    settings: Settings,
    corpus: Corpus,
    group: Group,
    device: torch.device,
    pretrained: Pretrained | None,
) -> Plan:
    """Choose the recipe, by timing some steps with throwaway networks."""
    all_threads = settings.threads or torch.get_num_threads()
    is_free = settings.threads is None and group.size == 1 and device.type == "cpu"
    speeds: dict[int, float] = {}

    def speed(recipe: Recipe) -> float:
        """Characters a second with the best number of threads: two can be slower than one."""
        group.check_batch(recipe.batch_size)
        own = replace(recipe, batch_size=recipe.batch_size // group.size)
        learner = Learner(own, own.config(corpus.vocabulary), corpus.train, settings.seed, device)
        for threads in {all_threads, 1} if is_free else {all_threads}:
            torch.set_num_threads(threads)
            speeds[threads] = learner.characters_per_second(min(1.0, settings.minutes))
        torch.set_num_threads(all_threads)
        return max(speeds.values()) * group.size

    precision = find_precision(device, settings.precision)
    try:
        recipe, steps = choose(
            settings, len(corpus.train), corpus.vocabulary, speed, precision, group.size
        )
    except ConfigError as error:
        raise TrainingError(f"{error}: choose a narrower network") from error
    group.check_batch(recipe.batch_size)  # before there is a plan, which another batch can't use
    return Plan(
        recipe,
        steps,
        threads=max(speeds, key=lambda count: speeds[count], default=all_threads),
        speed=max(speeds.values(), default=0.0),
        init_from={"name": pretrained.name, "sha256": pretrained.sha256} if pretrained else None,
        notes=(pretrained.overlap(corpus.vocabulary),) if pretrained else (),
    )


def _learner(
    settings: Settings, corpus: Corpus, plan: Plan, group: Group, device: torch.device
) -> Learner:
    torch.set_num_threads(settings.threads or plan.threads)
    config = plan.recipe.config(corpus.vocabulary)
    return Learner(plan.recipe, config, corpus.train, settings.seed, device, group)


def _start(
    learner: Learner, checkpoint: Checkpoint | None, weights: dict[str, np.ndarray] | None
) -> None:
    """Begin from a checkpoint or from a trained model's weights, if there is one of them."""
    if weights is not None:
        learner.start_from(weights)
    if checkpoint is not None:
        step, progress = checkpoint.facts["step"], checkpoint.facts["progress"]
        learner.restore(labelled(checkpoint.tensors, "learner."), step, progress)
