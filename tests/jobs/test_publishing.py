"""A run's model goes onto the Hub in a visitor's account, and becomes a Space; or not, and why.

The real client against the Hub of tests/hub_server.py. The server has a token of its own, as a
Space has that serves a private model: nobody else may come to use it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.accounts import Account, Accounts, is_this_machine, saved_account
from jobs.limits import Limits
from jobs.publishing import ModelWish, Publication, Publisher
from jobs.service import TrainingService, View
from jobs.shelf import ShelfError
from model.generator import Generator
from publish.access import NoToken
from tests import hub_api
from tests.finished_run import finished_view
from tests.hub_server import HubServer
from tests.hub_spaces import add_space
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
def service(limits: Limits) -> Iterator[TrainingService]:
    service = TrainingService(limits)
    yield service
    service.close()


@pytest.fixture
def publisher(service: TrainingService) -> Publisher:
    return Publisher(service, is_for_visitors=True)


@pytest.fixture
def view(service: TrainingService) -> View:
    return finished_view(service, service.new_secret())


def ended(publisher: Publisher, view: View) -> Publication:
    """How it came out."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        publication = publisher.look(view)
        if not publication.doing:
            return publication
        time.sleep(0.02)
    raise AssertionError(f"it doesn't end: {publication}")


def published(publisher: Publisher, view: View, account: Account, wish: ModelWish) -> Publication:
    publisher.publish_model(view, account, wish)
    return ended(publisher, view)


def test_a_run_becomes_a_model_of_the_visitor_that_says_whose_text_it_is(
    page_hub: HubServer, publisher: Publisher, view: View, repo_id: str
) -> None:
    wish = ModelWish(repo_id, is_private=False, credit="Mary\nShelley", license="cc0-1.0")
    there = published(publisher, view, ANN, wish).there
    assert there is not None
    assert (there.model_url, there.is_private) == (f"{page_hub.url}/{repo_id}", False)
    files = page_hub.repo(repo_id).head().files
    told = json.loads(files["config.json"].data)["training"]
    assert (told["credit"], told["license"]) == ("Mary Shelley", "cc0-1.0")
    assert b"credit: Mary Shelley" in files["README.md"].data
    assert set(files) == {".gitattributes", "config.json", "model.safetensors", "README.md"}
    assert page_hub.tokens <= {ANN.token, ""}  # the upload of a large file carries none
    assert Generator.from_pretrained(repo_id, token=ANN.token).config.training == told


def test_two_visitors_publish_each_with_their_own_token(
    page_hub: HubServer, service: TrainingService, publisher: Publisher
) -> None:
    views = [finished_view(service, service.new_secret(), f"Two {n}") for n in "ab"]
    for view, account in zip(views, (ANN, BOB), strict=True):
        name = publisher.suggested_name(view, account.name)
        publisher.publish_model(view, account, ModelWish(name, is_private=True))
    assert [ended(publisher, view).problem for view in views] == ["", ""]
    assert {("models", "ann/two-a"), ("models", "bob/two-b")} == set(page_hub.repos)
    assert all(repo.private for repo in page_hub.repos.values())
    assert page_hub.tokens <= {ANN.token, BOB.token, ""}


def test_another_ones_name_is_refused_although_the_server_may_write_there(
    page_hub: HubServer, publisher: Publisher, view: View
) -> None:
    refused = published(publisher, view, BOB, ModelWish("ann/novel", is_private=False))
    assert "publish as bob/novel" in refused.problem
    assert (refused.there, page_hub.repos) == (None, {})


def test_without_a_token_nothing_is_asked_of_the_hub(
    page_hub: HubServer, publisher: Publisher, view: View
) -> None:
    with pytest.raises(ShelfError, match="Sign in"):
        publisher.publish_model(view, Account("ann", ""), ModelWish("ann/novel", is_private=False))
    assert page_hub.requests == []


def test_each_refusal_is_told_in_words_for_a_page(
    page_hub: HubServer, publisher: Publisher, view: View, repo_id: str
) -> None:
    def problem(wish: ModelWish, account: Account = ANN) -> str:
        return published(publisher, view, account, wish).problem

    wish = ModelWish(repo_id, is_private=True)
    assert "can't be a Hub name" in problem(replace(wish, repo_id="ann/a novel!"))
    assert "names no owner" in problem(replace(wish, repo_id="novel"))
    expired = problem(wish, Account("ann", "hf_expired"))
    assert "sign out and in again" in expired
    page_hub.add_repo("ann/by-hand")
    assert "no right to write" in problem(replace(wish, repo_id="ann/by-hand", is_private=False))
    page_hub.add_repo("ann/public", by_app=True)
    assert "is public: make it private" in problem(replace(wish, repo_id="ann/public"))
    page_hub.fault("/create", method="POST", status=403, words="blocked")
    assert "can't create a repo" in problem(wish)
    page_hub.fault("/create", method="POST", status=409, words="conflict")
    assert "doesn't show it yet" in problem(wish)
    page_hub.fault("/commit/", method="POST", status=412, words="moved")
    assert "somebody has committed" in problem(wish)
    page_hub.stop()
    unreachable = problem(wish)
    assert "try again later" in unreachable
    for words in ("HF_TOKEN", "HF_ENDPOINT", "hf auth login", "--", "/tmp"):
        assert words not in expired + unreachable


