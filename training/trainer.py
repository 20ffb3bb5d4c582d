"""train(settings, folder): the one way in to a run of training; its loop is in `training.loop`.

Has no terminal and no signal handler: who watches reads the folder, who wants it to stop leaves a
file there. Several processes that torchrun starts go through all of it side by side; what only one
may do stands in functions that are given to `group.from_leader`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch

from training.deadline import Deadline
from training.device import find_device, find_precision, is_lack_of_memory
from training.distributed import Group, join
from training.fine_tuning import Start, load_start
from training.loop import WRITING_S, Loop
from training.memory import keep_freed_memory
from training.planning import make_plan
from training.run import (
    PLAN_FILE,
    SETTINGS_FILE,
    Phase,
    RunError,
    RunWriter,
    Settings,
    TrainingError,
    read_settings,
)
from training.text.corpus import prepare_corpus


def train(settings: Settings, folder: Path, deadline_s: float | None = None) -> Phase:
    """Fit a model as `settings` say; everything about it is in `folder`.

    A folder in which a run with the same settings was begun is gone on with from its newest whole
    checkpoint. Returns "done", or "stopped" if it was asked to stop or its time was up. Under
    torchrun the first process calls this, and each other one `follow`.

    Args:
        settings: what to do.
        folder: the run's.
        deadline_s: seconds from now in which the model must have been written: training ends or
            stops early enough, and what is measured only to be told may be left out.

    Raises:
        TrainingError: if the corpus or the device can't be used, or the loss explodes again and
            again.
        RunError: if the folder belongs to another run or somebody else is writing there.
        OSError: if the disk is full; the last checkpoint stays whole.
    """
    writer = RunWriter(folder)
    deadline = Deadline(deadline_s)
    start: Start | None = None
    with join() as group, ExitStack() as stack:
        stack.callback(torch.set_num_threads, torch.get_num_threads())

        def begin() -> tuple[Settings, Path]:
            nonlocal start
            # What can't be had is refused before anything is written.
            device = find_device(settings.device)
            if settings.precision != "auto":
                find_precision(device, settings.precision)
            if settings.init_from is not None and not (folder / PLAN_FILE).exists():
                start = load_start(settings.init_from)
                start.fit(settings)
            stack.enter_context(writer)
            if (folder / SETTINGS_FILE).exists() and read_settings(folder) != settings:
                raise RunError(
                    f"{folder} holds a run with other settings: resume it or name another"
                )
            return settings, folder

        group.from_leader(begin)
        try:
            return _train(settings, writer, group, start, deadline)
        except (TrainingError, RunError, OSError) as error:
            _tell_failure(writer, str(error))
            raise
        except Exception as error:
            if is_lack_of_memory(error):
                message = (
                    "there isn't enough memory for this: choose a smaller --hidden_size, "
                    "--batch_size or --sequence_length"
                )
                _tell_failure(writer, message)
                raise TrainingError(message) from error
            _tell_failure(writer, f"{type(error).__name__}: {error}")
            raise


def follow(when_joined: Callable[[], None]) -> None:
    """Take part in the run of the first process that torchrun has started, as another one.

    Args:
        when_joined: called when all processes have met.

    Raises:
        TrainingError: if the first process fails or this one can't do its part.
    """

    def is_not_here() -> tuple[Settings, Path]:
        raise TrainingError("follow() is for the processes that torchrun starts beside the first")

    with join() as group:
        when_joined()
        settings, folder = group.from_leader(is_not_here)
        _train(settings, RunWriter(folder), group, None, Deadline(None))


def _tell_failure(writer: RunWriter, message: str) -> None:
    try:
        writer.state("failed", message)
    except OSError:
        return  # a full disk takes this no more than the rest


def _train(
    settings: Settings,
    writer: RunWriter,
    group: Group,
    start: Start | None,
    deadline: Deadline,
) -> Phase:
    folder = writer.folder
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    device = find_device(settings.device, group.local_rank)

    def read() -> None:
        writer.settings(settings)
        writer.state("reading")
        prepare_corpus(settings, folder)

    group.from_leader(read)
    corpus = prepare_corpus(settings, folder)  # opens what the leader has encoded
    keep_freed_memory()
    fitting = deadline.fit(settings, WRITING_S)
    plan = make_plan(fitting, corpus, writer, group, device, start)
    loop = Loop(settings, corpus, plan, writer, group, device, deadline)
    if group.leads:
        writer.state("training")
    loop.resume(start)
    stopped = loop.run()
    if group.leads:  # the others are done
        writer.state("scoring", **loop.facts())
        loop.finish(stopped=stopped)
        writer.state("stopped" if stopped else "done", **loop.facts())
    return "stopped" if stopped else "done"
