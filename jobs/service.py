"""The training service: all that a page asks of visitors' runs, from a text to a model.

It joins the shelf, where runs lie, with what trains them, here or on a GPU. Speaks in whole
sentences through `ShelfError`; knows nothing about components.
"""

from __future__ import annotations

import secrets
import threading
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.here import Here
from jobs.limits import Limits
from jobs.shelf import Entry, Shelf, ShelfError
from jobs.status import Status, read_status
from jobs.text import Understood, understand
from jobs.zero_gpu import ZeroGPU
from model.folder import ModelFolderError, load_model
from model.generator import Generator
from training.run import (
    MODEL_FOLDER,
    SETTINGS_FILE,
    RunError,
    Settings,
    TrainingError,
    read_json,
    write_json,
)

_UNDERSTOOD_FILE = "understood.json"
_SWEEP_EVERY_S = 600.0


@dataclass(frozen=True)
class View:
    """A visitor's run as a page shows it.

    Args:
        entry: where it lies and how long.
        understood: of its text.
        status: of its training.
        ahead: runs before it in the queue; None if it isn't asked for.
        waits_for_gpu: whether it was asked for on ZeroGPU, and has no GPU yet.
    """

    entry: Entry
    understood: Understood
    status: Status
    ahead: int | None
    waits_for_gpu: bool = False

    @property
    def is_active(self) -> bool:
        """Whether it is being trained, or waits for that."""
        return self.ahead is not None


class TrainingService:
    """Visitors' runs on this server. Raises ShelfError wherever something can't be done.

    Args:
        limits: what may be asked; `where` is "here" or "gpu".
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._gpu = ZeroGPU() if limits.where == "gpu" else None
        self._here = Here()
        self._shelf = Shelf(limits, self._is_running)
        self._zips: dict[str, Path] = {}
        threading.Thread(target=self._sweep, daemon=True, name="sweep").start()

    def close(self) -> None:
        """Start nothing more, and ask the present run to stop."""
        self._here.close()

    def new_secret(self) -> str:
        """For a browser that has none."""
        return self._shelf.new_secret()

    def views(self, secret: str | None) -> list[View]:
        """All runs of a visitor, the newest first."""
        return [view for e in self._shelf.entries(secret) if (view := self._view(e)) is not None]

    def view(self, secret: str | None, run_id: str | None) -> View | None:
        """One of them; None if it is gone or another's."""
        entry = self._shelf.find(secret, run_id)
        return None if entry is None else self._view(entry)

    def take(self, secret: str | None, name: str, source: Path | str) -> View:
        """Take in a text, and say what it is. A file is moved, wherever this ends."""
        try:
            entry = self._shelf.add(secret, name, source)
        except OSError as error:
            raise ShelfError(f"The text couldn't be stored: {error.strerror or error}.") from error
        finally:
            if isinstance(source, Path):
                source.unlink(missing_ok=True)
        try:
            understood = understand(entry.text)
            write_json(entry.folder / _UNDERSTOOD_FILE, asdict(understood))
        except TrainingError as error:
            self._shelf.remove(entry)
            raise ShelfError(f"{error}.") from error
        except OSError as error:
            self._shelf.remove(entry)
            raise ShelfError(f"The text couldn't be stored: {error.strerror or error}.") from error
        return View(entry, understood, Status("new"), None)

    def prepare(self, secret: str | None, run_id: str | None, minutes: float) -> View:
        """Make a run of a text that was taken in: after this, `work` trains it."""
        view = self._found(secret, run_id)
        if view.status.phase != "new":
            return view
        if not 0 < minutes <= self.limits.minutes:
            raise ShelfError(f"Here a run may take {self.limits.minutes:g} minutes at most.")
        settings = Settings(
            (str(view.entry.text.resolve()),),
            encoding=view.understood.encoding,
            minutes=minutes,
            command=f"python -m training {view.entry.text.name} --minutes {minutes:g}",
        )
        try:
            write_json(view.entry.folder / SETTINGS_FILE, asdict(settings))
        except OSError as error:
            raise ShelfError(f"The run couldn't be stored: {error.strerror or error}.") from error
        return view

    def expect(self, secret: str | None, run_id: str | None) -> View:
        """Say that `work` is about to be called for a run that was prepared."""
        view = self._found(secret, run_id)
        if self._gpu is not None:
            self._gpu.expect(view.entry.folder)
        return self._found(secret, run_id)

    def work(self, secret: str | None, run_id: str | None, seconds: int = 0) -> bool:
        """Train a run, or go on with it.

        Here it joins the queue, and this returns at once. On ZeroGPU this waits for a GPU that is
        asked for `seconds`, and returns when the worker has ended; False if there is nothing to
        tell of it, because it was stopped or deleted before.
        """
        entry = self._found(secret, run_id).entry
        if self._gpu is not None:
            return self._gpu.run(entry.folder, min(seconds, self.limits.call_seconds))
        self._here.start(entry.folder)
        return True

    def stop(self, secret: str | None, run_id: str | None) -> None:
        """Stop a run, or take it out of the queue."""
        entry = self._found(secret, run_id).entry
        (self._gpu or self._here).stop(entry.folder)

    def delete(self, secret: str | None, run_id: str | None) -> None:
        """Delete a run with its text and all that came of it, at once."""
        entry = self._found(secret, run_id).entry
        (self._gpu or self._here).end(entry.folder)
        self._shelf.remove(entry)
        if (archive := self._zips.pop(entry.id, None)) is not None:
            archive.unlink(missing_ok=True)

    def generator(self, secret: str | None, run_id: str | None) -> Generator:
        """The model of a run, to chat with."""
        try:
            return Generator(load_model(self._found(secret, run_id).entry.folder))
        except ModelFolderError as error:
            raise ShelfError(f"There is no model yet: {error}.") from error

    def archive(self, view: View, scratch: Path) -> Path:
        """The model folder as a .zip below `scratch`; deleted with the run."""
        made = self._zips.get(view.entry.id)
        if made is not None and made.is_file():
            return made
        # A folder that nobody can guess: whoever knows the path can download it.
        path = scratch / secrets.token_hex(16) / f"{view.entry.title}.zip"
        path.parent.mkdir(parents=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # weights don't get smaller
            for file in sorted((view.entry.folder / MODEL_FOLDER).iterdir()):
                archive.write(file, f"{view.entry.title}/{file.name}")
        self._zips[view.entry.id] = path
        return path

    def _found(self, secret: str | None, run_id: str | None) -> View:
        view = self.view(secret, run_id)
        if view is None:
            raise ShelfError("This run isn't here any more.")
        return view

    def _view(self, entry: Entry) -> View | None:
        try:
            data = read_json(entry.folder / _UNDERSTOOD_FILE)
            understood = Understood(**{**data, "warnings": tuple(data["warnings"])})
        except (RunError, TypeError, LookupError):
            return None  # being taken in, or being deleted
        ahead = self._ahead_of(entry.folder)
        status = read_status(entry.folder, is_running=self._is_running(entry.folder))
        waits_for_gpu = self._gpu is not None and self._gpu.is_waiting(entry.folder)
        return View(entry, understood, status, ahead, waits_for_gpu)

    def _ahead_of(self, folder: Path) -> int | None:
        if self._gpu is not None:
            return 0 if self._gpu.is_running(folder) else None
        return self._here.ahead_of(folder)

    def _is_running(self, folder: Path) -> bool:
        return self._here.is_running(folder) or bool(self._gpu and self._gpu.is_running(folder))

    def _sweep(self) -> None:
        wait = threading.Event()
        while not wait.wait(_SWEEP_EVERY_S):
            self._shelf.sweep()
