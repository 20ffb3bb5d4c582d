"""Models from the Hub: downloaded, verified, found offline, and refused in words.

The real huggingface_hub client against the Hub of tests/hub_server.py.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

import huggingface_hub
import pytest

from model.folder import ModelFolderError, load_model
from model.generator import Generator
from model.hub import (
    BrokenDownload,
    GatedModel,
    HubError,
    HubUnreachable,
    InvalidName,
    ModelNotFound,
    NotACharLSTM,
    RevisionNotFound,
    TokenRefused,
    fetch_model,
    resolve_model,
)
from model.sampling import SamplingParams
from tests.hub_server import HubServer
from tests.random_model import random_model, saved_model

CARD = b"# A model\n"
PARAMS = SamplingParams(length=50, temperature=0)


@pytest.fixture
def published(hub: HubServer, repo_id: str, tmp_path: Path) -> str:
    """The id of a repo that holds a small random model, and a plot."""
    hub.add_repo(repo_id)
    hub.put(repo_id, contents(saved_model(tmp_path / "published")))
    return repo_id


def contents(folder: Path) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {**files, "README.md": CARD, "loss.png": b"\x89PNG"}


def test_a_model_arrives_as_it_was_published(published: str, tmp_path: Path) -> None:
    folder = fetch_model(published)
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
    }
    assert (folder / "README.md").read_bytes() == CARD
    ours = Generator(load_model(tmp_path / "published"))
    theirs = Generator.from_pretrained(published)
    assert theirs.generate("def ", PARAMS) == ours.generate("def ", PARAMS)


def test_a_branch_that_has_not_moved_costs_one_request(hub: HubServer, published: str) -> None:
    first = fetch_model(published)
    hub.requests.clear()
    assert fetch_model(published) == first
    assert hub.requests == [f"GET /api/models/{published}"]


def test_a_pinned_commit_in_the_cache_costs_no_request(hub: HubServer, published: str) -> None:
    commit = hub.repo(published).head().oid
    first = fetch_model(published, revision=commit)
    hub.requests.clear()
    assert fetch_model(published, revision=commit) == first
    assert hub.requests == []


def test_a_new_commit_is_noticed(hub: HubServer, published: str) -> None:
    fetch_model(published)
    hub.put(published, {"README.md": b"# Better\n"})
    assert (fetch_model(published) / "README.md").read_bytes() == b"# Better\n"


def test_a_branch_and_a_tag_are_found(hub: HubServer, published: str, tmp_path: Path) -> None:
    repo = hub.repo(published)
    repo.tags["v1"] = repo.head().oid
    wider = saved_model(tmp_path / "wider", hidden_size=32)
    hub.put(published, contents(wider), branch="try/wider")
    assert load_model(fetch_model(published, revision="v1")).config.hidden_size == 24
    assert load_model(fetch_model(published, revision="try/wider")).config.hidden_size == 32


def test_a_missing_revision_is_named(published: str) -> None:
    with pytest.raises(RevisionNotFound, match="no branch, tag or commit 'v9'"):
        fetch_model(published, revision="v9")


def test_a_private_model_opens_to_its_owner_only(hub: HubServer, published: str) -> None:
    hub.repo(published).private = True
    with pytest.raises(ModelNotFound, match="HF_TOKEN"):
        fetch_model(published, token="hf_bob")
    assert fetch_model(published, token="hf_read").is_dir()


def test_a_gated_model_says_where_to_ask(hub: HubServer, published: str) -> None:
    hub.repo(published).is_gated = True
    with pytest.raises(GatedModel, match="ask for access on its page"):
        fetch_model(published, token="hf_bob")


@pytest.mark.usefixtures("hub")
def test_a_typing_error_is_told_from_a_login_problem(repo_id: str) -> None:
    with pytest.raises(ModelNotFound, match="check the spelling"):
        fetch_model(repo_id)
    with pytest.raises(TokenRefused, match="doesn't accept the token"):
        fetch_model(repo_id, token="hf_wrong")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["a/b/c", "ann/my model", "ann/--", "", "ann/x.git"])
def test_an_impossible_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidName, match="user/name"):
        fetch_model(name)


def test_without_a_network_a_cached_model_works_and_the_log_says_so(
    hub: HubServer,
    published: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    online = fetch_model(published)
    hub.stop()
    capfd.readouterr()
    with caplog.at_level(logging.INFO, logger="model.hub"):
        assert fetch_model(published) == online
    assert "from the cache" in caplog.text
    assert capfd.readouterr() == ("", "")


def test_a_hub_in_trouble_is_as_good_as_none(hub: HubServer, published: str) -> None:
    online = fetch_model(published)
    hub.fault("/api/models/", status=503)
    assert fetch_model(published) == online


def test_without_a_network_a_model_that_is_not_cached_is_soon_refused(
    hub: HubServer, published: str
) -> None:
    commit = hub.repo(published).head().oid
    hub.stop()
    start = time.monotonic()
    for revision in (None, commit):
        with pytest.raises(HubUnreachable, match="check the network"):
            fetch_model(published, revision=revision)
    assert time.monotonic() - start < 5


def test_half_a_model_in_the_cache_is_not_taken_for_one(hub: HubServer, published: str) -> None:
    huggingface_hub.hf_hub_download(published, "config.json")
    hub.stop()
    with pytest.raises(HubUnreachable, match="only a part"):
        fetch_model(published)


def test_a_login_page_in_the_way_is_not_taken_for_the_hub(hub: HubServer, published: str) -> None:
    hub.fault("/api/models/", "portal")
    with pytest.raises(HubUnreachable, match="log in to"):
        fetch_model(published)


def test_a_download_that_breaks_off_is_gone_on_with(
    hub: HubServer, published: str, tmp_path: Path
) -> None:
    hub.fault("model.safetensors", "truncate")
    folder = fetch_model(published)
    assert (folder / "model.safetensors").read_bytes() == (
        tmp_path / "published" / "model.safetensors"
    ).read_bytes()
    assert hub.requests.count(f"GET {resolved(hub, published, 'model.safetensors')}") == 2


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "README.md"])
def test_a_damaged_download_is_repeated(hub: HubServer, published: str, file: str) -> None:
    hub.fault(f"/resolve/.*/{file}", "corrupt")
    folder = fetch_model(published)
    blob = hub.repo(published).head().files[file]
    assert (folder / file).read_bytes() == blob.data


def test_what_arrives_damaged_twice_is_refused_and_not_kept(hub: HubServer, published: str) -> None:
    hub.fault("model.safetensors", "corrupt", times=2)
    with pytest.raises(BrokenDownload, match=r"model\.safetensors"):
        fetch_model(published)
    load_model(fetch_model(published))


def test_a_damaged_cache_is_mended(hub: HubServer, published: str) -> None:
    commit = hub.repo(published).head().oid
    weights = fetch_model(published) / "model.safetensors"
    sound = weights.read_bytes()
    weights.resolve().write_bytes(sound[:-1] + b"?")
    assert (fetch_model(published, revision=commit) / "model.safetensors").read_bytes() == sound


def test_a_cache_without_links_is_verified_too(
    hub: HubServer, published: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_SYMLINKS", True)
    hub.fault("model.safetensors", "corrupt")
    weights = fetch_model(published) / "model.safetensors"
    assert not weights.is_symlink()
    assert weights.read_bytes() == hub.repo(published).head().files["model.safetensors"].data


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no config.json"),
        ({"config.json": b'{"model_type": "llama"}'}, "'llama'"),
        ({"config.json": b"[]"}, "None"),
    ],
)
def test_another_kind_of_model_is_refused_before_its_weights_are_loaded(
    hub: HubServer, repo_id: str, files: dict[str, bytes], said: str
) -> None:
    hub.add_repo(repo_id)
    hub.put(repo_id, {"model.safetensors": bytes(1000), **files})
    with pytest.raises(NotACharLSTM, match=said):
        fetch_model(repo_id)
    assert not any("model.safetensors" in request for request in hub.requests)


def test_a_model_without_weights_is_refused(hub: HubServer, repo_id: str) -> None:
    hub.add_repo(repo_id)
    hub.put(repo_id, {"config.json": random_model().config.to_json().encode()})
    with pytest.raises(NotACharLSTM, match=r"no model\.safetensors"):
        fetch_model(repo_id)


def test_a_folder_here_wins_over_the_hub(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Path("runs", "novel")
    saved_model(run / "model")
    assert resolve_model("runs/novel") == run / "model"
    assert resolve_model(run) == run / "model"
    assert hub.requests == []
    with pytest.raises(ModelFolderError, match="have revisions"):
        resolve_model("runs/novel", revision="v1")


def test_what_can_only_be_a_folder_is_not_looked_for_on_the_hub(
    hub: HubServer, tmp_path: Path
) -> None:
    for name in ("./novel", str(tmp_path / "novel"), Path("novel"), "runs\\novel"):
        with pytest.raises(ModelFolderError, match="novel doesn't exist"):
            resolve_model(name)
    assert hub.requests == []


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["runs/nowel", "nowel", "runs/nowel/model"])
def test_a_mistyped_folder_is_told_as_one(name: str) -> None:
    with pytest.raises(HubError, match=f"there is no folder '{name}' here, and"):
        resolve_model(name)


def resolved(hub: HubServer, repo_id: str, file: str) -> str:
    return f"/{repo_id}/resolve/{hub.repo(repo_id).head().oid}/{file}"
