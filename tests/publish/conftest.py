"""A model as training leaves it, one on the Hub, and the name of a Space for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from model.folder import load_model
from publish.card import model_card
from tests.hub_server import HubServer
from tests.random_model import saved_model

IS_FOR_THE_REAL_HUB = os.environ.get("CHARLSTM_TEST_HUB") == "1" and os.environ.get(
    "CHARLSTM_TEST_TOKEN"
)
collect_ignore = [] if IS_FOR_THE_REAL_HUB else ["test_real_hub.py"]

TRAINING: dict[str, Any] = {
    "corpus": "topics.txt",
    "corpus_sha256": "0123456789abcdef" * 4,
    "corpus_characters": 523_000,
    "command": "python -m training topics.txt --minutes 4",
    "steps": 1_234,
    "seconds": 240.5,
    "val_loss": 1.5,
    "date": "2026-03-01T12:00:00",
    "license": "mit",
    "language": "en",
    "samples": [{"temperature": 0.8, "prompt": "while ", "text": "the loop goes on\n"}],
}


def trained(folder: Path, **settings: Any) -> Path:
    """A model's folder as training leaves it."""
    saved_model(folder, **{"training": TRAINING, **settings})
    card = model_card(load_model(folder).config, repo_id=None, has_plot=True)
    (folder / "README.md").write_text(card, encoding="utf-8")
    (folder / "loss.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return trained(tmp_path / "model")


@pytest.fixture
def model_id(hub: HubServer, repo_id: str, folder: Path) -> str:
    """A small public model of ann's."""
    hub.add_repo(repo_id)
    hub.put(repo_id, {path.name: path.read_bytes() for path in folder.iterdir()})
    return repo_id


@pytest.fixture
def space_id(repo_id: str) -> str:
    """A name of ann's that no other test uses."""
    return f"{repo_id}-chat"
