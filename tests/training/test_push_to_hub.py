"""From a text to a Space in one command: refused before training, or running after it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub_api import Account
from tests.hub_server import HubServer
from tests.reference import TEXT

ROOT = Path(__file__).parents[2]


def train(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A short run on real text that is to be published."""
    corpus = tmp_path / "novel.txt"
    corpus.write_text(TEXT[:60_000], encoding="utf-8")
    steps = [
        "--steps",
        "3",
        "--hidden_size",
        "32",
        "--threads",
        "1",
        "--output",
        str(tmp_path / "run"),
    ]
    return subprocess.run(
        [sys.executable, "-m", "training", corpus, *steps, "--push_to_hub", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


@pytest.mark.long
def test_a_text_becomes_a_running_space_in_one_command(
    hub: HubServer, repo_id: str, space_id: str, tmp_path: Path
) -> None:
    child = train(tmp_path, "--hub_model_id", repo_id, "--hub_space_id", space_id, "--yes")
    assert child.returncode == 0, child.stderr
    assert f"This creates the Space {space_id}" in child.stdout
    assert child.stderr.endswith(f"Running: {hub.url}/spaces/{space_id}\n")
    assert hub.spaces[space_id].variables == {
        "MODEL_ID": repo_id,
        "MODEL_REVISION": hub.repo(repo_id).head().oid,
    }
    created = [r for r in hub.requests if r == "POST /api/repos/create"]
    assert len(created) == 2
    commits = [request for request in hub.requests if "/commit/" in request]
    assert commits == [
        f"POST /api/models/{repo_id}/commit/main",
        f"POST /api/spaces/{space_id}/commit/main",
    ]


def test_a_space_that_is_refused_is_known_before_training_starts(
    hub: HubServer, repo_id: str, space_id: str, tmp_path: Path
) -> None:
    hub.accounts["hf_ann"] = Account("ann", is_young=True)
    child = train(tmp_path, "--hub_model_id", repo_id, "--hub_space_id", space_id, "--yes")
    assert child.returncode != 0
    assert "older than 30 days" in child.stderr
    assert "(nothing was trained)" in child.stderr
    assert hub.repos == {}
    assert not (tmp_path / "run").exists()


@pytest.mark.long
def test_a_space_that_fails_leaves_the_model_and_the_command_to_try_again(
    hub: HubServer, repo_id: str, space_id: str, tmp_path: Path
) -> None:
    hub.space_stages = ("BUILDING", "BUILD_ERROR")
    child = train(tmp_path, "--hub_model_id", repo_id, "--hub_space_id", space_id, "--yes")
    assert child.returncode != 0
    assert child.stderr.endswith(f"  python -m publish space {repo_id} {space_id}\n")
    assert "model.safetensors" in hub.repo(repo_id).head().files


@pytest.fixture
def space_id(repo_id: str) -> str:
    """A name of ann's that no other test uses."""
    return f"{repo_id}-chat"
