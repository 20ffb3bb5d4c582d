"""The training service: all that a page asks of visitors' runs, from a text to a model.

It joins the store, where runs lie, with what trains them: a queue here, or calls for a GPU.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs import JobError, refusals
from jobs.generators import Generators
from jobs.limits import Limits
from jobs.queue import RunQueue, last_words
from jobs.store import RunStore, StoredRun
from jobs.zero_gpu import GpuCalls, call_seconds
from model.folder import WEIGHTS_FILE
from model.generator import Generator
from training.pretrained import AUTO
from training.run import MODEL_FOLDER, RunError, is_being_written, read_settings, write_settings
from training.settings import Settings

_SWEEP_EVERY_S = 600.0
# Besides learning, a run reads its text, times the machine, scores and examines its model.
# With 20 MB that took 45 s on two busy cores; ten times as much means that it is stuck.
_SPARE_S, _SPARE_S_A_MEGABYTE = 300.0, 6.0
_SAID_NOTHING = "the process ended and didn't say why"


class TrainingService:
    """Visitors' runs on this server. Raises JobError wherever something can't be done.

    Args:
        limits: what may be asked; `where` is "here" or "gpu".
        uploads: where a page's uploads arrive, and what it may be asked for lies. What was broken
            off there is swept.
    """

    def __init__(self, limits: Limits, uploads: Path) -> None:
        self.limits = limits
        self._uploads = uploads
        self._store = RunStore(limits)
        self.new_secret = self._store.new_secret
        self._generators = Generators()
        self._calls = GpuCalls()
        spare_s = _SPARE_S + _SPARE_S_A_MEGABYTE * limits.megabytes
        is_here = limits.where == "here"
        self._queue = RunQueue(self._store.folders, spare_s) if is_here else self._calls
        self._counting = threading.Lock()
        self._made_from: dict[Path, str] = {}  # runs' folders, and the addresses that made them
        self._being_made: list[str] = []  # addresses whose text is being taken in
        self._packing = threading.Lock()
        threading.Thread(target=self._keep_sweeping, daemon=True, name="sweep").start()

    def close(self) -> None:
        """Start nothing more, and stop the current run."""
        self._queue.close()

    def runs(self, secret: str | None) -> list[StoredRun]:
        """All runs of a visitor, the newest first."""
        return [self._with_waiting(run) for run in self._store.runs(secret)]

    def find(self, secret: str | None, run_id: str | None) -> StoredRun | None:
        """One of them; None if it is gone or another's."""
        run = self._store.find(secret, run_id)
        return None if run is None else self._with_waiting(run)

    def found(self, secret: str | None, run_id: str | None) -> StoredRun:
        """The same. Raises JobError if it is gone or another's."""
        run = self.find(secret, run_id)
        if run is None:
            raise JobError("This run isn't here any more.")
        return run

    @refusals()
    def take(
        self, secret: str | None, name: str, source: Path | str, address: str = ""
    ) -> StoredRun:
        """Take in a text, and say what it is. An uploaded file is moved, wherever this ends."""
        if isinstance(source, Path):
            # Whoever asks names the path: it could be the folder of everybody's uploads.
            is_alone = source.absolute().parent.parent == self._uploads.absolute()
            if not (is_alone and source.is_file()) or source.is_symlink():
                raise JobError("This is no file that was uploaded here: choose it again.")
        try:
            return self._add(address, secret, name, source)
        finally:
            if isinstance(source, Path):
                source.unlink(missing_ok=True)

    @refusals()
    def start(
        self,
        secret: str | None,
        run_id: str | None,
        minutes: float | None = None,
        address: str = "",
        start_from: Generator | None = None,
    ) -> None:
        """Let a run wait for its turn, or for the GPU that `call_gpu` has to ask for then.

        Args:
            secret: whose it is.
            run_id: which one: a new one, or one that continues.
            minutes: of training; for a new run.
            address: of `visitor_address`; on a shared page few runs of one are trained or wait.
            start_from: a model, instead of what `--init_from auto` finds; for a new run.
        """
        run = self.found(secret, run_id)
        if run.is_new:
            minutes = minutes or 0
            if not 0 < minutes <= self.limits.minutes:
                raise JobError(f"Here a run may take {self.limits.minutes:g} minutes at most.")
            command = ["python", "-m", "training", run.text.name, "--minutes", f"{minutes:g}"]
            init_from = AUTO
            if start_from is not None:
                copy = self._store.keep_start(run, start_from)
                command += ["--init_from", copy.name]
                init_from = str(copy.resolve())
            settings = Settings(
                (str(run.text.resolve()),),
                encoding=run.summary.encoding if run.summary else "utf-8",
                minutes=minutes,
                command=shlex.join(command),
                init_from=init_from,
            )
            write_settings(run.folder, settings)
        self._queue.start(run.folder, address if self.limits.is_shared else None)

    def longer(self, run: StoredRun) -> float | None:
        """The minutes with which a run would have learnt more; None if there are none to be had."""
        minutes = (run.status.training.get("advice") or {}).get("minutes")
        return minutes if minutes and minutes <= self.limits.minutes else None

    @refusals()
    def train_longer(self, secret: str | None, run_id: str | None, address: str = "") -> str:
        """Start another run on the text of one that is done, with more minutes. Returns its id."""
        run = self.found(secret, run_id)
        init_from = read_settings(run.folder).init_from
        start_from = None if init_from == AUTO else Generator.from_pretrained(init_from)
        again = self._add(address, secret, run.text.name, run.text, True)
        try:
            self.start(secret, again.id, self.longer(run), address, start_from)
        except JobError:
            self._store.remove(again)
            raise
        return again.id

    def call_gpu(self, secret: str | None, run_id: str | None) -> bool:
        """Train a run that was started on a GPU.

        Call it from a page's event: see `GpuCalls.call`.
        """
        run = self.found(secret, run_id)
        return self._calls.call(run.folder, run.next_call_s)

    @refusals()
    def stop(self, secret: str | None, run_id: str | None) -> None:
        """Stop a run, or let it wait no longer."""
        self._queue.stop(self.found(secret, run_id).folder)

    @refusals()
    def delete(self, secret: str | None, run_id: str | None) -> None:
        """Delete a run with its text and all that was made of it, at once."""
        run = self.found(secret, run_id)
        self._queue.end(run.folder)
        self._store.remove(run)
        self._generators.forget()
        shutil.rmtree(self._uploads / run.id, ignore_errors=True)

    @refusals()
    def generator(self, secret: str | None, run_id: str | None) -> Generator:
        """The model of a run, to chat with: ask for it at each answer, and keep it no longer."""
        return self._generators.find(self.found(secret, run_id).folder)

    def archive(self, run: StoredRun) -> Path | None:
        """The model's folder as a .zip among the uploads; None where there is no room.

        Made anew when the model has changed, and deleted with the run.
        """
        model = run.folder / MODEL_FOLDER
        place = self._uploads / run.id  # which nobody can guess: whoever knows it can download it
        with self._packing:
            try:
                name = run.text.stem
                version = (model / WEIGHTS_FILE).stat().st_mtime_ns
                path = place / str(version) / f"{name}.zip"
                if path.is_file():
                    return path
                shutil.rmtree(place, ignore_errors=True)
                path.parent.mkdir(parents=True)
                with zipfile.ZipFile(path, "w") as archive:  # stored: weights stay as large
                    for file in sorted(model.iterdir()):
                        archive.write(file, f"{name}/{file.name}")
            except (OSError, StopIteration):  # the run was deleted just now, or the disk is full
                shutil.rmtree(place, ignore_errors=True)
                return None
        return path

    def sweep(self) -> None:
        """Delete what has expired, and what was broken off an hour ago."""
        self._store.sweep(
            lambda folder: bool(self._queue.waiting(folder)) or is_being_written(folder)
        )
        self._generators.forget()
        for file in self._uploads.glob("tmp*"):
            if file.is_file() and file.stat().st_mtime < time.time() - 3_600:
                file.unlink()

    def _with_waiting(self, run: StoredRun) -> StoredRun:
        """The run with what this page knows of it: what it waits for, why its child failed."""
        status, waiting = run.status, self._queue.waiting(run.folder)
        if status.is_active:
            return run
        if self.limits.where == "gpu":
            left_s = status.seconds_left
            if left_s is None:
                left_s = _minutes(run.folder) * 60
            seconds = call_seconds(left_s, self.limits.call_seconds)
            return replace(run, waiting=waiting, next_call_s=seconds)
        if not waiting and status.phase in ("new", "stopped", "interrupted"):
            words = last_words(run.folder)
            if words or (words == "" and status.phase == "new"):
                status = replace(status, phase="failed", message=words or _SAID_NOTHING)
        return replace(run, status=status, waiting=waiting)

    def _add(self, address: str, *text: Any) -> StoredRun:
        """A new run; `text` are the arguments of `RunStore.add`."""
        with self._counted(address):
            run = self._store.add(*text)
            with self._counting:
                self._made_from[run.folder] = address
        return self._with_waiting(run)

    @contextlib.contextmanager
    def _counted(self, address: str) -> Iterator[None]:
        """Around the making of a run: on a shared page an address keeps few, under any secrets."""
        with self._counting:
            self._made_from = {path: a for path, a in self._made_from.items() if path.is_dir()}
            kept = [*self._made_from.values(), *self._being_made].count(address)
            if self.limits.is_shared and kept >= self.limits.runs:
                raise JobError(
                    f"{kept} runs of yours, or of others on your network, are here, and no more "
                    "are kept: delete one of them first."
                )
            self._being_made.append(address)
        try:
            yield
        finally:
            with self._counting:
                self._being_made.remove(address)

    def _keep_sweeping(self) -> None:
        while True:
            time.sleep(_SWEEP_EVERY_S)
            with contextlib.suppress(OSError):  # it is tried again
                self.sweep()


def _minutes(folder: Path) -> float:
    """That a run was asked for; 0 before that."""
    try:
        return read_settings(folder).minutes
    except RunError:
        return 0.0
