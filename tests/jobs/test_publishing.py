"""A run's model goes onto the Hub in a visitor's account, and becomes a Space; or not, and why.

The real client against the Hub of tests/hub_server.py. The server has a token of its own, as a
Space has that serves a private model: nobody else may come to use it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jobs import JobError
from jobs.accounts import Account, Accounts, is_this_machine
from jobs.limits import Limits
from jobs.publishing import Published, Publisher, Publishing
from jobs.store import RunStore, StoredRun
from publish.hub import check_name
from tests import hub_api
from tests.finished_run import stored_run
from tests.hub_server import HubServer
from tests.oauth_server import OAuthServer

PATIENCE_S = 60
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
    return RunStore(limits, lambda _: False)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def run(store: RunStore) -> StoredRun:
    return stored_run(store, store.new_secret())


def ended(publisher: Publisher, run: StoredRun) -> tuple[Publishing, Published | None]:
    """How it came out."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        job, there = publisher.look(run)
        if not job.doing:
            return job, there
        time.sleep(0.02)
    raise AssertionError(f"it doesn't end: {job}")


def published(
    publisher: Publisher, run: StoredRun, account: Account, repo_id: str, *, private: bool = False
) -> tuple[str, Published | None]:
    """Why it couldn't be published, and what is on the Hub."""
    publisher.publish_model(run, account, repo_id, private=private, told={})
    job, there = ended(publisher, run)
    return job.problem, there


def test_two_visitors_publish_each_with_their_own_token(
    page_hub: HubServer, store: RunStore, publisher: Publisher
) -> None:
    runs = [stored_run(store, store.new_secret(), f"Two {n}") for n in "ab"]
    for run, account in zip(runs, (ANN, BOB), strict=True):
        name = publisher.suggested_name(run, account.name)
        publisher.publish_model(run, account, name, private=True, told={})
    assert [ended(publisher, run)[0].problem for run in runs] == ["", ""]
    assert {("models", "ann/two-a"), ("models", "bob/two-b")} == set(page_hub.repos)
    assert all(repo.private for repo in page_hub.repos.values())
    assert page_hub.tokens <= {ANN.token, BOB.token, ""}


def test_each_refusal_is_told_and_nothing_is_created(
    page_hub: HubServer, publisher: Publisher, run: StoredRun, repo_id: str
) -> None:
    with pytest.raises(JobError, match="Sign in"):
        publisher.publish_model(run, Account("ann", ""), repo_id, private=False, told={})
    assert page_hub.requests == []
    assert "no right to write to ann/novel" in published(publisher, run, BOB, "ann/novel")[0]
    assert "can't be a Hub name" in published(publisher, run, ANN, "ann/a novel!")[0]
    revoked = Account("ann", "hf_revoked")
    assert "doesn't accept the token" in published(publisher, run, revoked, repo_id)[0]
    page_hub.fault("/create", method="POST", status=403, words="blocked")
    assert "blocked" in published(publisher, run, ANN, repo_id)[0]
    page_hub.stop()
    problem, there = published(publisher, run, ANN, repo_id)
    assert "can't be reached" in problem
    assert "/tmp" not in problem
    assert (there, page_hub.repos) == (None, {})


def test_what_becomes_public_is_said(publisher: Publisher, run: StoredRun) -> None:
    words = "\n".join(publisher.what_becomes_public(run, "ann/novel"))
    assert "The <b>while</b> & so on" in words
    assert "word for word" in words


@pytest.mark.parametrize(
    ("title", "name"),
    [("My Novel (2nd)", "my-novel-2nd"), ("Émile -- ou", "emile-ou"), ("война", "my-text"),
     ("x" * 200, "x" * 60)],
)  # fmt: skip
def test_a_title_becomes_a_name_that_the_hub_takes(
    store: RunStore, publisher: Publisher, title: str, name: str
) -> None:
    run = stored_run(store, store.new_secret(), title)
    assert publisher.suggested_name(run, "ann") == f"ann/{name}"
    check_name(f"ann/{name}")


