"""From a text to a Space in one command: refused before training, or running after it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from model.folder import load_model
from model.hub import resolve_model
from tests.hub_api import Account
from tests.hub_server import HubServer
from tests.training.conftest import Command
from tests.training_run import FLAGS, corpus_in, ended, in_phase, start, wait_until
from training.run import read_run


@pytest.fixture
def words(repo_id: str, tmp_path: Path) -> list[str | Path]:
    """A short run on real text that is to be published."""
    asked = [corpus_in(tmp_path), "--steps", "3", *FLAGS, "--output", tmp_path / "run"]
    return [*asked, "--push_to_hub", "--hub_model_id", repo_id]


@pytest.fixture
def space_id(repo_id: str) -> str:
    """A name of ann's that no other test uses."""
    return f"{repo_id}-chat"


def writes(hub: HubServer) -> list[str]:
    """The requests that have changed something on the Hub."""
    return [r for r in hub.requests if "/commit/" in r or "/repos/create" in r]


def test_a_model_is_published_at_the_end_and_what_becomes_public_is_said_before(
    hub: HubServer, repo_id: str, words: list[str | Path], tmp_path: Path, command: Command
) -> None:
    said, error = command(*words, "--yes")
    assert error == ""
    assert f"- Anybody can read and copy the model as {repo_id}" in said
    assert f"Published: {hub.url}/{repo_id} (revision {hub.repo(repo_id).head().oid})" in said
    assert said.index("Anybody can read") < said.index("Published: ")
    assert writes(hub) == ["POST /api/repos/create", f"POST /api/models/{repo_id}/commit/main"]
    here, there = load_model(tmp_path / "run"), load_model(resolve_model(repo_id))
    assert here.config.vocabulary == there.config.vocabulary
    assert "hub" not in there.config.training["command"]


def test_a_private_model_needs_no_agreement(
    hub: HubServer, repo_id: str, words: list[str | Path], command: Command
) -> None:
    said, error = command(*words, "--hub_private_repo", "--hub_revision", "v2")
    assert error == ""
    assert "Anybody can read" not in said
    assert hub.repo(repo_id).private
    assert "model.safetensors" in hub.repo(repo_id).head("v2").files


def test_what_the_hub_will_refuse_is_known_before_training_starts(
    hub: HubServer,
    repo_id: str,
    space_id: str,
    words: list[str | Path],
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.accounts["hf_young"] = Account("ann", is_young=True)
    for token, more, message in (
        ("hf_read", ["--yes"], "may only read"),
        ("hf_bob", ["--yes"], "bob"),
        ("hf_ann", [], "add --yes"),  # nobody is there to ask
        ("hf_young", ["--yes", "--hub_space_id", space_id], "30 days"),
    ):
        monkeypatch.setenv("HF_TOKEN", token)
        _, error = command(*words, *more)
        assert error.startswith("error: ")
        assert message in error
        assert not (tmp_path / "run" / "recipe.json").exists()
        assert writes(hub) == []
    monkeypatch.setenv("HF_TOKEN", "hf_ann")
    _, error = command(*words, "--yes")  # the corrected command works in the same folder
    assert error == ""
    assert read_run(tmp_path / "run").phase == "done"


def test_where_the_hub_fails_the_model_is_kept_and_the_command_is_named(
    hub: HubServer, repo_id: str, words: list[str | Path], tmp_path: Path, command: Command
) -> None:
    hub.fault("/commit/", method="POST", status=500, times=99)
    _, error = command(*words, "--yes", "--hub_revision", "v2")
    assert f"The model is in {tmp_path / 'run'}. To try again: " in error
    assert error.endswith(f"-m publish model {tmp_path / 'run'} {repo_id} --revision v2")
    assert load_model(tmp_path / "run").config.training["steps"] == 3


def test_a_run_that_is_stopped_before_it_has_learnt_publishes_nothing(
    hub: HubServer, words: list[str | Path], tmp_path: Path
) -> None:
    words[words.index("--steps") : words.index("--steps") + 2] = ["--minutes", "10"]
    run = tmp_path / "run"
    child = start(*words, "--yes")
    wait_until(in_phase(run, "reading", "timing"), child)
    child.send_signal(signal.SIGINT)
    status, said = ended(child)
    assert status == 0
    assert "No model was written" in said
    assert writes(hub) == []


def test_a_text_becomes_a_running_space_in_one_command(
    hub: HubServer, repo_id: str, space_id: str, words: list[str | Path], command: Command
) -> None:
    said, error = command(*words, "--hub_space_id", space_id, "--yes")
    assert error == ""
    assert f"- This creates the Space {space_id}" in said
    assert f"The Space: {hub.url}/spaces/{space_id}\n" in said
    head = hub.repo(repo_id).head().oid
    assert hub.spaces[space_id].variables["MODEL_ID"] == repo_id
    assert hub.spaces[space_id].variables["MODEL_REVISION"] == head
    assert [r for r in writes(hub) if "/commit/" in r] == [
        f"POST /api/models/{repo_id}/commit/main",
        f"POST /api/spaces/{space_id}/commit/main",
    ]


def test_a_space_that_fails_leaves_the_model_and_names_the_command(
    hub: HubServer, repo_id: str, space_id: str, words: list[str | Path], command: Command
) -> None:
    hub.space_stages = ("BUILDING", "BUILD_ERROR")
    _, error = command(*words, "--hub_space_id", space_id, "--yes")
    assert error.endswith(f"-m publish space {repo_id} {space_id}")
    assert "model.safetensors" in hub.repo(repo_id).head().files
