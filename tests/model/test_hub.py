"""Models from the Hub: downloaded, found offline, and refused in words.

The real huggingface_hub client against the Hub of tests/hub_server.py.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from model.folder import ModelFolderError, load_model
from model.generator import Generator
from model.hub import HubError, NotACharLSTM, NotFound, Refused, Unreachable, resolve_model
from model.sampling import SamplingParams
from tests.hub_server import HubServer
from tests.random_model import saved_model

PARAMS = SamplingParams(length=50, temperature=0)


@pytest.fixture
def published(hub: HubServer, repo_id: str, tmp_path: Path) -> str:
    """The id of a repo that holds a small random model, and a plot."""
    hub.add_repo(repo_id)
    hub.put(repo_id, contents(saved_model(tmp_path / "published")))
    return repo_id


def contents(folder: Path) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {**files, "README.md": b"# A model\n", "loss.png": b"\x89PNG"}


def test_a_model_arrives_as_it_was_published(published: str, tmp_path: Path) -> None:
    ours = Generator(load_model(tmp_path / "published"))
    theirs = Generator.from_pretrained(published)
    assert theirs.generate("def ", PARAMS) == ours.generate("def ", PARAMS)
    kept = {path.name for path in resolve_model(published).iterdir()}
    assert kept == {"config.json", "model.safetensors"}


def test_a_pinned_commit_in_the_cache_costs_no_request_and_a_branch_costs_one(
    hub: HubServer, published: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = resolve_model(published)
    hub.requests.clear()
    capfd.readouterr()
    assert resolve_model(published, revision=first.name) == first
    assert hub.requests == []
    assert resolve_model(published) == first
    assert len(hub.requests) == 1
    assert capfd.readouterr() == ("", "")  # no bars for what is there
    hub.put(published, contents(saved_model(tmp_path / "wider", hidden_size=32)))
    assert load_model(resolve_model(published)).config.hidden_size == 32


def test_a_branch_and_a_tag_are_found(hub: HubServer, published: str, tmp_path: Path) -> None:
    repo = hub.repo(published)
    repo.refs["v1"] = repo.head().oid
    wider = saved_model(tmp_path / "wider", hidden_size=32)
    hub.put(published, contents(wider), branch="try/wider")
    assert load_model(resolve_model(published, revision="v1")).config.hidden_size == 24
    assert load_model(resolve_model(published, revision="try/wider")).config.hidden_size == 32
    with pytest.raises(NotFound, match="no branch, tag or commit 'v9'"):
        resolve_model(published, revision="v9")


def test_a_private_and_a_gated_model_open_to_their_owner_only(
    hub: HubServer, published: str
) -> None:
    hub.repo(published).private = True
    with pytest.raises(NotFound, match="HF_TOKEN"):
        resolve_model(published, token="hf_bob")
    hub.repo(published).private, hub.repo(published).is_gated = False, True
    with pytest.raises(Refused, match="ask for access on its page"):
        resolve_model(published, token="hf_bob")
    assert resolve_model(published, token="hf_read").is_dir()


def test_without_a_network_a_cached_model_works_and_another_is_soon_refused(
    hub: HubServer, published: str, caplog: pytest.LogCaptureFixture
) -> None:
    online = resolve_model(published)
    hub.fault("/api/models/", status=503)
    assert resolve_model(published) == online
    hub.fault("/api/models/", status=200, words="<html>Welcome to our hotel</html>")
    with pytest.raises(Unreachable, match="log in to"):
        resolve_model(f"{published}-2")
    hub.fault("/api/models/", status=429)
    with pytest.raises(Unreachable, match="answers 429"):
        resolve_model(f"{published}-2")
    hub.stop()
    caplog.clear()
    assert resolve_model(published) == online
    assert "Could not reach the Hub" in caplog.text
    start = time.monotonic()
    with pytest.raises(Unreachable, match="check the network"):
        resolve_model(f"{published}-2")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("config", "said"),
    [(b'{"model_type": "llama"}', "'llama'"), (b"[]", "None"), (None, "no config.json")],
)
def test_another_kind_of_model_is_refused_before_its_weights_are_downloaded(
    hub: HubServer, repo_id: str, config: bytes | None, said: str
) -> None:
    hub.add_repo(repo_id)
    weights = {"model.safetensors": bytes(1000)}
    hub.put(repo_id, weights if config is None else {**weights, "config.json": config})
    with pytest.raises(NotACharLSTM, match=said):
        resolve_model(repo_id)
    assert not any("model.safetensors" in request for request in hub.requests)


def test_a_folder_here_wins_over_the_hub(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Path("runs", "novel")
    saved_model(run / "model")
    assert resolve_model("runs/novel") == run / "model"
    assert resolve_model(run) == run / "model"
    with pytest.raises(ModelFolderError, match="have revisions"):
        resolve_model("runs/novel", revision="v1")
    for name in ("./novel", str(tmp_path / "novel"), Path("novel"), "runs\\novel"):
        with pytest.raises(ModelFolderError, match="novel doesn't exist"):
            resolve_model(name)
    assert hub.requests == []


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("name", "token", "said"),
    [
        ("runs/nowel", None, "there is no folder 'runs/nowel' here, and .*check the spelling"),
        ("nowel", None, "there is no folder 'nowel' here, and"),
        ("my model", None, "there is no folder 'my model' here, and"),
        ("ann/novel", "hf_wrong", "doesn't accept the token"),
    ],
)
def test_a_typing_error_is_told_from_a_login_problem(
    name: str, token: str | None, said: str
) -> None:
    with pytest.raises(HubError, match=said):
        resolve_model(name, token=token)
