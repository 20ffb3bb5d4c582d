"""What is refused before anything is made, and what only creating tells: each with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.hub import HubError, InvalidName, ModelNotFound, TokenRefused
from publish.access import NoToken, RepoIsPublic
from publish.space import fill_space, reserve_space
from publish.space_plan import find_space_model, plan_space
from publish.space_refusals import (
    AccountTooYoung,
    NotASetting,
    PaymentRequired,
    PrivateModel,
    QuotaReached,
    SpaceEdited,
    SpaceRefused,
    TooManySpaces,
)
from publish.space_site import SpaceSettings, look_at_space
from tests.hub_api import Account
from tests.hub_server import HubServer
from tests.hub_spaces import add_space


def reserve(settings: SpaceSettings) -> None:
    reserve_space(look_at_space(settings, model_is_coming=True))


def test_a_free_account_is_told_why_a_cpu_is_refused_and_what_is_free(
    hub: HubServer, space_id: str
) -> None:
    with pytest.raises(PaymentRequired, match=r"asks for PRO.*two Gradio Spaces.*402: Static") as e:
        reserve(SpaceSettings(space_id, "ann/novel", hardware="cpu-basic"))
    assert "Leave --hardware out for ZeroGPU" in str(e.value)
    assert hub.repos == {}


def test_two_spaces_are_what_a_free_account_may_host(hub: HubServer, space_id: str) -> None:
    for name in ("ann/one", "ann/two"):
        reserve(SpaceSettings(name, "ann/novel"))
    with pytest.raises(TooManySpaces, match=r"no Space left.*Delete one.*limit of 2"):
        reserve(SpaceSettings(space_id, "ann/novel"))
    hub.accounts["hf_ann"] = Account("ann", is_pro=True)
    reserve(SpaceSettings(space_id, "ann/novel"))


def test_an_account_that_is_too_young_is_told_how_old_it_has_to_be(
    hub: HubServer, space_id: str
) -> None:
    hub.accounts["hf_ann"] = Account("ann", is_young=True)
    with pytest.raises(AccountTooYoung, match=r"older than 30 days.*Verify your address"):
        reserve(SpaceSettings(space_id, "ann/novel"))


@pytest.mark.parametrize(
    ("status", "words", "kind", "said"),
    [
        (402, "pay", PaymentRequired, "on ZeroGPU for free"),
        (403, "You've reached your hardware quota limit", QuotaReached, "pause or delete"),
        (403, "Something new", SpaceRefused, r"the Hub answers 403: Something new"),
        (401, "", TokenRefused, "publish as ann/"),
        (500, "", HubError, "try later"),
    ],
)
def test_every_refusal_says_what_to_do(
    hub: HubServer, space_id: str, status: int, words: str, kind: type[HubError], said: str
) -> None:
    hub.fault("/repos/create", method="POST", status=status, words=words)
    with pytest.raises(kind, match=said):
        reserve(SpaceSettings(space_id, "ann/novel"))
    assert hub.repos == {}


def test_somebody_elses_name_is_refused(hub: HubServer) -> None:
    with pytest.raises(TokenRefused, match="publish as ann/chat"):
        reserve(SpaceSettings("zoe/chat", "ann/novel"))
    reserve(SpaceSettings("club/chat", "ann/novel"))
    assert list(hub.spaces) == ["club/chat"]


def test_who_may_not_write_is_told_first(
    hub: HubServer, model_id: str, space_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_space(hub, space_id, "zero-a10g")
    settings = SpaceSettings(space_id, model_id)
    for token, said in [("hf_read", "may only read"), ("hf_bob", "no right to write")]:
        with pytest.raises(TokenRefused, match=said):
            look_at_space(settings, token=token)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(NoToken, match="hf auth login"):
        look_at_space(settings)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (SpaceSettings("chat", "ann/novel"), InvalidName),
        (SpaceSettings("ann/chat", "my novel"), InvalidName),
        (SpaceSettings("ann/chat", "ann/novel", hardware="t4-small"), NotASetting),
        (SpaceSettings("ann/chat", "ann/novel", title="two\nlines"), NotASetting),
        (SpaceSettings("ann/chat", "ann/novel", emoji="ok"), NotASetting),
    ],
)
def test_what_cannot_be_is_refused_without_a_request(
    hub: HubServer, settings: SpaceSettings, kind: type[HubError]
) -> None:
    with pytest.raises(kind):
        look_at_space(settings)
    assert hub.requests == []


def test_a_model_that_is_not_there_is_said(hub: HubServer, space_id: str) -> None:
    with pytest.raises(ModelNotFound, match="publish it first"):
        look_at_space(SpaceSettings(space_id, "ann/nowhere"))
    assert hub.repos == {}


def test_a_private_model_asks_for_a_private_space_and_its_token(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.repo(model_id).private = True
    with pytest.raises(PrivateModel, match="--private"):
        look_at_space(SpaceSettings(space_id, model_id))
    site = look_at_space(SpaceSettings(space_id, model_id, private=True))
    plan = plan_space(site, find_space_model(model_id))
    assert b"preload_from_hub:" not in plan.files["README.md"]  # only public ones can be
    assert fill_space(plan).lacks_token
    assert hub.repo(space_id, "spaces").private
    assert hub.spaces[space_id].secrets == {}  # none is stored unless that is asked for
    again = plan_space(look_at_space(SpaceSettings(space_id, model_id)), plan.model)
    assert not fill_space(again, token_for_model="hf_reads").lacks_token
    assert hub.spaces[space_id].secrets == {"HF_TOKEN": "hf_reads"}
    assert not fill_space(again).lacks_token


def test_private_is_not_taken_for_granted_where_the_space_is_public(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    add_space(hub, space_id, "zero-a10g")
    with pytest.raises(RepoIsPublic, match="is public"):
        look_at_space(SpaceSettings(space_id, model_id, private=True))
    hub.repo(model_id).private = True
    with pytest.raises(PrivateModel, match="make the Space private on its page"):
        look_at_space(SpaceSettings(space_id, model_id))


def test_what_was_edited_in_the_space_is_not_overwritten_unasked(
    hub: HubServer, model_id: str, space_id: str, tmp_path: Path
) -> None:
    settings = SpaceSettings(space_id, model_id)
    fill_space(plan_space(look_at_space(settings), find_space_model(model_id)))
    (tmp_path / "app.py").write_bytes(b"print(1)")
    hub.put(space_id, {"app.py": b"print(1)"}, kind="spaces")
    with pytest.raises(SpaceEdited, match=r"app\.py was edited"):
        look_at_space(settings)
    assert look_at_space(SpaceSettings(space_id, model_id, force=True)).marker
