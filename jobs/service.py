"""The training service: all that a page asks of visitors' runs, from a text to a model.

It joins the shelf, where runs lie, with what trains them, here or on a GPU. Speaks in whole
sentences through `ShelfError`; knows nothing about components.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from jobs.here import Here, last_words
from jobs.limits import Limits
from jobs.shelf import Entry, Shelf, ShelfError
from jobs.status import UNFINISHED, Status, plain_message, read_status
from jobs.text import Understood, understand
from jobs.zero_gpu import ZeroGPU
from model.folder import ModelFolderError, load_model
from model.generator import Generator
from training.run import (
    MODEL_FOLDER,
    SETTINGS_FILE,
    STATE_FILE,
    RunError,
    Settings,
    TrainingError,
    is_being_written,
    read_json,
    write_json,
)

_UNDERSTOOD_FILE = "understood.json"
_SWEEP_EVERY_S = 600.0
_FORGOTTEN = "it waited for its turn when this page was started anew"


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
        uploads: where a page's uploads arrive; what was broken off lies there until it is swept.
    """

    def __init__(self, limits: Limits, uploads: Path | None = None) -> None:
        self.limits = limits
        self._uploads = uploads
        self._gpu = ZeroGPU() if limits.where == "gpu" else None
        self._here = Here()
        self._shelf = Shelf(limits, self._is_running)
        if self._gpu is None:  # a run that an earlier page began may still go on
            for folder in filter(is_being_written, self._shelf.folders()):
                self._here.adopt(folder)
        self._zips: dict[str, Path] = {}
        threading.Thread(target=self._keep_sweeping, daemon=True, name="sweep").start()

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
            with _told("The text couldn't be stored"):
                entry = self._shelf.add(secret, name, source, _note_what_it_is)
        except TrainingError as error:
            raise ShelfError(f"{error}.") from error
        finally:
            if isinstance(source, Path):
                source.unlink(missing_ok=True)
        return self._found(secret, entry.id)

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
        with _told("The run couldn't be stored"):
            write_json(view.entry.folder / SETTINGS_FILE, asdict(settings))
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
        try:
            self._here.start(entry.folder)
        except ShelfError:
            _forget_settings(entry.folder)
            raise
        return True

    def stop(self, secret: str | None, run_id: str | None) -> None:
        """Stop a run, or take it out of the queue."""
        entry = self._found(secret, run_id).entry
        with _told("The run couldn't be told to stop"):
            (self._gpu or self._here).stop(entry.folder)
        if self._gpu is None and self._here.ahead_of(entry.folder) is None:
            _forget_settings(entry.folder)

    def delete(self, secret: str | None, run_id: str | None) -> None:
        """Delete a run with its text and all that came of it, at once."""
        entry = self._found(secret, run_id).entry
        (self._gpu or self._here).end(entry.folder)
        with _told("The run couldn't be deleted"):
            self._shelf.remove(entry)
        if (archive := self._zips.pop(entry.id, None)) is not None:
            archive.unlink(missing_ok=True)

    def generator(self, secret: str | None, run_id: str | None) -> Generator:
        """The model of a run, to chat with."""
        try:
            return Generator(load_model(self._found(secret, run_id).entry.folder))
        except ModelFolderError as error:
            raise ShelfError(f"There is no model yet: {error}.") from error

    def archive(self, view: View, scratch: Path) -> Path | None:
        """The model folder as a .zip below `scratch`, deleted with the run; None: no room."""
        made = self._zips.get(view.entry.id)
        if made is not None and made.is_file():
            return made
        # A folder that nobody can guess: whoever knows the path can download it.
        path = scratch / secrets.token_hex(16) / f"{view.entry.title}.zip"
        try:
            path.parent.mkdir(parents=True)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # weights stay as large
                for file in sorted((view.entry.folder / MODEL_FOLDER).iterdir()):
                    archive.write(file, f"{view.entry.title}/{file.name}")
        except OSError:
            shutil.rmtree(path.parent, ignore_errors=True)
            return None
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
        if self._gpu is None and ahead is None:
            if status.phase in UNFINISHED:  # somebody works on it whom we didn't ask
                self._here.adopt(entry.folder)
                ahead = 0
            elif status.phase == "interrupted" and (words := last_words(entry.folder)):
                status = replace(status, phase="failed", message=plain_message(words, entry.folder))
            elif status.phase == "new" and (entry.folder / SETTINGS_FILE).exists():
                status = replace(status, phase="interrupted", message=_FORGOTTEN)
        waits_for_gpu = self._gpu is not None and self._gpu.is_waiting(entry.folder)
        return View(entry, understood, status, ahead, waits_for_gpu)

    def _ahead_of(self, folder: Path) -> int | None:
        if self._gpu is not None:
            return 0 if self._gpu.is_running(folder) else None
        return self._here.ahead_of(folder)

    def _is_running(self, folder: Path) -> bool:
        return self._here.is_running(folder) or bool(self._gpu and self._gpu.is_running(folder))

    def sweep(self) -> None:
        """Delete what has expired, and what was broken off an hour ago."""
        self._shelf.sweep()
        for file in self._uploads.glob("tmp*") if self._uploads else ():
            if file.is_file() and file.stat().st_mtime < time.time() - 3_600:
                file.unlink()

    def _keep_sweeping(self) -> None:
        wait = threading.Event()
        while not wait.wait(_SWEEP_EVERY_S):
            with contextlib.suppress(OSError):  # it is tried again
                self.sweep()


def _note_what_it_is(folder: Path, text: Path) -> None:
    write_json(folder / _UNDERSTOOD_FILE, asdict(understand(text)))


def _forget_settings(folder: Path) -> None:
    """Make a run that hasn't begun a new text again."""
    if not (folder / STATE_FILE).exists():
        (folder / SETTINGS_FILE).unlink(missing_ok=True)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Tell a visitor what the system refuses."""
    try:
        yield
    except OSError as error:
        raise ShelfError(f"{what}: {error.strerror or 'the server refuses it'}.") from error
