"""Where visitors' runs lie, how they are found again, and when they are deleted.

A visitor is a secret that only their browser knows; the name of their folder is its digest, so
whoever can list the disk can't become them. On one's own computer there is one visitor, who needs
no secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from weakref import WeakValueDictionary

from jobs import JobError
from jobs.limits import Limits
from jobs.text import TextSummary, summarize
from model.folder import CONFIG_FILE, WEIGHTS_FILE, find_model_folder
from model.generator import Generator
from training.run import RunError, RunStatus, read_json, read_run, write_json

ABOUT_FILE = "about.json"
TEXT_FOLDER = "text"
START_FOLDER = "start"
_ROOM_A_BYTE = 8
"""Bytes on disk a byte of text: the text, its encoded form, and scratch space while encoding."""
_ROOM_A_RUN = 200_000_000  # checkpoints and model of a wide network
_LONGEST_NAME = 80
_HALF_DONE_S = 3_600  # after which what isn't a whole run was left behind by a crash
_OURS = re.compile(r"\.?[0-9a-f]{32}")
"""Folders that are made here; what else lies there, perhaps in somebody's home, isn't touched."""


@dataclass(frozen=True)
class StoredRun:
    """A visitor's run as it is now."""

    id: str  # unguessable; the name of its folder
    folder: Path  # the run's folder, as `training.run` knows it
    title: str  # what to call it: the name of the text, without its ending
    created: float  # seconds since the epoch
    expires: float | None  # seconds since the epoch; None for never
    summary: TextSummary | None  # of its text; None where an older version of this app stored it
    status: RunStatus
    waiting: str = ""  # what it waits for, in words; "" if it is trained or wasn't asked for
    next_call_s: int = 0  # seconds of the GPU call in which it would continue; 0: needs none

    @property
    def text(self) -> Path:
        """The text that it learns."""
        return next((self.folder / TEXT_FOLDER).iterdir())

    @property
    def is_active(self) -> bool:
        """Whether it is being trained, or waits for that."""
        return self.status.is_active or bool(self.waiting)

    @property
    def is_new(self) -> bool:
        """Whether it is no more than a text yet."""
        return self.status.phase == "new" and not self.waiting


