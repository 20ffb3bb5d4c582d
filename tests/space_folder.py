"""What a Space holds, in a folder, as the platform checks it out to install and start it."""

from __future__ import annotations

from pathlib import Path

from publish.space import space_files
from publish.space_card import ServedModel
from tests.random_model import random_model


def space_folder(folder: Path, *, hardware: str = "zero-a10g", training: bool = False) -> Path:
    """The folder, made here; which model it serves is for MODEL_ID to say."""
    model = ServedModel("ann/novel", random_model().config, commit="0" * 40)
    for path, data in space_files(model, hardware, training).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
