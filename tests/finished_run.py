"""A visitor's run that has come to its end, without anybody having waited for it.

Its model has random weights; all else is as `jobs.service` and a run of training leave it.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jobs.service import TrainingService, View
from jobs.shelf import ABOUT_FILE, TEXT_FOLDER
from jobs.text import understand
from tests.random_model import TEXT, saved_model
from training.run import SETTINGS_FILE, STATE_FILE, Settings, write_json

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
    write_json(folder / ABOUT_FILE, {"title": title, "created": time.time()})
    write_json(folder / "understood.json", asdict(understand(text)))
    finish(folder)
    return folder


def finish(folder: Path) -> None:
    """Give a run of a text that was taken in its end, and its model."""
    text = next((folder / TEXT_FOLDER).iterdir())
    write_json(folder / SETTINGS_FILE, asdict(Settings((str(text),))))
    write_json(folder / STATE_FILE, {"phase": "done", "step": 100, "total_steps": 100})
    saved_model(folder / "model", training=TRAINING)


def finished_view(service: TrainingService, secret: str, title: str = "My Novel") -> View:
    """A visitor's run of a text of theirs, as the page sees it."""
    taken = service.take(secret, f"{title}.txt", TEXT)
    finish(taken.entry.folder)
    view = service.view(secret, taken.entry.id)
    assert view is not None
    return view
