"""A run of training is a folder: settings, plan, metrics, samples, state, stop request, model.

One writer (`RunWriter`, in whatever process trains), any number of readers (the functions below).
Knows nothing about networks. Every small file is replaced atomically; logs are appended by line,
and a reader ignores a last line that is still being written.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

SETTINGS_FILE = "settings.json"
PLAN_FILE = "plan.json"
STATE_FILE = "state.json"
METRICS_FILE = "metrics.jsonl"
SAMPLES_FILE = "samples.jsonl"
STOP_FILE = "stop"
LOCK_FILE = "writer.lock"
MODEL_FOLDER = "model"

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "tf32")

Phase = Literal["reading", "timing", "training", "scoring", "judging", "done", "stopped", "failed"]


class RunError(Exception):
    """A run's folder can't be used as asked; one clear line."""


class TrainingError(Exception):
    """Training can't be done or go on; one clear line that says what to do."""


@dataclass(frozen=True)
class Settings:
    """What a run was asked for. Plain data: can be pickled, and is stored in the run's folder.

    A hyperparameter that is None is chosen by `training.recipe`.

    Args:
        corpus: files or folders of text, in order.
        encoding: of the files, where no byte order mark says another.
        errors: "strict", or "replace" to put U+FFFD for what can't be decoded.
        minutes: wall time of the training loop; turned into a number of steps by timing some.
        steps: the number of steps itself; then `minutes` is only a figure of speech.
        patience: evaluations without a better held-out loss after which the run ends; 0 goes on to
            the end, None leaves it to `training.evaluation`.
        held_out: share of the corpus, at its end, that is never trained on; 0 for none.
        init_from: a model to begin from: its folder, a run's folder, or a Hub id.
        min_count: characters rarer than this are folded into the unknown character.
        dialogue: "auto" to look for speakers and turns, "off" not to.
        seed: of initialisation, dropout and sampling.
        threads: of the processor, for each process; None leaves torch's choice.
        device: "auto", "cpu", "cuda" or "mps".
        precision: "auto" for whichever is faster, "float32", "bfloat16" or, on a GPU, "tf32".
        command: how the run was started, without paths; for the model card.
        license: of the model, for its card.
        language: of the corpus, for the card.
        credit: whose text it is, for the card.
    """

    corpus: tuple[str, ...]
    encoding: str = "utf-8"
    errors: str = "strict"
    minutes: float = 5.0
    steps: int | None = None
    patience: int | None = None
    held_out: float = 0.1
    init_from: str | None = None
    min_count: int = 1
    dialogue: str = "auto"
    seed: int = 1
    threads: int | None = None
    device: str = "auto"
    precision: str = "auto"
    hidden_size: int | None = None
    num_layers: int | None = None
    embedding_size: int | None = None
    batch_size: int | None = None
    sequence_length: int | None = None
    dropout: float | None = None
    input_dropout: float | None = None
    state_reset: float | None = None
    muon_lr: float | None = None
    adam_lr: float | None = None
    weight_decay: float | None = None
    adam_weight_decay: float | None = None
    command: str = ""
    license: str | None = None
    language: str | None = None
    credit: str | None = None

    def __post_init__(self) -> None:
        """Raises TrainingError if a value is out of range."""
        if not self.corpus:
            raise TrainingError("name at least one corpus file")
        if self.errors not in ("strict", "replace"):
            raise TrainingError(f"--errors must be strict or replace, not {self.errors!r}")
        if self.dialogue not in ("auto", "off"):
            raise TrainingError(f"--dialogue must be auto or off, not {self.dialogue!r}")
        for name, choices in (("device", DEVICES), ("precision", PRECISIONS)):
            if (value := getattr(self, name)) not in choices:
                raise TrainingError(f"--{name} must be one of {', '.join(choices)}, not {value!r}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                shown = f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
                raise TrainingError(f"--{name} must be from {low:g} to {high:,.10g}, not {shown}")


LEAST_MINUTES = 0.01

_RANGES: dict[str, tuple[float, float]] = {
    "minutes": (LEAST_MINUTES, 100_000),
    "steps": (1, 1_000_000_000),
    "patience": (0, 1_000_000_000),
    "held_out": (0, 0.5),
    "min_count": (1, 1_000_000_000),
    "seed": (0, 2**31 - 1),
    "threads": (1, 1_024),
    "hidden_size": (1, 8_192),
    "num_layers": (1, 16),
    "embedding_size": (0, 8_192),
    "batch_size": (1, 65_536),
    "sequence_length": (1, 65_536),
    "dropout": (0, 0.95),
    "input_dropout": (0, 0.95),
    "state_reset": (0, 1),
    "muon_lr": (0, 10),
    "adam_lr": (0, 10),
    "weight_decay": (0, 10),
    "adam_weight_decay": (0, 10),
}


def write_json(path: Path, data: Any) -> None:
    """Replace a small JSON file as a whole, durably."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """What a small JSON file holds, or None where there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error


def read_settings(folder: Path) -> Settings:
    """The settings of the run in `folder`. Raises RunError if there is none."""
    data = read_json(folder / SETTINGS_FILE)
    if data is None:
        raise RunError(f"{folder} is no run's folder: it has no {SETTINGS_FILE}")
    try:
        if not isinstance(data["corpus"], list):
            raise TypeError
        return Settings(**{**data, "corpus": tuple(data["corpus"])})
    except (TypeError, KeyError, TrainingError):
        raise RunError(f"{folder / SETTINGS_FILE} is not what this version writes") from None


def read_state(folder: Path) -> dict[str, Any]:
    """`phase` and `message`, and what else the writer put there.

    {} before anything happened, and where the file is damaged: nothing that only it knows is needed
    to go on.
    """
    try:
        state = read_json(folder / STATE_FILE)
    except RunError:
        return {}
    return state if isinstance(state, dict) else {}


def read_lines(path: Path, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """The complete lines of a log from a byte offset on, each with the offset behind it."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # still being written
                offset += len(line)
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # torn by a crash, and continued behind it
                if isinstance(entry, dict):
                    yield entry, offset
    except FileNotFoundError:
        return


def request_stop(folder: Path) -> None:
    """Ask the run to stop after its present step. It keeps its best weights and can be resumed."""
    (folder / STOP_FILE).touch()


def is_being_written(folder: Path) -> bool:
    """Whether a process, whichever it is, trains in the folder now."""
    if not (folder / LOCK_FILE).exists():
        return False
    try:
        with FileLock(folder / LOCK_FILE).acquire(timeout=0):
            return False
    except Timeout:
        return True


def remove_unplanned(folder: Path) -> None:
    """Remove the folder of a run that came to nothing, unless it has a plan or another writer."""
    try:
        with RunWriter(folder):
            if not (folder / PLAN_FILE).exists():
                shutil.rmtree(folder, ignore_errors=True)  # on Windows the lock stays until below
    except RunError:
        return
    with suppress(OSError):  # it isn't empty, or is gone
        folder.rmdir()


class RunWriter:
    """The one writer of a run's folder; use as a context manager.

    Raises:
        RunError: on entering, if another process is writing there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / LOCK_FILE)

    def __enter__(self) -> RunWriter:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RunError(f"another process is training in {self.folder}") from None
        self.withdraw_stop()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def settings(self, settings: Settings) -> None:
        """Store the settings, once."""
        write_json(self.folder / SETTINGS_FILE, asdict(settings))

    def state(self, phase: Phase, message: str = "", **more: Any) -> None:
        """Tell readers what is going on."""
        write_json(
            self.folder / STATE_FILE,
            {"phase": phase, "message": message, "pid": os.getpid(), "time": time.time(), **more},
        )

    def metrics(self, **values: Any) -> None:
        """Append a line to the metrics."""
        self._append(METRICS_FILE, values)

    def sample(self, **values: Any) -> None:
        """Append a sample of generated text."""
        self._append(SAMPLES_FILE, values)

    def truncate_logs(self, step: int) -> None:
        """Forget what was logged after `step`: a resumed run will log it again."""
        for name in (METRICS_FILE, SAMPLES_FILE):
            path = self.folder / name
            kept = [line for line, _ in read_lines(path) if line.get("step", 0) <= step]
            temporary = path.with_name(f".{name}.{os.getpid()}.tmp")
            try:
                with open(temporary, "w", encoding="utf-8") as file:
                    file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in kept)
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)

    def stop_requested(self) -> bool:
        """Whether somebody left a stop request."""
        return (self.folder / STOP_FILE).exists()

    def withdraw_stop(self) -> None:
        """Remove an older stop request."""
        (self.folder / STOP_FILE).unlink(missing_ok=True)

    def _append(self, name: str, values: dict[str, Any]) -> None:
        with open(self.folder / name, "a", encoding="utf-8") as file:
            file.write(json.dumps(values, ensure_ascii=False) + "\n")
