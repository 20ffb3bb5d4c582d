"""A run of training is a folder: settings, recipe, state, metrics, samples, stop request, model.

One writer (`Run`, in whatever process trains) and one reader (`read_run`, for the terminal and the
page). To stop a run is to leave a file there. Small files are replaced as a whole; logs are
appended line by line, and a reader ignores a last line that is still being written. Knows nothing
about networks.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from model.folder import CONFIG_FILE
from training.settings import Settings, TrainingError

SETTINGS_FILE = "settings.json"
RECIPE_FILE = "recipe.json"
STATE_FILE = "state.json"
METRICS_FILE = "metrics.jsonl"
SAMPLES_FILE = "samples.jsonl"
CHECKPOINTS_FOLDER = "checkpoints"
STOP_FILE = "stop"
LOCK_FILE = "writer.lock"
MODEL_FOLDER = "model"
_OLDER_FILE = "plan.json"  # in a run of an older version

Phase = Literal[
    "reading", "timing", "training", "scoring", "examining", "done", "stopped", "failed"
]
ACTIVE = ("reading", "timing", "training", "scoring", "examining")
"""Phases in which some process is working on the run."""

_KILLED = "the process was killed; what was learnt until the last checkpoint is kept"
_MOST_POINTS = 300  # of a loss curve: more than a page has pixels for


class RunError(Exception):
    """A run's folder can't be used as asked; one sentence that says why and what to do."""


class RunStopped(Exception):
    """Somebody asked the run to stop before it had started to learn."""


def write_json(path: Path, data: Any) -> None:
    """Replace a small JSON file as a whole, durably."""
    _replace(path, json.dumps(data, ensure_ascii=False, indent=1))


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """What a small JSON file holds; None where there is none. Raises RunError if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RunError(f"{path.name} in the run's folder is damaged: {error}") from error


def write_settings(folder: Path, settings: Settings) -> None:
    """Make `folder` the folder of a run that can be started by resuming it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / SETTINGS_FILE, asdict(settings))


def read_settings(folder: Path) -> Settings:
    """The settings of the run in `folder`. Raises RunError if there is none to continue."""
    if (folder / _OLDER_FILE).exists():
        raise RunError(
            "this run was made by an older version and can't be continued; its model can still be "
            "used"
        )
    data = read_json(folder / SETTINGS_FILE)
    if data is None:
        raise RunError(f"{folder} is no run's folder: it has no {SETTINGS_FILE}")
    try:
        return Settings(**{**data, "corpus": tuple(data["corpus"])})
    except (TypeError, KeyError, TrainingError) as error:
        raise RunError(f"{SETTINGS_FILE} in {folder} can't be used: {error}") from None


def has_begun(folder: Path) -> bool:
    """Whether the run in `folder` has anything worth continuing."""
    return (folder / RECIPE_FILE).exists() or (folder / _OLDER_FILE).exists()


def restart(folder: Path, settings: Settings) -> None:
    """Let a finished run start again with other settings; its model stays until the next."""
    shutil.rmtree(folder / CHECKPOINTS_FOLDER, ignore_errors=True)
    for name in (RECIPE_FILE, METRICS_FILE, SAMPLES_FILE, STATE_FILE):
        (folder / name).unlink(missing_ok=True)
    write_settings(folder, settings)


def request_stop(folder: Path) -> None:
    """Ask the run to stop soon. It keeps its best weights and can be resumed."""
    (folder / STOP_FILE).touch()


def withdraw_stop(folder: Path) -> None:
    """Take back a stop request that no run has followed yet."""
    (folder / STOP_FILE).unlink(missing_ok=True)


def stop_requested(folder: Path) -> bool:
    """Whether somebody has asked the run to stop."""
    return (folder / STOP_FILE).exists()


def is_being_written(folder: Path) -> bool:
    """Whether any process is training in the folder now."""
    if not (folder / LOCK_FILE).exists():
        return False
    try:
        with FileLock(folder / LOCK_FILE).acquire(timeout=0):
            return False
    except Timeout:
        return True


class Run:
    """The one writer of a run's folder; use it as a context manager.

    A stop request is followed whenever it was made, and removed when the run ends: who starts a run
    again withdraws an old one first (`withdraw_stop`).

    Args:
        folder: the run's; made if it isn't there.
        settings: stored there, or compared with those that are.

    Raises:
        RunError: on entering, if another process is training there or the folder has another run.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self._lock = FileLock(folder / LOCK_FILE)
        self._facts: dict[str, Any] = {}

    def __enter__(self) -> Run:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=1)  # a reader may be looking
        except Timeout:
            raise RunError(f"another process is training in {self.folder}") from None
        try:
            for pattern in (".*.tmp", f"{CHECKPOINTS_FOLDER}/*.tmp"):
                for left in self.folder.glob(pattern):  # by a process that was killed
                    left.unlink(missing_ok=True)
            if not has_begun(self.folder):
                write_settings(self.folder, self.settings)
            elif read_settings(self.folder) != self.settings:
                raise RunError(f"{self.folder} holds a run with other settings")
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        withdraw_stop(self.folder)
        self._lock.release()

    def state(self, phase: Phase, message: str = "", **facts: Any) -> None:
        """Tell readers what is going on; facts told before stay."""
        self._facts |= facts
        state = {"phase": phase, "message": message, "pid": os.getpid(), "facts": self._facts}
        write_json(self.folder / STATE_FILE, state)

    def log(self, name: str = METRICS_FILE, **values: Any) -> None:
        """Append a line to the metrics, or to another log."""
        with open(self.folder / name, "a", encoding="utf-8") as file:
            file.write(_line(values))

    def truncate_logs(self, step: int) -> None:
        """Forget what was logged after `step`: a resumed run will log it again."""
        for name in (METRICS_FILE, SAMPLES_FILE):
            path = self.folder / name
            kept = (line for line in _read_lines(path) if line.get("step", 0) <= step)
            _replace(path, "".join(map(_line, kept)))


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class RunStatus:
    """A run at a moment, as `read_run` finds it."""

    # one of `Phase`; "new" before anything has begun, "interrupted" where the process was killed
    phase: str
    message: str = ""  # why it failed or was interrupted; a clause without paths
    pid: int = 0  # of the process that wrote the state; 0 for none
    progress: float = 0.0  # share of the run that is done, 0 to 1
    step: int = 0  # steps so far
    # of training, at its present pace; None if that can't be told
    seconds_left: float | None = None
    characters_per_second: int = 0  # lately; 0 before anything was measured
    train_losses: tuple[tuple[int, float], ...] = ()  # (step, nats per character), thinned out
    val_losses: tuple[tuple[int, float], ...] = ()  # the same of the held-out part
    samples: tuple[tuple[int, str], ...] = ()  # (step, text), the oldest first
    # what the run has told of itself: characters, train_characters, vocab_size, parameters, recipe
    # (in words), start_step, seconds, notes
    facts: Mapping[str, Any] = field(default_factory=dict)
    has_model: bool = False  # whether there is a model to use
    # of that model's config, once the run has ended: what was measured, the judgement
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Whether some process is working on it."""
        return self.phase in ACTIVE

    @property
    def can_continue(self) -> bool:
        """Whether resuming it would learn more."""
        return self.phase in ("stopped", "interrupted", "failed")

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know about the text and the run; whole clauses."""
        return tuple(self.facts.get("notes", ()))


