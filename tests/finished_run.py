"""A visitor's run that has come to its end, without anybody having waited for it.

Its model has random weights; all else is as `jobs.store` and a run of training leave it.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jobs.store import ABOUT_FILE, TEXT_FOLDER, RunStore, StoredRun
from jobs.text import summarize
from tests.random_model import TEXT, saved_model
from training.run import STATE_FILE, write_json, write_settings
from training.settings import Settings

TRAINING: dict[str, Any] = {
    "corpus": "My Novel.txt",
    "command": "python -m training 'My Novel.txt' --minutes 4",
    "samples": [{"prompt": "The ", "text": "The <b>while</b> & so on", "temperature": 0.8}],
}


def finished_run(folder: Path, title: str = "My Novel") -> Path:
    """A run's folder, made here."""
    text = folder / TEXT_FOLDER / f"{title}.txt"
    text.parent.mkdir(parents=True)
    text.write_text(TEXT, encoding="utf-8")
    about = {"title": title, "created": time.time(), "text": asdict(summarize(text))}
    write_json(folder / ABOUT_FILE, about)
    finish(folder)
    return folder


def finish(folder: Path) -> None:
    """Give a run of a text that was taken in its end, and its model."""
    text = next((folder / TEXT_FOLDER).iterdir())
    write_settings(folder, Settings((str(text),)))
    write_json(folder / STATE_FILE, {"phase": "done"})
    saved_model(folder / "model", training=TRAINING)


def stored_run(store: RunStore, secret: str, title: str = "My Novel") -> StoredRun:
    """A visitor's run of a text of theirs."""
    run = store.add(secret, f"{title}.txt", TEXT)
    finish(run.folder)
    return run
