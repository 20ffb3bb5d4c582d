"""A model becomes a Space, and a Space a newer one: in one commit, or not at all and why.

The real huggingface_hub client against the Hub of tests/hub_server.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.hub import CommittedInBetween, HubUnreachable, NotACharLSTM, TokenRefused
from publish.space import PublishedSpace, fill_space
from publish.space_files import project_files, read_marker, with_marker
from publish.space_plan import SpacePlan, find_space_model, plan_space
from publish.space_refusals import NotOurs, PaymentRequired
from publish.space_site import SpaceSettings, look_at_space
from publish.space_words import what_changes
from tests.hub_api import Account
from tests.hub_server import HubServer
from tests.hub_spaces import add_space
from tests.publish.conftest import publish_model
from tests.publish.front_matter import front_matter

MARKER = "charlstm-space.json"
GENERATED = {"README.md", "requirements.txt", MARKER}


def plan(settings: SpaceSettings) -> SpacePlan:
    site = look_at_space(settings)
    return plan_space(site, find_space_model(settings.model_id, settings.model_revision))


def publish(settings: SpaceSettings) -> PublishedSpace:
    return fill_space(plan(settings))


def files_in(hub: HubServer, space_id: str) -> dict[str, bytes]:
    files = hub.repo(space_id, "spaces").head().files
    return {name: blob.data for name, blob in files.items() if name != ".gitattributes"}


def marked(hub: HubServer, space_id: str, files: dict[str, bytes]) -> None:
    """Put files into a Space, and a marker which says that an earlier run had put them there."""
    ours = {name: data for name, data in files_in(hub, space_id).items() if name != MARKER}
    hub.put(space_id, with_marker({**ours, **files}, space_id), kind="spaces")


def test_a_new_space_holds_what_it_needs_and_nothing_else(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    published = publish(SpaceSettings(space_id, model_id))
    files = files_in(hub, space_id)
    assert set(files) == set(project_files()) | GENERATED
    assert {name.split("/")[0] for name in files} == GENERATED | {
        "app.py", "LICENSE", "jobs", "model", "publish", "training", "ui",
    }  # fmt: skip
    assert not [name for name in files if "__pycache__" in name or name.endswith(".pyc")]
    repo = hub.repo(space_id, "spaces")
    assert published.url == f"{hub.url}/spaces/{space_id}"
    assert (repo.head().oid, repo.private) == (published.commit, False)
    assert len(repo.commits) == 3  # two of them the Hub's own
    created = [request for request in hub.requests if request == "POST /api/repos/create"]
    assert len(created) == 1


def test_hardware_and_variables_are_asked_for_at_creation(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    publish(SpaceSettings(space_id, model_id))
    space, commit = hub.spaces[space_id], hub.repo(model_id).head().oid
    assert space.hardware == "zero-a10g"
    assert space.variables == {"MODEL_ID": model_id, "MODEL_REVISION": commit}
    assert not [r for r in hub.requests if r.endswith(("/variables", "/hardware")) and "POST" in r]


def test_the_preload_and_the_variable_name_the_same_commit(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    publish(SpaceSettings(space_id, model_id))
    told = front_matter(files_in(hub, space_id)["README.md"].decode())
    assert told["hf_oauth_scopes"] == ["contribute-repos"]  # its visitors may train: it is ZeroGPU
    commit = hub.spaces[space_id].variables["MODEL_REVISION"]
    wanted = f"{model_id} config.json,model.safetensors,README.md {commit}"
    assert told["preload_from_hub"] == [wanted]


@pytest.mark.usefixtures("hub")
def test_published_again_without_a_change_it_makes_no_commit(model_id: str, space_id: str) -> None:
    settings = SpaceSettings(space_id, model_id, title="My novel", emoji="🐳")
    first = publish(settings)
    again = plan(SpaceSettings(space_id, model_id))
    assert not again.has_changes
    second = fill_space(again)
    assert (second.commit, second.has_committed) == (first.commit, False)


def test_a_new_version_of_the_model_changes_its_pins_alone(
    hub: HubServer, model_id: str, space_id: str, tmp_path: Path
) -> None:
    publish(SpaceSettings(space_id, model_id))
    old = hub.repo(model_id).head().oid
    new = publish_model(hub, model_id, tmp_path / "newer", seed=1)
    upgrade = plan(SpaceSettings(space_id, model_id))
    assert (upgrade.added, set(upgrade.changed)) == ((), {"README.md", MARKER})
    words = what_changes(upgrade)
    assert f"its model: {model_id} at {old[:8]} -> {model_id} at {new[:8]}" in words
    fill_space(upgrade)
    assert hub.spaces[space_id].variables["MODEL_REVISION"] == new
    assert new in files_in(hub, space_id)["README.md"].decode()


def test_what_an_earlier_version_had_is_removed_and_the_owners_own_stays(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    publish(SpaceSettings(space_id, model_id))
    marked(hub, space_id, {"ui/old.py": b"old", "app.py": b"print()"})
    hub.put(space_id, {"notes.txt": b"mine"}, kind="spaces")
    upgrade = plan(SpaceSettings(space_id, model_id))
    assert upgrade.removed == ("ui/old.py",)
    assert upgrade.changed == ("app.py", MARKER)
    words = what_changes(upgrade)
    assert "- files changed: app.py\n- files removed: ui/old.py" in words
    fill_space(upgrade)
    assert set(files_in(hub, space_id)) == set(project_files()) | GENERATED | {"notes.txt"}


def test_a_space_that_was_not_made_here_is_refused_and_overwritten_by_force(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    add_space(hub, space_id, "zero-a10g")
    theirs = hub.put(space_id, {"app.py": b"theirs", "data.csv": b"1"}, kind="spaces")
    settings = SpaceSettings(space_id, model_id)
    with pytest.raises(NotOurs, match=r"wasn't made by this command \(it holds app.py, data.csv\)"):
        look_at_space(settings)
    assert hub.repo(space_id, "spaces").head() == theirs
    publish(replace(settings, force=True))
    files = files_in(hub, space_id)
    assert files["app.py"] == project_files()["app.py"]
    assert files["data.csv"] == b"1"
    assert not plan(settings).has_changes  # and from now on it is ours


def test_an_empty_space_is_filled(hub: HubServer, model_id: str, space_id: str) -> None:
    add_space(hub, space_id, "cpu-basic")
    filling = plan(SpaceSettings(space_id, model_id))
    assert "nothing of this command's yet" in what_changes(filling)
    fill_space(filling)
    assert hub.spaces[space_id].hardware == "cpu-basic"
    assert hub.spaces[space_id].variables["MODEL_ID"] == model_id


def test_a_readme_that_its_owner_edited_keeps_its_words_and_gets_new_pins(
    hub: HubServer, model_id: str, space_id: str, tmp_path: Path
) -> None:
    publish(SpaceSettings(space_id, model_id))
    readme = files_in(hub, space_id)["README.md"].decode()
    edited = readme.replace("colorFrom: indigo", "colorFrom: red\npinned: true")
    edited = edited[: edited.index("\n---\n") + 5] + "My own words.\n"
    hub.put(space_id, {"README.md": edited.encode()}, kind="spaces")
    for seed in (1, 2):  # the second time it is still the owner's
        commit = publish_model(hub, model_id, tmp_path / str(seed), seed=seed)
        upgrade = plan(SpaceSettings(space_id, model_id, title="Mine"))
        assert "which you have edited, only what it needs to run" in what_changes(upgrade)
        fill_space(upgrade)
        there = files_in(hub, space_id)["README.md"].decode()
        told = front_matter(there)
        assert (told["colorFrom"], told["pinned"], told["title"]) == ("red", True, "Mine")
        assert told["preload_from_hub"][0].endswith(commit)
        assert there.endswith("---\n\nMy own words.\n")


def test_a_duplicate_is_known_for_one_and_may_be_upgraded_by_its_owner(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    publish(SpaceSettings(space_id, model_id))
    add_space(hub, "bob/copy", "zero-a10g")
    copied = files_in(hub, space_id)
    readme = copied["README.md"].replace(
        b"license:", f"duplicated_from: {space_id}\nlicense:".encode()
    )
    hub.put("bob/copy", {**copied, "README.md": readme}, kind="spaces")
    hub.spaces["bob/copy"].variables = dict(hub.spaces[space_id].variables)
    settings = SpaceSettings("bob/copy", model_id)
    site = look_at_space(settings, token="hf_bob")
    upgrade = plan_space(site, find_space_model(model_id, token="hf_bob"))
    assert upgrade.changed == (MARKER,)
    assert f"it is a duplicate of {space_id}" in what_changes(upgrade)
    fill_space(upgrade)
    assert front_matter(files_in(hub, "bob/copy")["README.md"].decode())["duplicated_from"]
    marker = read_marker(files_in(hub, "bob/copy")[MARKER].decode())
    assert marker is not None
    assert marker.space_id == "bob/copy"
    with pytest.raises(TokenRefused, match="no right to write"):
        look_at_space(settings)  # as ann


@pytest.mark.parametrize("kind", ["status", "lost"])
def test_a_hub_that_stumbles_gets_one_commit_all_the_same(
    hub: HubServer, model_id: str, space_id: str, kind: Any
) -> None:
    hub.fault("/commit/", kind, method="POST")
    published = publish(SpaceSettings(space_id, model_id))
    assert published.commit == hub.repo(space_id, "spaces").head().oid
    assert published.has_committed
    assert len(hub.repo(space_id, "spaces").commits) == 3


def test_a_commit_in_between_is_not_gone_over(hub: HubServer, model_id: str, space_id: str) -> None:
    add_space(hub, space_id, "zero-a10g")
    filling = plan(SpaceSettings(space_id, model_id))
    theirs = hub.put(space_id, {"README.md": b"theirs"}, kind="spaces")
    with pytest.raises(CommittedInBetween, match="publish again"):
        fill_space(filling)
    assert hub.repo(space_id, "spaces").head() == theirs


@pytest.mark.long  # it waits for the Hub, four times
def test_a_publishing_that_broke_off_is_gone_on_with(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.fault("/commit/", method="POST", times=9)
    with pytest.raises(HubUnreachable):
        publish(SpaceSettings(space_id, model_id))
    assert set(files_in(hub, space_id)) == {"README.md"}
    hub.mend()
    publish(SpaceSettings(space_id, model_id))
    assert set(files_in(hub, space_id)) == set(project_files()) | GENERATED


def test_somebody_quicker_is_not_overwritten(hub: HubServer, model_id: str, space_id: str) -> None:
    creating = plan(SpaceSettings(space_id, model_id))
    assert creating.site.is_new
    add_space(hub, space_id, "zero-a10g")
    hub.put(space_id, {"app.py": b"theirs"}, kind="spaces")
    with pytest.raises(NotOurs, match="choose another name"):
        fill_space(creating)
    assert files_in(hub, space_id)["app.py"] == b"theirs"


def test_training_on_a_cpu_brings_torch_and_turns_its_tab_on(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.accounts["hf_ann"] = Account("ann", is_pro=True)
    settings = SpaceSettings(space_id, model_id, hardware="cpu-basic")
    publish(settings)
    assert b"\ntorch" not in files_in(hub, space_id)["requirements.txt"]
    assert b"oauth" not in files_in(hub, space_id)["README.md"]
    assert "TRAINING" not in hub.spaces[space_id].variables
    with_training = plan(replace(settings, training=True))
    assert "training without ZeroGPU: on" in what_changes(with_training)
    fill_space(with_training)
    assert b"\ntorch>=2.8" in files_in(hub, space_id)["requirements.txt"]
    assert b"hf_oauth: true" in files_in(hub, space_id)["README.md"]
    assert hub.spaces[space_id].variables["TRAINING"] == "on"
    assert not plan(settings).has_changes  # not asked again, it stays
    publish(replace(settings, training=False))
    assert b"\ntorch" not in files_in(hub, space_id)["requirements.txt"]
    assert hub.spaces[space_id].variables["TRAINING"] == "off"


def test_other_hardware_is_asked_for_only_when_it_is_named(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    publish(SpaceSettings(space_id, model_id))
    moving = plan(SpaceSettings(space_id, model_id, hardware="cpu-basic"))
    assert "its hardware: zero-a10g -> cpu-basic" in what_changes(moving)
    with pytest.raises(PaymentRequired, match="Leave --hardware out"):
        fill_space(moving)
    hub.accounts["hf_ann"] = Account("ann", is_pro=True)
    fill_space(moving)
    assert hub.spaces[space_id].hardware == "cpu-basic"
    assert not plan(SpaceSettings(space_id, model_id)).has_changes


def test_another_kind_of_model_is_refused_before_anything_is_made(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    config = json.dumps({"model_type": "gpt2"}).encode()
    hub.put(model_id, {"config.json": config})
    with pytest.raises(NotACharLSTM, match="gpt2"):
        plan(SpaceSettings(space_id, model_id))
    assert ("spaces", space_id) not in hub.repos


def test_a_branch_of_the_model_is_pinned_by_its_commit(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    repo = hub.repo(model_id)
    old = repo.branches["v1"] = repo.head().oid
    hub.put(model_id, {"README.md": b"# Newer\n"})
    publish(SpaceSettings(space_id, model_id, model_revision="v1"))
    assert hub.spaces[space_id].variables["MODEL_REVISION"] == old


def test_each_step_is_reported(hub: HubServer, model_id: str, space_id: str) -> None:
    said: list[str] = []
    fill_space(plan(SpaceSettings(space_id, model_id)), report=said.append)
    assert said[0] == f"Creating {space_id} on zero-a10g ..."
    assert said[-1].startswith("Uploading ")
    assert "hf_ann" not in repr(plan(SpaceSettings(space_id, model_id)))
    assert hub.requests