def test_what_becomes_public_is_said_without_the_command_lines_flags(
    publisher: Publisher, view: View
) -> None:
    words = publisher.what_becomes_public(view, "ann/novel")
    assert "The <b>while</b> & so on" in words
    assert "word for word" in words
    assert "--private" not in words
    with pytest.raises(ShelfError, match="can't be a Hub name"):
        publisher.what_becomes_public(view, "ann/no vel")


@pytest.mark.parametrize(
    ("title", "name"),
    [("My Novel (2nd)", "my-novel-2nd"), ("Émile -- ou", "emile-ou"), ("война", "my-text"),
     ("x" * 200, "x" * 60)],
)  # fmt: skip
def test_a_title_becomes_a_name_that_the_hub_takes(
    service: TrainingService, publisher: Publisher, title: str, name: str
) -> None:
    view = finished_view(service, service.new_secret(), title)
    suggested = publisher.suggested_name(view, "ann")
    assert suggested == f"ann/{name}"
    publisher.what_becomes_public(view, suggested)


def test_a_published_model_becomes_a_space_that_is_waited_for(
    page_hub: HubServer, publisher: Publisher, view: View, repo_id: str
) -> None:
    space_id = f"{repo_id}-chat"
    with pytest.raises(ShelfError, match="Publish the model first"):
        publisher.publish_space(view, ANN, space_id, "zero-a10g")
    model = published(publisher, view, ANN, ModelWish(repo_id, is_private=False)).there
    assert model is not None
    words = publisher.what_becomes_of_space(view, ANN, space_id, "zero-a10g")
    assert f"This creates the Space {space_id}" in words
    assert ("spaces", space_id) not in page_hub.repos
    page_hub.space_stages = ("BUILDING", "BUILDING", "APP_STARTING", "RUNNING")
    publisher.publish_space(view, ANN, space_id, "zero-a10g")
    with pytest.raises(ShelfError, match="already"):
        publisher.publish_space(view, ANN, space_id, "zero-a10g")
    done = ended(publisher, view)
    assert (done.problem, done.there and done.there.space_runs) == ("", True)
    assert page_hub.spaces[space_id].variables["MODEL_REVISION"] == model.commit
    assert b"hf_oauth: true" in page_hub.repo(space_id, "spaces").head().files["README.md"].data
    assert page_hub.tokens <= {ANN.token, ""}
    assert "serves this version" in publisher.what_becomes_of_space(
        view, ANN, space_id, "zero-a10g"
    )


def test_a_space_that_cannot_be_is_refused_in_words_for_a_page(
    page_hub: HubServer, publisher: Publisher, view: View, repo_id: str
) -> None:
    published(publisher, view, ANN, ModelWish(repo_id, is_private=True))
    space_id = f"{repo_id}-chat"
    add_space(page_hub, space_id, "zero-a10g", private=True, by_app=True)
    page_hub.put(space_id, {"app.py": b"theirs"}, kind="spaces")
    with pytest.raises(ShelfError, match=r"wasn't made by this app .*: choose another name$"):
        publisher.what_becomes_of_space(view, ANN, space_id, "zero-a10g")
    publisher.publish_space(view, ANN, f"{space_id}-2", "cpu-basic")
    refused = ended(publisher, view)
    assert "Choose ZeroGPU" in refused.problem
    assert refused.there is not None  # the model is still there
    publisher.publish_space(view, ANN, f"{space_id}-2", "zero-a10g")
    done = ended(publisher, view)
    assert done.there is not None
    assert (done.there.lacks_token, page_hub.spaces[f"{space_id}-2"].secrets) == (True, {})
    assert page_hub.repo(f"{space_id}-2", "spaces").private


def test_a_build_that_fails_says_so_and_leaves_the_link(
    page_hub: HubServer, publisher: Publisher, view: View, repo_id: str
) -> None:
    published(publisher, view, ANN, ModelWish(repo_id, is_private=False))
    page_hub.space_stages = ("BUILDING", "BUILD_ERROR")
    publisher.publish_space(view, ANN, f"{repo_id}-chat", "zero-a10g")
    done = ended(publisher, view)
    assert "the build failed" in done.problem
    assert done.there is not None
    assert done.there.space_url == f"{page_hub.url}/spaces/{repo_id}-chat"
    assert not done.there.space_runs


def test_nothing_of_a_token_or_of_a_private_repo_stays_on_the_disk(
    page_hub: HubServer,
    service: TrainingService,
    publisher: Publisher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    secret = service.new_secret()
    view = finished_view(service, secret, "Secrets")
    wish = ModelWish("ann/secrets", is_private=True)
    for _ in range(2):  # the second time its card is read
        assert published(publisher, view, ANN, wish).problem == ""
    publisher.publish_space(view, ANN, "ann/secrets-chat", "zero-a10g")
    assert ended(publisher, view).problem == ""
    assert ANN.token in page_hub.tokens
    cached = [path for path in Path(os.environ["HF_HOME"]).rglob("*") if path.is_file()]
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in (*cached, *kept) if ANN.token.encode() in path.read_bytes()]
    assert not [path for path in cached if "ann--secrets" in str(path)]
    service.delete(secret, view.entry.id)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # the limits' folder, too
    assert ANN.token not in repr((ANN, publisher.look(view)))


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


def test_ones_own_computer_uses_the_login_that_is_saved(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert saved_account() == Account("ann", "hf_ann")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(NoToken, match="hf auth login"):
        saved_account()
    assert hub.requests


def test_only_this_machine_is_this_machine() -> None:
    assert all(map(is_this_machine, ("localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_this_machine, (None, "", "10.0.0.7", "localhost.example", "example.org")))
