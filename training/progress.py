"""Progress: draws in the terminal what a run's folder tells.

A thread that reads the folder as anybody could; knows nothing about how training is done.
"""

from __future__ import annotations

import math
import os
import shlex
import shutil
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model.facts import baseline_losses
from training.run import MODEL_FOLDER, RunStatus, read_run

_EVERY_S = 0.5
_SAMPLES_SHOWN = 5  # over a run

_WORDS = {
    "reading": "Reading the text ...",
    "timing": "Timing this machine ...",
    "scoring": "Scoring and writing the model ...",
    "examining": "The model is written. Comparing it with simpler methods and with its text ...",
}


def say(line: str) -> None:
    """Print a line to standard error, above the progress bar if there is one."""
    tqdm.write(line, file=sys.stderr)


def command_line(*words: str | Path) -> str:
    """A command for a shell here that gives these words to the Python that runs this."""
    found, own = shutil.which("python"), Path(sys.executable)
    python = own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own
    if found is not None and Path(found).absolute() == own:
        python = Path("python")
    return shlex.join(str(word) for word in (python, *words))


class Progress:
    """Use as a context manager around `train(settings, folder)`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._bar: tqdm[Any] | None = None
        self._told: set[str] = set()
        self._samples = 0  # that were shown, or passed over

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._bar is not None:
            self._bar.close()
        if kind is None:
            say("\n".join(_summary(read_run(self._folder), self._folder)))

    def _watch(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._ended.wait(_EVERY_S)
            status = read_run(self._folder)
            if status.pid == os.getpid():  # not what an earlier process of this run left
                self._show(status)

    def _show(self, status: RunStatus) -> None:
        told = [_WORDS.get(status.phase, ""), *(f"Note: {note}" for note in status.notes)]
        for line in told:
            if line and line not in self._told:
                self._told.add(line)
                say(line)
        if "recipe" in status.facts:  # training has begun; a short run may be over already
            self._draw(status)

    def _draw(self, status: RunStatus) -> None:
        if self._bar is None:
            facts = status.facts
            say(
                f"{facts['train_characters']:,} characters to learn of {facts['characters']:,}, "
                f"{facts['vocab_size']:,} distinct; {facts['parameters']:,} weights\n"
                f"Recipe: {facts['recipe']}"
            )
            start = facts["start_step"]  # earlier samples, an earlier process has shown
            self._samples = sum(1 for step, _ in status.samples if step <= start)
            self._bar = tqdm(
                total=1.0,
                initial=status.progress,
                disable=None,  # no bar where the output is no terminal
                file=sys.stderr,
                dynamic_ncols=True,
                smoothing=0.05,
                bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            )
        shown = [f"step {status.step:,}"]
        for name, losses in (("train", status.train_losses), ("held out", status.val_losses)):
            shown += [f"{name} {losses[-1][1]:.3f}"] if losses else []
        self._bar.set_postfix_str(", ".join([*shown, f"{status.characters_per_second:,} chars/s"]))
        self._bar.update(status.progress - self._bar.n)
        every = math.ceil(status.facts["evaluations"] / _SAMPLES_SHOWN)
        for number, (step, text) in enumerate(status.samples, start=1):
            if number > self._samples and number % every == 0:
                loss = dict(status.val_losses).get(step)
                held_out = "" if loss is None else f", held out {_nats(loss)}"
                share = number / status.facts["evaluations"]
                say(f"\n--- {min(1.0, share):.0%}, step {step:,}{held_out}")
                say(textwrap.indent(text, "    ", lambda _: True))
        self._samples = len(status.samples)


def _summary(status: RunStatus, folder: Path) -> list[str]:
    """What came of a run, and what to do with it."""
    again = command_line("-m", "training", "--resume", folder)
    if "seconds" not in status.facts:  # a model that is there is an earlier run's
        reason = f": {status.message}" if status.message else ""
        return [f"No model was written{reason}. To start again: {again}"]
    training = status.training
    lines = [*_judgement(training), *_measured(training)]
    lines.append(f"Training took {status.facts['seconds']:.0f} s")
    if status.phase == "stopped":
        lines.append(f"Stopped. Continue: {again}")
    return [
        *lines,
        f"Model:   {folder / MODEL_FOLDER}",
        f"Try:     {command_line('-m', 'model', 'generate', folder)}",
        f"Chat:    {command_line('app.py', '--model', folder)}",
        f"Publish: {command_line('-m', 'publish', 'model', folder)} YOUR_NAME/MODEL",
    ]


def _judgement(training: Mapping[str, Any]) -> Iterator[str]:
    advice = training.get("advice", {})
    flags = " ".join(f"--{name} {value:g}" for name, value in advice.items())
    for number, sentence in enumerate(training.get("judgement", ())):
        hint = f" (for a new run: {flags})" if flags and number == 0 else ""
        yield textwrap.fill(sentence + hint, 96, initial_indent="- ", subsequent_indent="  ")


def _measured(training: Mapping[str, Any]) -> Iterator[str]:
    loss = training["val_loss"]
    if loss is None:
        yield "Nothing was held out, so nothing was measured; the last weights are kept."
        return
    yield (
        f"Held out: {_nats(loss)}, of {training['held_out_characters']:,} characters; best at step "
        f"{training['best_step']:,} of {training['steps']:,}"
    )
    if reset := training.get("val_loss_reset_256"):
        yield f"          {_nats(reset)} with the state reset every 256 characters"
    if baselines := baseline_losses(training):
        yield "Bits per character of the held-out part:"
        for name, nats in {"this model": loss, **baselines}.items():
            yield f"   {_bits(nats):6.2f}  {name}"


def _nats(loss: float) -> str:
    return f"{loss:.4f} nats per character ({_bits(loss):.3f} bits)"


def _bits(nats: float) -> float:
    return nats / math.log(2)
