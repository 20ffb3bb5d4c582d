"""A model becomes a Space, and a Space a newer one: in one commit, or not at all and why.

The real huggingface_hub client against the Hub of tests/hub_server.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model.hub import HubError, NotACharLSTM, NotFound, Refused
from publish.__main__ import main
from publish.space import PublishedSpace, check_space, publish_space
from publish.space_files import project_files
from tests.hub_api import Account, front_matter
from tests.hub_server import HubServer

GENERATED = {"README.md", "requirements.txt"}


def publish(model_id: str, space_id: str, **asked: Any) -> PublishedSpace:
    return publish_space(model_id, space_id, wait=False, **asked)


def files_in(hub: HubServer, space_id: str) -> dict[str, bytes]:
    files = hub.repo(space_id, "spaces").head().files
    return {name: data for name, data in files.items() if name != ".gitattributes"}


def card_in(hub: HubServer, space_id: str) -> dict[str, Any]:
    return front_matter(files_in(hub, space_id)["README.md"].decode())


def test_a_new_space_holds_what_it_needs_and_nothing_else(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    said: list[str] = []
    published = publish(model_id, space_id, report=said.append)
    files, commit = files_in(hub, space_id), hub.repo(model_id).head().oid
    assert set(files) == set(project_files()) | GENERATED
    repo, space = hub.repo(space_id, "spaces"), hub.spaces[space_id]
    assert published.url == f"{hub.url}/spaces/{space_id}"
    assert (repo.head().oid, repo.private) == (published.commit, False)
    assert len(repo.commits) == 3  # two of them the Hub's own
    assert space.hardware == "zero-a10g"
    assert space.variables == {"MODEL_ID": model_id, "MODEL_REVISION": commit}
    told = card_in(hub, space_id)
    assert told["preload_from_hub"] == [f"{model_id} config.json,model.safetensors {commit}"]
    assert told["hf_oauth_scopes"] == ["contribute-repos"]  # its visitors may train: it is ZeroGPU
    assert said[0] == f"Creating {space_id} on zero-a10g"


def test_published_again_it_gets_the_new_model_and_its_owners_own_things_stay(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    first = publish(model_id, space_id)
    assert publish(model_id, space_id).commit == first.commit  # nothing has changed
    readme = files_in(hub, space_id)["README.md"].replace(b"indigo", b"red\npinned: true")
    theirs = {"README.md": readme, "notes.txt": b"mine", "ui/old.py": b"gone", "app.py": b"x"}
    hub.put(space_id, theirs, kind="spaces")
    old = hub.repo(model_id).refs["v1"] = hub.repo(model_id).head().oid
    new = hub.put(model_id, {"loss.png": b"newer"}).oid
    assert (
        "Deleted, as the app no longer has them: ui/old.py" in check_space(model_id, space_id).lines
    )
    publish(model_id, space_id)
    files, told = files_in(hub, space_id), card_in(hub, space_id)
    assert set(files) == set(project_files()) | GENERATED | {"notes.txt"}
    assert files["app.py"] == project_files()["app.py"]
    assert hub.spaces[space_id].variables["MODEL_REVISION"] == new
    assert told["preload_from_hub"][0].endswith(new)
    assert (told["colorFrom"], told["pinned"], told["tags"]) == ("red", True, ["charlstm"])
    publish(model_id, space_id, revision="v1")  # a branch is pinned by its commit
    assert hub.spaces[space_id].variables["MODEL_REVISION"] == old


def test_a_space_that_was_not_made_here_is_refused_and_overwritten_by_force(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.add_space(space_id, "cpu-basic")
    theirs = {"app.py": b"theirs", "data.csv": b"1", "model/own.py": b"2"}
    head = hub.put(space_id, theirs, kind="spaces")
    for act in (check_space, publish):
        with pytest.raises(HubError, match=r"wasn't made with CharLSTM \(it holds app.py, data"):
            act(model_id, space_id)
    assert hub.repo(space_id, "spaces").head() == head
    publish(model_id, space_id, force=True)
    files = files_in(hub, space_id)
    assert files["app.py"] == project_files()["app.py"]
    assert (files["data.csv"], files["model/own.py"]) == (b"1", b"2")
    assert card_in(hub, space_id)["title"] == model_id.split("/")[1]
    publish(model_id, space_id)  # and from now on it is ours
    assert hub.spaces[space_id].hardware == "cpu-basic"  # until other hardware is asked for
    hub.add_space("ann/empty", "zero-a10g")
    publish(model_id, "ann/empty")  # one that was never filled needs no force


def test_a_cpu_needs_pro_and_brings_torch_where_training_is_asked_for(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    with pytest.raises(Refused, match=r"requires a PRO.*\. A free account may host two"):
        publish(model_id, space_id, hardware="cpu-basic")
    assert ("spaces", space_id) not in hub.repos
    publish(model_id, space_id)
    assert "It moves to cpu-basic." in check_space(model_id, space_id, hardware="cpu-basic").lines
    with pytest.raises(Refused, match="cpu-basic needs PRO"):
        publish(model_id, space_id, hardware="cpu-basic")
    hub.accounts["hf_ann"] = Account("ann", is_pro=True)
    publish(model_id, space_id, hardware="cpu-basic")
    assert hub.spaces[space_id].hardware == "cpu-basic"
    assert "hf_oauth" not in card_in(hub, space_id)
    publish(model_id, space_id, training=True)
    publish(model_id, space_id)  # not asked again, it stays
    assert b"\ntorch>=2.8" in files_in(hub, space_id)["requirements.txt"]
    assert card_in(hub, space_id)["hf_oauth"]
    assert hub.spaces[space_id].variables["TRAINING"] == "on"


def test_a_private_model_asks_for_a_private_space_and_a_token(
    hub: HubServer, model_id: str, space_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repo(model_id).private = True
    with pytest.raises(HubError, match=f"make {space_id} private"):
        check_space(model_id, space_id)
    hub.space_stages = ("RUNNING",)
    main(["space", model_id, space_id, "--private"])
    printed = capsys.readouterr().out
    assert "add a secret HF_TOKEN" in printed
    assert "hf_ann" not in printed
    assert hub.repo(space_id, "spaces").private
    assert "preload_from_hub" not in card_in(hub, space_id)  # only public ones can be
    assert publish(model_id, space_id).lacks_token
    hub.spaces[space_id].secrets["HF_TOKEN"] = "hf_reads"
    assert not publish(model_id, space_id).lacks_token
    hub.repo(space_id, "spaces").private = False
    with pytest.raises(HubError, match="is public"):
        check_space(model_id, space_id, private=True)


def test_what_will_be_refused_is_told_before_anything_is_made(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    for name, token, said in [
        (space_id, "hf_read", "may only read"),
        (space_id, "hf_bob", "no right to write"),
        ("chat", "hf_ann", "user/name"),
    ]:
        with pytest.raises(HubError, match=said):
            check_space(model_id, name, token=token)
    assert check_space("ann/coming", space_id, private=True).lines[:2] == [
        f"This creates the Space {space_id}, which only you can see, on zero-a10g.",
        "It serves ann/coming.",
    ]
    with pytest.raises(NotFound, match="check the spelling"):
        publish("ann/nowhere", space_id)
    hub.put(model_id, {"config.json": json.dumps({"model_type": "gpt2"}).encode()})
    with pytest.raises(NotACharLSTM, match="gpt2"):
        publish(model_id, space_id)
    assert ("spaces", space_id) not in hub.repos


def test_it_is_waited_for_until_it_runs_and_a_failure_is_told(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.space_stages = ("RUNNING",)
    assert publish_space(model_id, space_id).is_running
    hub.space_stages = ("PAUSED",)
    said: list[str] = []
    hub.put(model_id, {"README.md": b"# Newer\n"})
    assert not publish_space(model_id, space_id, report=said.append).is_running
    assert "the Hub says PAUSED" in said[-1]
    hub.space_stages, hub.spaces[space_id].reason = ("BUILD_ERROR",), "exit\x1b code 1"
    hub.put(model_id, {"README.md": b"# Newest\n"})
    with pytest.raises(HubError, match=r"the Hub says BUILD_ERROR \(exit code 1\)"):
        publish_space(model_id, space_id)


def test_from_a_folder_to_the_link_of_a_running_space(
    hub: HubServer,
    repo_id: str,
    space_id: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["space", str(folder), space_id, "--model_id", repo_id]
    with pytest.raises(SystemExit, match="add --yes"):
        main(command)
    assert hub.repos == {}
    hub.space_stages = ("RUNNING",)
    main([*command, "--yes"])
    printed = capsys.readouterr().out
    assert f"copy the model as {repo_id}" in printed
    assert f"This creates the Space {space_id}, which anybody can see" in printed
    assert printed.endswith(f"Running: {hub.url}/spaces/{space_id}\n")
    assert hub.spaces[space_id].variables["MODEL_REVISION"] == hub.repo(repo_id).head().oid