def test_a_space_is_made_of_what_was_published_and_kept_with_the_run(
    page_hub: HubServer, publisher: Publisher, run: StoredRun, repo_id: str
) -> None:
    space_id = f"{repo_id}-chat"
    with pytest.raises(JobError, match="Publish the model first"):
        publisher.publish_space(run, ANN, space_id, "zero-a10g")
    _, model = published(publisher, run, ANN, repo_id)
    assert model is not None
    publisher.publish_space(run, ANN, space_id, "zero-a10g")
    with pytest.raises(JobError, match="already"):
        publisher.publish_space(run, ANN, space_id, "zero-a10g")
    job, there = ended(publisher, run)
    assert job.problem == ""
    assert there is not None
    assert there.space is not None
    assert there.space.is_running
    assert page_hub.spaces[space_id].variables["MODEL_REVISION"] == model.model.commit
    assert published(publisher, run, ANN, repo_id)[1] == there  # the same again keeps its Space


def test_a_build_that_fails_says_so_and_leaves_the_link(
    page_hub: HubServer, publisher: Publisher, run: StoredRun, repo_id: str
) -> None:
    published(publisher, run, ANN, repo_id)
    page_hub.space_stages = ("BUILDING", "BUILD_ERROR")
    publisher.publish_space(run, ANN, f"{repo_id}-chat", "zero-a10g")
    job, there = ended(publisher, run)
    assert "the build failed" in job.problem
    assert there is not None
    assert there.space is not None
    assert there.space.url == f"{page_hub.url}/spaces/{repo_id}-chat"
    assert not there.space.is_running


def test_nothing_of_a_token_or_of_a_private_repo_stays_on_the_disk(
    page_hub: HubServer,
    store: RunStore,
    publisher: Publisher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = stored_run(store, store.new_secret(), "Secrets")
    for _ in range(2):  # the second time its card is read
        assert published(publisher, run, ANN, "ann/secrets", private=True)[0] == ""
    publisher.publish_space(run, ANN, "ann/secrets-chat", "zero-a10g")
    job, there = ended(publisher, run)
    assert job.problem == ""
    assert there is not None
    assert there.space is not None
    assert (there.space.lacks_token, page_hub.spaces["ann/secrets-chat"].secrets) == (True, {})
    cached = [path for path in Path(os.environ["HF_HOME"]).rglob("*") if path.is_file()]
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in (*cached, *kept) if ANN.token.encode() in path.read_bytes()]
    assert not [path for path in cached if "ann--secrets" in str(path)]
    store.remove(run)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # the limits' folder, too
    assert ANN.token not in repr((ANN, publisher.look(run)))


def test_whose_account_is_used_depends_on_where_the_page_is(
    limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(limits, is_shared=False)
    assert Accounts.from_environment({}, own).source == "saved"
    shared = Accounts.from_environment({}, limits)
    assert (shared.source, "python -m publish model" in shared.reason) == ("none", True)
    with OAuthServer({}) as provider:
        space = {"SPACE_ID": "ann/novel", "SYSTEM": "spaces", **provider.environment}
    assert Accounts.from_environment(space, limits).source == "visitor"
    for missing in provider.environment:
        without = {**space, missing: ""}
        assert "hf_oauth: true" in Accounts.from_environment(without, limits).reason
    for scopes in ("openid profile", "openid profile contribute-repos write-repos"):
        other = {**space, "OAUTH_SCOPES": scopes}
        assert Accounts.from_environment(other, limits).source == "none"
    monkeypatch.setitem(sys.modules, "authlib", None)  # as where it isn't installed
    assert Accounts.from_environment(space, limits).source == "none"


def test_only_this_machine_is_this_machine() -> None:
    assert all(map(is_this_machine, ("localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_this_machine, (None, "", "10.0.0.7", "localhost.example", "example.org")))
