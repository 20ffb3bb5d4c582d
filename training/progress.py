"""Progress: draws in the terminal what a run's folder tells.

A thread that reads the folder as anybody could; knows nothing about how training is done.
"""

from __future__ import annotations

import math
import os
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model.folder import ModelFolderError, load_model
from training.run import METRICS_FILE, MODEL_FOLDER, SAMPLES_FILE, read_lines, read_state

_EVERY_S = 0.25


def say(line: str) -> None:
    """Print a line to standard error, above the progress bar if there is one."""
    tqdm.write(line, file=sys.stderr)


class Progress:
    """Use as a context manager around `train(settings, folder)`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._bar: tqdm[Any] | None = None
        self._phase = ""
        self._notes: set[str] = set()
        self._offsets = {
            METRICS_FILE: self._size(METRICS_FILE),
            SAMPLES_FILE: self._size(SAMPLES_FILE),
        }
        self._losses: dict[str, str] = {}
        self._started_by = os.getpid()

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

    def _size(self, name: str) -> int:
        path = self._folder / name
        return path.stat().st_size if path.exists() else 0

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._look()
        self._look()

    def _look(self) -> None:
        state = read_state(self._folder)
        if state.get("pid") != self._started_by:
            return  # what an earlier process of this run left
        phase = state["phase"]
        if phase != self._phase:
            self._phase = phase
            self._announce(state)
        for note in state.get("notes", ()):
            if note not in self._notes:
                self._notes.add(note)
                say(f"Note: {note}")
        if self._bar is not None:
            self._bar.total = state.get("total_steps", self._bar.total)
            self._advance(self._bar)

    def _announce(self, state: dict[str, Any]) -> None:
        if self._phase == "reading":
            say("Reading the text ...")
        elif self._phase == "timing":
            say(f"{state['characters']:,} characters. Timing this machine ...")
        elif self._phase == "training":
            say(
                f"{state['train_characters']:,} characters to learn of {state['characters']:,}, "
                f"{state['vocab_size']:,} kinds; {state['parameters']:,} weights\n"
                f"Recipe: {state['recipe']}, {state['total_steps']:,} steps"
            )
            self._offsets = {name: self._size(name) for name in self._offsets}
            self._bar = tqdm(
                total=state["total_steps"],
                initial=state["step"],
                unit="step",
                disable=None,  # no bar where the output is no terminal
                file=sys.stderr,
                dynamic_ncols=True,
                smoothing=0.05,
                bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            )
        elif self._phase == "scoring":
            if self._bar is not None:
                self._bar.close()
                self._bar = None
            say("Scoring the whole held-out part and writing the model ...")

    def _advance(self, bar: tqdm[Any]) -> None:
        for line, offset in read_lines(self._folder / METRICS_FILE, self._offsets[METRICS_FILE]):
            self._offsets[METRICS_FILE] = offset
            if "train_loss" in line:
                self._losses["train"] = f"{line['train_loss']:.3f}"
                speed = f"{line['characters_per_second']:,} characters/s"
                bar.update(line["step"] - bar.n)
                shown = ", ".join(f"{name} {loss}" for name, loss in self._losses.items())
                bar.set_postfix_str(f"{shown}, {speed}")
            else:
                self._losses["held out"] = f"{line['val_loss']:.3f}"
        for line, offset in read_lines(self._folder / SAMPLES_FILE, self._offsets[SAMPLES_FILE]):
            self._offsets[SAMPLES_FILE] = offset
            loss = line["val_loss"]
            measured = "" if loss is None else f", held out {loss:.3f} nats ({bits(loss):.2f} bits)"
            say(f"\n--- step {line['step']:,}{measured} per character")
            say(textwrap.indent(line["text"], "    ", lambda _: True))

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
        if state["seconds"] > 0:
            cores = state["cpu_seconds"] / state["seconds"]
            lines.append(
                f"Training took {state['seconds']:.0f} s, with {cores:.2f} of {os.cpu_count()} "
                "cores busy"
            )
        if state["phase"] == "stopped":
            lines.append(f"Stopped. Go on: python -m training --resume {self._folder}")
        lines += [
            f"Model:   {self._folder / MODEL_FOLDER}",
            f"Try:     python -m model generate {self._folder}",
            f"Chat:    python app.py --model {self._folder}",
            f"Publish: python -m publish model {self._folder} YOUR_NAME/{self._folder.name}",
        ]
        return "\n".join(lines)


def bits(nats: float) -> float:
    """Bits per character of a loss in nats per character."""
    return nats / math.log(2)
