"""A page repeats the Hub's refusals without what only the command line has."""

from __future__ import annotations

import errno
import json

import pytest

from jobs.hub_words import for_page
from model.dialogue import ChatTemplate
from model.hub import HubError, hub_errors
from publish.consent import what_becomes_public
from publish.space import fill_space
from publish.space_files import with_marker
from publish.space_plan import find_space_model, plan_space
from publish.space_refusals import NotOurs, PaymentRequired, PrivateModel, SpaceEdited
from publish.space_site import SpaceSettings, look_at_space
from publish.space_words import what_changes
from tests.hub_server import HubServer
from tests.hub_spaces import add_space
from tests.running_app import small_model

FLAGS = ("--", "python -m", "this command")


def check(text: str) -> str:
    """Without flags, and still the same otherwise."""
    words = for_page(text)
    assert not [flag for flag in FLAGS if flag in words], words
    return words


def publish_model(hub: HubServer, model_id: str, *, private: bool = False) -> None:
    hub.add_repo(model_id, private=private)
    config = small_model().config.to_json().encode()
    hub.put(model_id, {"config.json": config, "model.safetensors": b"0"})


def test_what_becomes_public_in_a_dialogue_names_no_flag() -> None:
    template = ChatTemplate(speakers=("Ann", "Bob"), stop=("\nAnn:",))
    words = check(what_becomes_public(small_model(template).config, "ann/chat"))
    assert "Ann, Bob" in words
    assert "Ask real people first." in words
    assert "publish it as private" in words


def test_what_a_space_is_refused_for_names_no_flag(hub: HubServer, repo_id: str) -> None:
    publish_model(hub, repo_id)
    settings = SpaceSettings(f"{repo_id}-chat", repo_id, hardware="cpu-basic")
    plan = plan_space(look_at_space(settings), find_space_model(repo_id))
    with pytest.raises(PaymentRequired) as paid:
        fill_space(plan)
    assert "Choose ZeroGPU, or take PRO" in check(str(paid.value))
    add_space(hub, settings.space_id, "cpu-basic")
    empty = plan_space(look_at_space(settings), find_space_model(repo_id))
    assert "nothing of this app's yet" in check(what_changes(empty))
    hub.put(settings.space_id, {"app.py": b"theirs"}, kind="spaces")
    with pytest.raises(NotOurs) as not_ours:
        look_at_space(settings)
    assert check(str(not_ours.value)).endswith("choose another name")
    files = with_marker({"app.py": b"ours"}, settings.space_id)
    marker = {name: data for name, data in files.items() if name != "app.py"}
    assert json.loads(marker["charlstm-space.json"])["files"]
    hub.put(settings.space_id, marker, kind="spaces")
    with pytest.raises(SpaceEdited) as edited:
        look_at_space(settings)
    assert check(str(edited.value)).endswith("keep the edit and leave the Space")


def test_a_private_model_and_a_missing_one_name_no_flag(hub: HubServer, repo_id: str) -> None:
    publish_model(hub, repo_id, private=True)
    with pytest.raises(PrivateModel) as private:
        look_at_space(SpaceSettings(f"{repo_id}-chat", repo_id))
    assert "make the model public first" in check(str(private.value))
    with pytest.raises(HubError) as missing:
        look_at_space(SpaceSettings(f"{repo_id}-chat", "ann/nowhere"))
    assert check(str(missing.value)).endswith("publish it first")


def test_no_path_of_the_machine_is_told() -> None:
    with pytest.raises(HubError) as full, hub_errors("ann/novel"):
        raise OSError(errno.ENOSPC, "No space left on device", "/home/user/.cache/x")
    assert "/" not in for_page(str(full.value)).replace("ann/novel", "")
    assert "no room" in for_page(str(full.value))


@pytest.mark.parametrize("kind", ["status", "portal"])
def test_a_visitor_is_not_sent_to_the_machine_of_the_page(hub: HubServer, kind: str) -> None:
    hub.fault("whoami", kind, status=401)  # type: ignore[arg-type]  # one of its kinds
    with pytest.raises(HubError) as refused:
        look_at_space(SpaceSettings("ann/a", "ann/b"))
    words = for_page(str(refused.value), is_visitor=True)
    assert "try again" in words
    assert not [word for word in ("HF_", "hf auth", "Settings") if word in words]