class RunStore:
    """All visitors' runs, as far and as long as the limits let them be kept."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._one_at_a_time = threading.Lock()
        # One a visitor, as long as one of their texts is taken in, which may take half a minute.
        self._visitors: WeakValueDictionary[Path, threading.Lock] = WeakValueDictionary()

    def new_secret(self) -> str:
        """For a visitor who has none; "" where one needs none."""
        return secrets.token_urlsafe(24) if self._limits.is_shared else ""

    def runs(self, secret: str | None) -> list[StoredRun]:
        """A visitor's runs, the newest first."""
        place = self._place(secret)
        found = [] if place is None else [self._read(folder) for folder in _ours_in(place)]
        return sorted((r for r in found if r is not None), key=lambda r: r.created, reverse=True)

    def find(self, secret: str | None, run_id: object) -> StoredRun | None:
        """A visitor's run by its id; None if it is gone or somebody else's."""
        place = self._place(secret)
        if place is None or not _OURS.fullmatch(str(run_id)):
            return None
        return self._read(place / str(run_id))

    def folders(self) -> list[Path]:
        """The folders of all visitors' runs, and those of runs half made or half deleted."""
        root = self._limits.folder
        places = _ours_in(root) if self._limits.is_shared else [root]
        return [folder for place in places for folder in _ours_in(place)]

    def add(
        self, secret: str | None, name: str, source: Path | str, is_kept: bool = False
    ) -> StoredRun:
        """A new run's folder with its text in it, and nothing else yet.

        Args:
            secret: whose it is.
            name: of the text, as the visitor calls it; nothing in it is taken for a path.
            source: a file, which is moved there, or the text itself.
            is_kept: the file is copied instead.

        Raises:
            JobError: if the visitor has too many runs, or there is no room.
            TrainingError: if it is no text.
            OSError: if the disk is full. Whatever it raises, nothing is left there.
        """
        place = self._place(secret)
        if place is None:
            raise JobError("This browser keeps nothing, so your run couldn't be found again.")
        with self._one_at_a_time:
            visitor = self._visitors.setdefault(place, threading.Lock())
        with visitor:
            data = source if isinstance(source, Path) else source.encode("utf-8", "replace")
            run_id, (title, file_name) = secrets.token_hex(16), _names(name)
            unfinished = place / f".{run_id}"
            target = unfinished / TEXT_FOLDER / file_name
            try:
                with self._one_at_a_time:  # so that each sees the room that the others have left
                    size = data.stat().st_size if isinstance(data, Path) else len(data)
                    self._check_room(place, size)
                    target.parent.mkdir(parents=True)
                    if isinstance(data, Path):
                        (shutil.copyfile if is_kept else shutil.move)(data, target)
                    else:
                        target.write_bytes(data)
                text = asdict(summarize(target))
                about = {"title": self._unused(title, secret), "created": time.time(), "text": text}
                write_json(unfinished / ABOUT_FILE, about)
                os.replace(unfinished, place / run_id)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
        run = self._read(place / run_id)
        assert run is not None
        return run

    def _unused(self, title: str, secret: str | None) -> str:
        """A title, with a number where the visitor has a run of that title."""
        known = {run.title for run in self.runs(secret)}
        numbered = (f"{title} ({number})" for number in itertools.count(2))
        return next(name for name in itertools.chain([title], numbered) if name not in known)

    def keep_start(self, run: StoredRun, generator: Generator) -> Path:
        """Copy a model into the folder of a run that is to start from it, whatever becomes of it.

        The copy's folder is named after the text that the model has learnt, and nobody's run.
        """
        assert generator.folder is not None
        _, text = _names(generator.config.training.get("corpus") or "model")
        copy = run.folder / START_FOLDER / Path(text).stem
        copy.mkdir(parents=True, exist_ok=True)
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            shutil.copyfile(find_model_folder(generator.folder) / name, copy / name)
        return copy

    def remove(self, run: StoredRun) -> None:
        """Delete a run with its text and all that was made of it."""
        # Renamed first: a reader never sees half of it, and what a crash leaves is swept later.
        doomed = run.folder.with_name(f".{run.id}")
        try:
            os.replace(run.folder, doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed, ignore_errors=True)

    def sweep(self, is_busy: Callable[[Path], bool]) -> None:
        """Delete what has expired or was left half-done an hour ago, unless its folder is busy."""
        now = time.time()
        for folder in itertools.filterfalse(is_busy, self.folders()):
            run = self._read(folder)
            with contextlib.suppress(FileNotFoundError):  # somebody was quicker
                if run is None and folder.stat().st_mtime < now - _HALF_DONE_S:
                    shutil.rmtree(folder, ignore_errors=True)
            if run is not None and run.expires is not None and run.expires < now:
                self.remove(run)
        for place in _ours_in(self._limits.folder) if self._limits.is_shared else []:
            with contextlib.suppress(OSError):  # there is something in it
                place.rmdir()

    def _place(self, secret: str | None) -> Path | None:
        if not self._limits.is_shared:
            return self._limits.folder
        if not isinstance(secret, str) or len(secret) < 16:
            return None
        return self._limits.folder / hashlib.sha256(secret.encode("utf-8")).hexdigest()[:32]

    def _read(self, folder: Path) -> StoredRun | None:
        if folder.name.startswith("."):
            return None
        try:
            about = read_json(folder / ABOUT_FILE)
            title, created = str(about["title"]), float(about["created"])
            text = about.get("text")
            summary = text and TextSummary(**{**text, "warnings": tuple(text["warnings"])})
        except (RunError, OSError, LookupError, TypeError, ValueError):
            return None
        hours = self._limits.keep_hours
        expires = created + hours * 3_600 if hours else None
        return StoredRun(folder.name, folder, title, created, expires, summary, read_run(folder))

    def _check_room(self, place: Path, size: int) -> None:
        limits = self._limits
        if size > limits.megabytes * 1e6:
            raise JobError(
                f"The text has {size / 1e6:,.1f} MB; here it may have {limits.megabytes:g} MB."
            )
        kept = sum(1 for folder in _ours_in(place) if not folder.name.startswith("."))
        if kept >= limits.runs:
            raise JobError(
                f"You have {kept} runs here, and no more are kept: delete one of them first."
            )
        needed = _ROOM_A_BYTE * size + _ROOM_A_RUN
        limits.folder.mkdir(parents=True, exist_ok=True)
        free = min(
            shutil.disk_usage(limits.folder).free,
            limits.disk_gigabytes * 1e9 - _size(limits.folder),
        )
        if needed > free:
            raise JobError(
                f"There is no room for it here now: it needs {needed / 1e6:,.0f} MB, and "
                f"{max(0, free) / 1e6:,.0f} MB are free."
            )


def _ours_in(place: Path) -> list[Path]:
    try:
        inside = list(place.iterdir())
    except OSError:  # there is none, or it was swept just now
        return []
    return [path for path in inside if _OURS.fullmatch(path.name) and path.is_dir()]


def _size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for place, _, names in os.walk(folder):  # which passes over what is deleted meanwhile
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(place) / name).stat().st_size
    return total


def _names(name: str) -> tuple[str, str]:
    """A text's title, and a name that every file system takes, by what the visitor calls it.

    Of a path, as either kind of system writes it, only the last part counts.
    """
    last = PurePosixPath(PureWindowsPath(name).name).name
    bare = Path("".join(c if c.isprintable() else " " for c in last).strip())
    title = bare.stem.strip(" .")[:_LONGEST_NAME] or "text"
    stem = re.sub(r'[<>:"/\\|?*]', "_", title).encode("utf-8")[:150].decode("utf-8", "ignore")
    has_ending = re.fullmatch(r"\.\w{1,8}", bare.suffix, re.ASCII)
    return title, stem + (bare.suffix if has_ending else ".txt")
