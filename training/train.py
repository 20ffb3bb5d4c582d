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
from functools import partial
from pathlib import Path

import torch

from model.char_lstm import CharLSTM
from training.finish import finish
from training.loop import WRITING_S, Loop
from training.optim.checkpoint import drop_teachers, load_checkpoint, load_teacher, save_teacher
from training.optim.device import find_device, is_lack_of_memory
from training.optim.distributed import Group, join
from training.optim.learner import Learner, Start, labelled, starting_from
from training.optim.memory import keep_freed_memory
from training.optim.targets import open_targets, write_targets
from training.plan import Place, Plan, Schedule, end_seconds
from training.pretrained import load_pretrained
from training.run import Phase, Run, RunStopped, stop_requested
from training.settings import Settings, TrainingError
from training.text.corpus import Corpus, open_corpus, read_corpus

_NO_MEMORY = "no memory is left for this: choose a narrower network or a smaller batch"


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
    run.state("reading")
    is_unwanted = partial(stop_requested, folder)
    corpus = read_corpus(settings, folder, is_unwanted)
    keep_freed_memory()

    checkpoint, damaged = load_checkpoint(folder)
    spent = 0.0 if checkpoint is None else checkpoint.facts["seconds"]
    end_s = end_seconds(settings.minutes * 60, spent, seconds_left() - WRITING_S)
    plan = Plan.read(folder)
    if plan is None:
        run.state("timing", characters=len(corpus.indices), notes=corpus.notes)
        plan = Plan.make(settings, end_s, corpus, group, device)
        if is_unwanted():
            raise RunStopped
        plan.write(folder)

    ends_at = None if settings.steps else end_s
    place = Place(0, plan.networks_in(ends_at))
    if checkpoint is not None:
        place = Place.of(checkpoint.facts)
    while True:  # network after network; each learns from the one before as well
        torch.set_num_threads(plan.threads)
        if place.network:
            seconds = _ask_teacher(folder, plan, place.network - 1, corpus, device, is_unwanted)
            place = place._replace(seconds=place.seconds + seconds)
        learner = _learner(plan, place.network, corpus, folder, settings.seed, group, device)
        start: Start | None = None
        if checkpoint is not None:
            start = labelled(checkpoint.tensors, "learner."), *checkpoint.position
        elif plan.init_from is not None:
            pretrained = load_pretrained(settings.init_from)
            start = starting_from(pretrained.weights(corpus.vocabulary, learner.weights())), 0, 0.0
        group.tell((folder, settings.device, settings.seed, plan, place.network, start))
        if start is not None:
            learner.restore(*start)
        schedule = Schedule(plan.most_steps, ends_at, (place.progress, place.seconds))
        loop = Loop(run, corpus, plan, learner, schedule, seconds_left, damaged, place, checkpoint)
        was_stopped = loop.learn()
        done = place.network + 1
        networks = plan.networks_in(ends_at, done, loop.seconds)
        if was_stopped or place.is_last or networks == done:
            break
        save_teacher(folder, place.network, loop.result())
        place, checkpoint = loop.next_place(networks), None
    group.tell(None)
    trained = [load_teacher(folder, number) for number in range(place.network)]
    if learner.steps or not trained:
        trained.append(loop.result())
    finish(run, corpus, plan, trained, loop.notes, loop.seconds, seconds_left, was_stopped)
    if not was_stopped:
        drop_teachers(folder)
    phase: Phase = "stopped" if was_stopped else "done"
    run.state(phase)
    return phase


def _ask_teacher(
    folder: Path,
    plan: Plan,
    number: int,
    corpus: Corpus,
    device: torch.device,
    is_unwanted: Callable[[], bool],
) -> float:
    """Write what a network expects of the text, unless that is there. Returns the seconds."""
    began, vocabulary, train = time.perf_counter(), corpus.vocabulary, corpus.train
    if open_targets(folder, len(train), len(vocabulary)) is not None:
        return 0.0
    weights = load_teacher(folder, number).tensors
    teacher = CharLSTM.from_weights(plan.config(corpus), weights).to(device)
    write_targets(folder, teacher, train, plan.recipe.precision, is_unwanted)
    return time.perf_counter() - began


def follow() -> None:
    """Take part in the run of the first process that torchrun has started, as another one.

    Ignores Ctrl-C and, once all have met, SIGTERM: when the first process stops, so do all.

    Raises:
        TrainingError: if another process has ended or this one can't do its part.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with join() as group:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        keep_freed_memory()
        while (told := group.tell(None)) is not None:
            folder, kind, seed, plan, network, start = told
            torch.set_num_threads(plan.threads)
            device = find_device(kind, group.local_rank)
            learner = _learner(plan, network, open_corpus(folder), folder, seed, group, device)
            if start is not None:
                learner.restore(*start)
            ends = False
            while not ends:
                progress, ends, saves = group.tell(None)
                if saves:
                    learner.tensors()  # hands in its share of the state
                if not ends:
                    learner.step(progress)


def _learner(
    plan: Plan,
    network: int,
    corpus: Corpus,
    folder: Path,
    seed: int,
    group: Group,
    device: torch.device,
) -> Learner:
    recipe, targets = plan.recipe_of(network), None
    if recipe.taught_by:
        targets = open_targets(folder, len(corpus.train), len(corpus.vocabulary))
    config = plan.config(corpus)
    return Learner(recipe, config, corpus.train, seed + network, device, targets, group)
