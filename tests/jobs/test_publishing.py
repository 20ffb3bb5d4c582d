"""A run's model goes onto the Hub in a visitor's account, and becomes a Space; or not, and why.

The real client against the Hub of tests/hub_server.py. The server has a token of its own, as a
Space has that serves a private model: nobody else may come to use it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from jobs import JobError
from jobs.accounts import Account
from jobs.limits import Limits
from jobs.publishing import find_published, public_lines, publish_run, suggested_name
from jobs.store import RunStore, StoredRun
from publish.hub import check_name
from tests import hub_api
from tests.finished_run import stored_run
from tests.hub_server import HubServer

ANN, BOB = Account("ann", "hf_ann_by_app"), Account("bob", "hf_bob_by_app")
OWNER = "hf_owner"


@pytest.fixture
def page_hub(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """The Hub as a page on a Space knows it, where ann and bob have signed in."""
    monkeypatch.setenv("HF_TOKEN", OWNER)
    hub.accounts = {
        ANN.token: hub_api.Account("ann", by_app=True),
        BOB.token: hub_api.Account("bob", by_app=True),
        OWNER: hub_api.Account("owner", orgs=("ann", "bob")),
    }
    return hub


@pytest.fixture
def store(limits: Limits) -> RunStore:
    return RunStore(limits)


@pytest.fixture
def run(store: RunStore) -> StoredRun:
    return stored_run(store, store.new_secret())


def publish(
    run: StoredRun,
    account: Account,
    repo_id: str,
    space_id: str | None = None,
    private: bool = False,
) -> None:
    publish_run(run, account, repo_id, space_id=space_id, private=private)


def test_two_visitors_publish_each_with_their_own_token(
    page_hub: HubServer, store: RunStore
) -> None:
    for account, title in ((ANN, "Two a"), (BOB, "Two b")):
        name = suggested_name(title, account.name)
        publish(stored_run(store, store.new_secret(), title), account, name, private=True)
    assert {("models", "ann/two-a"), ("models", "bob/two-b")} == set(page_hub.repos)
    assert all(repo.private for repo in page_hub.repos.values())
    assert page_hub.tokens <= {ANN.token, BOB.token, ""}


def test_each_refusal_is_told_and_nothing_is_created(
    page_hub: HubServer, run: StoredRun, repo_id: str
) -> None:
    def refused(account: Account, name: str) -> str:
        with pytest.raises(JobError) as refusal:
            publish(run, account, name)
        assert find_published(run) is None
        return str(refusal.value)

    assert "no right to write to ann/novel" in refused(BOB, "ann/novel")
    assert "can't be a Hub name" in refused(ANN, "ann/a novel!")
    assert "doesn't accept the token" in refused(Account("ann", "hf_revoked"), repo_id)
    page_hub.fault("/create", method="POST", status=403, words="blocked")
    assert "blocked" in refused(ANN, repo_id)
    page_hub.stop()
    assert "can't be reached" in refused(ANN, repo_id)
    assert page_hub.repos == {}


def test_a_model_that_is_gone_is_told_without_naming_a_folder_of_the_server(
    page_hub: HubServer, store: RunStore, run: StoredRun, repo_id: str
) -> None:
    store.remove(run)
    for act in (lambda: publish(run, ANN, repo_id), lambda: public_lines(run, repo_id)):
        with pytest.raises(JobError, match="no model yet") as refusal:
            act()
        assert str(run.folder) not in str(refusal.value)
    assert page_hub.repos == {}


@pytest.mark.parametrize(
    ("title", "name"),
    [("My Novel (2nd)", "my-novel-2nd"), ("Émile -- ou", "emile-ou"), ("война", "my-text"),
     ("x" * 200, "x" * 60)],
)  # fmt: skip
def test_a_title_becomes_a_name_that_the_hub_takes(title: str, name: str) -> None:
    assert suggested_name(title, "ann") == f"ann/{name}"
    check_name(f"ann/{name}")


def test_a_space_comes_with_the_model_and_is_kept_with_the_run(
    page_hub: HubServer, run: StoredRun, repo_id: str
) -> None:
    with pytest.raises(JobError, match="no right to write to bob/not-hers"):
        publish(run, ANN, repo_id, "bob/not-hers")
    alone = find_published(run)  # what was published before is kept
    assert alone is not None
    assert alone.space is None
    space_id = f"{repo_id}-chat"
    publish(run, ANN, repo_id, space_id)
    there = find_published(run)
    assert there is not None
    assert there.space is not None
    assert there.space.url == f"{page_hub.url}/spaces/{space_id}"
    assert page_hub.spaces[space_id].variables["MODEL_REVISION"] == alone.model.commit
    publish(run, ANN, repo_id)  # the same again keeps its Space
    assert find_published(run) == there
    publish(run, ANN, f"{repo_id}-2")  # under another name it has none
    other = find_published(run)
    assert other is not None
    assert (other.model.repo_id, other.space) == (f"{repo_id}-2", None)


def test_nothing_of_a_token_or_of_a_private_repo_stays_on_the_disk(
    page_hub: HubServer, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = stored_run(store, store.new_secret(), "Secrets")
    for _ in range(2):  # the second time its card is read
        publish(run, ANN, "ann/secrets", "ann/secrets-chat", private=True)
    there = find_published(run)
    assert there is not None
    assert there.space is not None
    assert (there.space.lacks_token, page_hub.spaces["ann/secrets-chat"].secrets) == (True, {})
    cached = [path for path in Path(os.environ["HF_HOME"]).rglob("*") if path.is_file()]
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in (*cached, *kept) if ANN.token.encode() in path.read_bytes()]
    assert not [path for path in cached if "ann--secrets" in str(path)]
    store.remove(run)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # the limits' folder, too
    assert ANN.token not in repr((ANN, there))
