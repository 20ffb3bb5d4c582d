"""Progress: draws in the terminal what a run's folder tells.

A thread that reads the folder as anybody could; knows nothing about how training is done.
"""

from __future__ import annotations

import json
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

from model.folder import ModelFolderError, load_model
from training.judging.judgement import bits
from training.run import METRICS_FILE, MODEL_FOLDER, SAMPLES_FILE, read_lines, read_state

_EVERY_S = 0.25


def say(line: str) -> None:
    """Print a line to standard error, above the progress bar if there is one."""
    tqdm.write(line, file=sys.stderr)


def command_line(*words: str | Path) -> str:
    """A line for a shell here that gives these words to the Python that runs this."""
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
        self._phase = ""
        self._notes: set[str] = set()
        self._offsets = {METRICS_FILE: 0, SAMPLES_FILE: 0}
        self._losses: dict[str, str] = {}
        self._process = os.getpid()

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._bar is not None:
            self._bar.close()
        if kind is None:
            say(self._summary())

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._look()
        self._look()

    def _look(self) -> None:
        state = read_state(self._folder)
        if state.get("pid") != self._process:
            return  # what an earlier process of this run left
        phase, earlier = state["phase"], self._phase
        self._phase = phase
        if phase != earlier and phase == "reading":
            say("Reading the text ...")
        if phase != earlier and phase == "timing":
            say(f"{state['characters']:,} characters. Timing this machine ...")
        for note in state.get("notes", ()):
            if note not in self._notes:
                self._notes.add(note)
                say(f"Note: {note}")
        if "start_step" in state:  # training has begun; a short run may be over already
            self._follow(state)
        if phase != earlier and phase == "scoring":
            say("Scoring the whole held-out part and writing the model ...")
        if phase != earlier and phase == "judging":
            say("The model is written. Comparing it with simpler methods and with its text ...")

    def _follow(self, state: dict[str, Any]) -> None:
        if self._bar is None:
            say(
                f"{state['train_characters']:,} characters to learn of {state['characters']:,}, "
                f"{state['vocab_size']:,} kinds; {state['parameters']:,} weights\n"
                f"Recipe: {state['recipe']}, {state['total_steps']:,} steps"
            )
            self._bar = tqdm(
                total=state["total_steps"],
                initial=state["start_step"],
                unit="step",
                disable=None,  # no bar where the output is no terminal
                file=sys.stderr,
                dynamic_ncols=True,
                smoothing=0.05,
                bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            )
        self._bar.total = state["total_steps"]
        for line in self._new_lines(METRICS_FILE, state["start_step"]):
            if "train_loss" in line:
                self._losses["train"] = f"{line['train_loss']:.3f}"
                shown = ", ".join(f"{name} {loss}" for name, loss in self._losses.items())
                self._bar.update(line["step"] - self._bar.n)
                self._bar.set_postfix_str(
                    f"{shown}, {line['characters_per_second']:,} characters/s"
                )
            else:
                self._losses["held out"] = f"{line['val_loss']:.3f}"
        for line in self._new_lines(SAMPLES_FILE, state["start_step"]):
            loss = line["val_loss"]
            measured = f"a sample of what is held out: {loss:.3f} nats ({bits(loss):.2f} bits)"
            shown = "" if loss is None else f"; {measured} per character"
            say(f"\n--- step {line['step']:,} of {state['total_steps']:,}{shown}")
            say(textwrap.indent(line["text"], "    ", lambda _: True))

    def _new_lines(self, name: str, after_step: int) -> Iterator[dict[str, Any]]:
        path = self._folder / name
        if path.exists() and path.stat().st_size < self._offsets[name]:
            self._offsets[name] = path.stat().st_size  # the run went back, and its log was cut
        for line, offset in read_lines(path, self._offsets[name]):
            self._offsets[name] = offset
            if line["step"] > after_step:  # what came before, an earlier process has shown
                yield line

    def _summary(self) -> str:
        state = read_state(self._folder)
        try:
            training = load_model(self._folder).config.training
        except ModelFolderError as error:
            return f"No model was written: {error}"
        lines = []
        if training["val_loss"] is None:
            lines.append(
                "Nothing was held out, so nothing was measured; the last weights are kept."
            )
        else:
            lines.append(
                f"Held out: {training['val_loss']:.4f} nats per character "
                f"({training['val_bits']:.3f} bits), of {training['held_out_characters']:,} "
                f"characters; best at step {training['best_step']:,} of {training['steps']:,}"
            )
        lines += _results(training)
        if state["seconds"] > 0:
            cores = state["cpu_seconds"] / state["seconds"]
            lines.append(
                f"Training took {state['seconds']:.0f} s, with {cores:.2f} of {os.cpu_count()} "
                "cores busy"
            )
        if state["phase"] == "stopped":
            lines.append(
                f"Stopped. Go on: {command_line('-m', 'training', '--resume', self._folder)}"
            )
        lines += [
            f"Model:   {self._folder / MODEL_FOLDER}",
            f"Try:     {command_line('-m', 'model', 'generate', self._folder)}",
            f"Chat:    {command_line('app.py', '--model', self._folder)}",
            f"Publish: {command_line('-m', 'publish', 'model', self._folder)} YOUR_NAME/MODEL",
        ]
        return "\n".join(lines)


def _results(training: Mapping[str, Any]) -> list[str]:
    """The loss with resets, the baselines and the judgement, as a run stores them."""
    lines = []
    reset, baselines = training["val_loss_reset_256"], training["baselines"]
    if reset is not None:
        lines.append(
            f"          {reset:.4f} nats per character ({bits(reset):.3f} bits) with the state "
            "reset every 256 characters"
        )
    if baselines is not None:
        named = [
            (name, baselines[key])
            for key, name in (
                ("five_gram", "a 5-gram with back-off"),
                ("xz", "xz"),
                ("unigram", "single characters"),
                ("uniform", "guessing blindly"),
            )
            if baselines[key] is not None
        ]
        others = ", ".join(f"{name} {bits(loss):.2f}" for name, loss in named)
        lines.append(f"Bits per character: this model {bits(training['val_loss']):.2f}, {others}")
    lines += [
        textwrap.fill(sentence, 96, initial_indent="- ", subsequent_indent="  ")
        for sentence in training["judgement"]
    ]
    passage = training["longest_copy"]["passage"]
    if passage:
        lines.append(
            f"Longest passage as in its text: {json.dumps(passage[:80], ensure_ascii=False)}"
        )
    return lines
