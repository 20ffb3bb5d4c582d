"""From a text to a Space in one command: refused before training, or running after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.folder import load_model
from model.hub import resolve_model
from tests.hub_server import HubServer
from tests.training.conftest import Command
from tests.training_run import FLAGS, corpus_in, in_phase, stopped_when
from training.run import read_run


@pytest.fixture
def words(repo_id: str, tmp_path: Path) -> list[object]:
    """A short run on real text that is to be published."""
    asked = [corpus_in(tmp_path), "--steps", "3", *FLAGS, "--output", tmp_path / "run"]
    return [*asked, "--push_to_hub", "--hub_model_id", repo_id]


def writes(hub: HubServer) -> list[str]:
    """The requests that have changed something on the Hub."""
    return [r for r in hub.requests if "/commit/" in r or "/repos/create" in r]


def test_what_the_hub_will_refuse_is_known_before_training_starts(
    hub: HubServer, repo_id: str, words: list[object], tmp_path: Path, command: Command
) -> None:
    for token, more, message in (
        ("hf_read", ["--yes"], "may only read"),
        ("hf_bob", ["--yes"], f"bob or the token has no right to write to {repo_id}"),
        ("hf_ann", [], "add --yes"),  # nobody is there to ask
        ("hf_ann", ["--yes", "--hub_space_id", "bob/chat"], "no right to write to bob/chat"),
    ):
        _, error = command(*words, "--hub_token", token, *more)
        assert error.startswith("error: ")
        assert message in error
        assert not (tmp_path / "run" / "recipe.json").exists()
        assert writes(hub) == []
    # The corrected command works in the same folder.
    assert command(*words, "--hub_token", "hf_ann", "--yes")[1] == ""
    assert read_run(tmp_path / "run").phase == "done"


def test_where_the_hub_fails_the_model_is_kept_and_the_command_is_named(
    hub: HubServer, repo_id: str, words: list[object], tmp_path: Path, command: Command
) -> None:
    run, space_id = tmp_path / "run", f"{repo_id}-chat"
    hub.space_stages = ("BUILDING", "BUILD_ERROR")
    _, error = command(*words, "--yes", "--hub_space_id", space_id)
    assert f"The model is in {run}. To try again: " in error
    assert error.endswith(f"-m publish space {run} {space_id} --model_id {repo_id} --yes")
    assert load_model(run).config.training["steps"] == 3


def test_a_run_that_is_stopped_before_it_has_learnt_publishes_nothing(
    hub: HubServer, words: list[object], tmp_path: Path, command: Command
) -> None:
    words[words.index("--steps") : words.index("--steps") + 2] = ["--minutes", "10"]
    run = tmp_path / "run"
    with stopped_when(in_phase(run, "timing"), run):
        said, error = command(*words, "--hub_private_repo")
    assert "No model was written" in said
    assert error == ""
    assert writes(hub) == []


def test_a_text_becomes_a_model_on_the_hub_and_a_running_space_in_one_command(
    hub: HubServer, repo_id: str, words: list[object], tmp_path: Path, command: Command
) -> None:
    space_id = f"{repo_id}-chat"
    said, error = command(*words, "--hub_space_id", space_id, "--yes")
    assert error == ""
    head = hub.repo(repo_id).head().oid
    told = (
        f"- Anybody can read and copy the model as {repo_id}",
        f"- This creates the Space {space_id}",
        f"Published: {hub.url}/{repo_id}",
        f"--revision {head}",
        f"{hub.url}/spaces/{space_id}\n",
    )
    assert all(line in said for line in told)
    variables = hub.spaces[space_id].variables
    assert (variables["MODEL_ID"], variables["MODEL_REVISION"]) == (repo_id, head)
    assert [r for r in writes(hub) if "/commit/" in r] == [
        f"POST /api/models/{repo_id}/commit/main",
        f"POST /api/spaces/{space_id}/commit/main",
    ]
    here, there = load_model(tmp_path / "run"), load_model(resolve_model(repo_id))
    assert here.config.vocabulary == there.config.vocabulary
    assert "hub" not in there.config.training["command"]