def read_run(folder: Path) -> RunStatus:
    """Look at a run's folder. Never fails: what is missing or damaged is left out."""
    state = _mapping(folder / STATE_FILE)
    phase, message = state.get("phase", "new"), state.get("message", "")
    if phase in ACTIVE and not is_being_written(folder):
        phase, message = "interrupted", _KILLED
    lines = list(_read_lines(folder / METRICS_FILE))
    train = [line for line in lines if "train_loss" in line]
    last = train[-1] if train else {}
    config = _mapping(folder / MODEL_FOLDER / CONFIG_FILE) if phase not in ACTIVE else {}
    return RunStatus(
        phase=phase,
        message=message,
        pid=state.get("pid", 0),
        progress=1.0 if phase in ("scoring", "examining", "done") else last.get("progress", 0.0),
        step=last.get("step", 0),
        seconds_left=_seconds_left(train),
        characters_per_second=last.get("characters_per_second", 0),
        train_losses=_thinned([(line["step"], line["train_loss"]) for line in train]),
        val_losses=_thinned([(x["step"], x["val_loss"]) for x in lines if "val_loss" in x]),
        samples=tuple((s["step"], s["text"]) for s in _read_lines(folder / SAMPLES_FILE)),
        facts=state.get("facts", {}),
        has_model=(folder / MODEL_FOLDER / CONFIG_FILE).is_file(),
        training=config.get("training", {}),
    )


def _mapping(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path)
    except RunError:
        return {}
    return data if isinstance(data, dict) else {}


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The complete lines of a log."""
    try:
        with open(path, "rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    try:
                        yield json.loads(line)
                    except ValueError:
                        continue  # torn by a crash, and continued behind it
    except FileNotFoundError:
        return


def _seconds_left(train: list[dict[str, Any]]) -> float | None:
    """By the pace of late: the mean over the run doesn't know how busy the machine is now."""
    if not train:
        return None
    first, last = train[-20:][0], train[-1]
    progress, seconds = (last.get(key, 0) - first.get(key, 0) for key in ("progress", "seconds"))
    return float((1 - last["progress"]) * seconds / progress) if progress > 0 else None


def _thinned(points: list[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """At most so many of them, evenly; the last always."""
    every = max(1, -(-len(points) // _MOST_POINTS))
    return tuple(points[::-1][::every][::-1])
