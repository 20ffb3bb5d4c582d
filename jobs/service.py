"""The training service: all that a page asks of visitors' runs, from a text to a model.

It joins the store, where runs lie, with what trains them: a queue here, or calls for a GPU.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jobs import JobError
from jobs.limits import Limits
from jobs.queue import RunQueue, end_writer, last_words
from jobs.store import RunStore, StoredRun
from jobs.zero_gpu import refusal, train_on_gpu
from model.folder import WEIGHTS_FILE, ModelFolderError, load_model
from model.generator import Generator
from training.run import (
    MODEL_FOLDER,
    RunStatus,
    is_being_written,
    read_run,
    request_stop,
    stop_requested,
    withdraw_stop,
    write_settings,
)
from training.settings import Settings, TrainingError

_SWEEP_EVERY_S = 600.0
_SAID_NOTHING = "the process ended and didn't say why"


@dataclass(frozen=True)
class View:
    """A visitor's run as a page shows it.

    Args:
        run: where it lies and how long.
        status: of its training.
        ahead: how many runs wait before it; None if it isn't waiting for its turn.
        waits_for_gpu: whether a GPU was asked for and hasn't come yet.
    """

    run: StoredRun
    status: RunStatus
    ahead: int | None
    waits_for_gpu: bool = False

    @property
    def is_active(self) -> bool:
        """Whether it is being trained, or waits for that."""
        return self.status.is_active or self.ahead is not None or self.waits_for_gpu

    @property
    def is_new(self) -> bool:
        """Whether it is no more than a text yet."""
        return self.status.phase == "new" and not self.is_active


class TrainingService:
    """Visitors' runs on this server. Raises JobError wherever something can't be done.

    Args:
        limits: what may be asked; `where` is "here" or "gpu".
        uploads: where a page's uploads arrive; what was broken off lies there until it is swept.
    """

    def __init__(self, limits: Limits, uploads: Path | None = None) -> None:
        self.limits = limits
        self._uploads = uploads
        self._store = RunStore(limits, self._is_busy)
        self._queue = None if limits.where == "gpu" else RunQueue(self._store.folders)
        self._lock = threading.Lock()
        self._asked: set[Path] = set()  # runs that wait for a GPU
        self._calls: set[Path] = set()  # those with a call that hasn't returned
        self._zips: dict[str, tuple[int, Path]] = {}
        threading.Thread(target=self._keep_sweeping, daemon=True, name="sweep").start()

    def close(self) -> None:
        """Start nothing more, and ask the current run to stop."""
        if self._queue is not None:
            self._queue.close()

    def new_secret(self) -> str:
        """For a browser that has none."""
        return self._store.new_secret()

    def views(self, secret: str | None) -> list[View]:
        """All runs of a visitor, the newest first."""
        return [self._view(run) for run in self._store.runs(secret)]

    def find(self, secret: str | None, run_id: str | None) -> StoredRun | None:
        """One of them as it lies there; None if it is gone or another's."""
        return self._store.find(secret, run_id)

    def view(self, secret: str | None, run_id: str | None) -> View | None:
        """One of them as it is now; None if it is gone or another's."""
        run = self._store.find(secret, run_id)
        return None if run is None else self._view(run)

    def take(self, secret: str | None, name: str, source: Path | str) -> View:
        """Take in a text, and say what it is. A file is moved, wherever this ends."""
        try:
            with _told("The text couldn't be stored"):
                return self._view(self._store.add(secret, name, source))
        except TrainingError as error:
            raise JobError(f"{error}.") from error
        finally:
            if isinstance(source, Path):
                source.unlink(missing_ok=True)

    def start(self, secret: str | None, run_id: str | None, minutes: float | None = None) -> None:
        """Let a run wait for its turn: a new one, or one that continues.

        On ZeroGPU it waits for a GPU, which `call_gpu` has to ask for then.

        Args:
            secret: whose it is.
            run_id: which one.
            minutes: of training; for a new run.
        """
        view = self._found(secret, run_id)
        folder = view.run.folder
        with _told("The run couldn't be started"):
            if view.is_new:
                self._prepare(view.run, minutes or 0)
            if self._queue is not None:
                self._queue.start(folder)
            else:
                withdraw_stop(folder)
                self._asked.add(folder)

    def _prepare(self, run: StoredRun, minutes: float) -> None:
        """Make a run of a text."""
        if not 0 < minutes <= self.limits.minutes:
            raise JobError(f"Here a run may take {self.limits.minutes:g} minutes at most.")
        settings = Settings(
            (str(run.text.resolve()),),
            encoding=run.summary.encoding if run.summary else "utf-8",
            minutes=minutes,
            command=f"python -m training {run.text.name} --minutes {minutes:g}",
        )
        write_settings(run.folder, settings)

    def call_gpu(self, secret: str | None, run_id: str | None, seconds: int) -> bool:
        """Ask for a GPU for so many seconds, train there, and return when that has ended.

        Call it from a page's event: whose quota it is, the platform reads off the request. Returns
        False if there is nothing to tell, because the run was stopped or deleted meanwhile.
        """
        import gradio as gr
        import httpx

        folder = self._found(secret, run_id).run.folder
        with self._lock:
            # One that was given up may still wait for its GPU: it will train the run.
            if folder in self._calls or folder not in self._asked:
                return False
            self._calls.add(folder)
        problem = ""
        try:
            if not stop_requested(folder):
                problem = train_on_gpu(str(folder), min(seconds, self.limits.call_seconds))
        except (gr.Error, RuntimeError, ValueError, httpx.HTTPError) as error:
            problem = refusal(error)
        finally:
            self._asked.discard(folder)
            self._calls.discard(folder)
        if not folder.is_dir() or stop_requested(folder):
            return False
        if problem:
            raise JobError(problem)
        return True

    def stop(self, secret: str | None, run_id: str | None) -> None:
        """Stop a run, or let it wait no longer."""
        folder = self._found(secret, run_id).run.folder
        with _told("The run couldn't be told to stop"):
            if self._queue is not None:
                self._queue.stop(folder)
            else:
                request_stop(folder)

    def delete(self, secret: str | None, run_id: str | None) -> None:
        """Delete a run with its text and all that was made of it, at once."""
        run = self._found(secret, run_id).run
        if self._queue is not None:
            self._queue.end(run.folder)
        else:
            end_writer(run.folder)
        with _told("The run couldn't be deleted"):
            self._store.remove(run)
        self._remove_archive(run.id)

    def generator(self, secret: str | None, run_id: str | None) -> tuple[Generator, str]:
        """The model of a run, to chat with, and the run's title."""
        run = self._found(secret, run_id).run
        try:
            return Generator(load_model(run.folder)), run.title
        except ModelFolderError as error:
            raise JobError(f"There is no model yet: {error}.") from error

    def archive(self, view: View, scratch: Path) -> Path | None:
        """The model's folder as a .zip below `scratch`, deleted with the run; None: no room.

        Made anew when the model has changed.
        """
        model, title = view.run.folder / MODEL_FOLDER, view.run.title
        # A folder that nobody can guess: whoever knows the path can download it.
        path = scratch / secrets.token_hex(16) / f"{title}.zip"
        try:
            version = (model / WEIGHTS_FILE).stat().st_mtime_ns
            before, made = self._zips.get(view.run.id, (0, path))
            if before == version and made.is_file():
                return made
            self._remove_archive(view.run.id)
            path.parent.mkdir(parents=True)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # weights stay as large
                for file in sorted(model.iterdir()):
                    archive.write(file, f"{title}/{file.name}")
        except OSError:
            shutil.rmtree(path.parent, ignore_errors=True)
            return None
        self._zips[view.run.id] = (version, path)
        return path

    def sweep(self) -> None:
        """Delete what has expired, and what was broken off an hour ago."""
        self._store.sweep()
        for file in self._uploads.glob("tmp*") if self._uploads else ():
            if file.is_file() and file.stat().st_mtime < time.time() - 3_600:
                file.unlink()

    def _remove_archive(self, run_id: str) -> None:
        if run_id in self._zips:
            shutil.rmtree(self._zips.pop(run_id)[1].parent, ignore_errors=True)

    def _found(self, secret: str | None, run_id: str | None) -> View:
        view = self.view(secret, run_id)
        if view is None:
            raise JobError("This run isn't here any more.")
        return view

    def _view(self, run: StoredRun) -> View:
        status = read_run(run.folder)
        if self._queue is None:
            if status.is_active:
                self._asked.discard(run.folder)
            is_waiting = run.folder in self._asked and not stop_requested(run.folder)
            return View(run, status, None, is_waiting)
        ahead = self._queue.ahead_of(run.folder)
        if ahead is None and status.phase in ("new", "stopped", "interrupted"):
            words = last_words(run.folder)
            if words or (words == "" and status.phase == "new"):
                status = replace(status, phase="failed", message=words or _SAID_NOTHING)
        return View(run, status, ahead)

    def _is_busy(self, folder: Path) -> bool:
        is_asked = folder in self._asked | self._calls
        if self._queue is not None:
            is_asked = self._queue.ahead_of(folder) is not None
        return is_asked or is_being_written(folder)

    def _keep_sweeping(self) -> None:
        wait = threading.Event()
        while not wait.wait(_SWEEP_EVERY_S):
            with contextlib.suppress(OSError):  # it is tried again
                self.sweep()


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Tell a visitor what the system refuses."""
    try:
        yield
    except OSError as error:
        raise JobError(f"{what}: {error.strerror or 'the server refuses it'}.") from error
