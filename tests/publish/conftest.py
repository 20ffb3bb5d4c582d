"""A model on the Hub, and the name of a Space for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hub_server import HubServer
from tests.random_model import saved_model

IS_FOR_THE_REAL_HUB = os.environ.get("CHARLSTM_TEST_HUB") == "1" and os.environ.get(
    "CHARLSTM_TEST_TOKEN"
)
collect_ignore = [] if IS_FOR_THE_REAL_HUB else ["test_real_hub.py"]


@pytest.fixture
def model_id(hub: HubServer, repo_id: str, tmp_path: Path) -> str:
    """A small public model of ann's that has read novel.txt."""
    put_model(hub, repo_id, tmp_path / "published", seed=0)
    return repo_id


@pytest.fixture
def space_id(repo_id: str) -> str:
    """A name of ann's that no other test uses."""
    return f"{repo_id}-chat"


def put_model(hub: HubServer, model_id: str, folder: Path, *, seed: int) -> str:
    """Put a model on the Hub as somebody's push does; its commit."""
    training = {"corpus": "novel.txt", "license": "cc0-1.0"}
    saved_model(folder, training=training, seed=seed)
    if ("models", model_id) not in hub.repos:
        hub.add_repo(model_id)
    files = {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    return hub.put(model_id, files | {"README.md": b"# Novel\n"}).oid
