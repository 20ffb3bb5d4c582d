"""A model becomes a Space, and a Space a newer one: in one commit, or not at all and why.

The real huggingface_hub client against the Hub of tests/hub_server.py.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any

import pytest
from gradio_client import Client

from model.hub import HubError, NotACharLSTM, NotFound, Refused
from publish.__main__ import main
from publish.space import PublishedSpace, check_space, publish_space
from publish.space_files import project_files
from tests.hub_api import Account, front_matter
from tests.hub_server import HubServer
from tests.hub_spaces import add_space
from tests.publish.conftest import put_model
from tests.publish.test_model import trained
from tests.running_app import ROOT, run_app

GENERATED = {"README.md", "requirements.txt"}


def publish(model_id: str, space_id: str, **asked: Any) -> PublishedSpace:
    return publish_space(model_id, space_id, wait=False, **asked)


def files_in(hub: HubServer, space_id: str) -> dict[str, bytes]:
    files = hub.repo(space_id, "spaces").head().files
    return {name: blob.data for name, blob in files.items() if name != ".gitattributes"}


def card_in(hub: HubServer, space_id: str) -> dict[str, Any]:
    return front_matter(files_in(hub, space_id)["README.md"].decode())


def test_a_new_space_holds_what_it_needs_and_nothing_else(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    said: list[str] = []
    published = publish(model_id, space_id, report=said.append)
    files, commit = files_in(hub, space_id), hub.repo(model_id).head().oid
    assert set(files) == set(project_files()) | GENERATED
    assert {name.split("/")[0] for name in files} == GENERATED | {
        "app.py", "LICENSE", "jobs", "model", "publish", "training", "ui",
    }  # fmt: skip
    repo, space = hub.repo(space_id, "spaces"), hub.spaces[space_id]
    assert published.url == f"{hub.url}/spaces/{space_id}"
    assert (repo.head().oid, repo.private) == (published.commit, False)
    assert len(repo.commits) == 3  # two of them the Hub's own
    assert (space.hardware, space.variables) == (
        "zero-a10g", {"MODEL_ID": model_id, "MODEL_REVISION": commit},
    )  # fmt: skip
    assert not [r for r in hub.requests if r.endswith(("/variables", "/hardware"))]  # at creation
    told = card_in(hub, space_id)
    wanted = f"{model_id} config.json,model.safetensors,README.md {commit}"
    assert told["preload_from_hub"] == [wanted]
    assert told["hf_oauth_scopes"] == ["contribute-repos"]  # its visitors may train: it is ZeroGPU
    assert said[0] == f"Creating {space_id} on zero-a10g"


def test_published_again_it_gets_the_new_model_and_its_owners_own_things_stay(
    hub: HubServer, model_id: str, space_id: str, tmp_path: Path
) -> None:
    first = publish(model_id, space_id, title="My novel", emoji="🐳")
    assert publish(model_id, space_id).commit == first.commit  # nothing has changed
    readme = files_in(hub, space_id)["README.md"].replace(b"indigo", b"red\npinned: true")
    theirs = {"README.md": readme, "notes.txt": b"mine", "ui/old.py": b"gone", "app.py": b"x"}
    hub.put(space_id, theirs, kind="spaces")
    new = put_model(hub, model_id, tmp_path / "newer", seed=1)
    assert "Deleted, as the app no longer has them: ui/old.py" in check_space(model_id, space_id)
    publish(model_id, space_id)
    files, told = files_in(hub, space_id), card_in(hub, space_id)
    assert set(files) == set(project_files()) | GENERATED | {"notes.txt"}
    assert files["app.py"] == project_files()["app.py"]
    assert hub.spaces[space_id].variables["MODEL_REVISION"] == new
    assert told["preload_from_hub"][0].endswith(new)
    assert (told["title"], told["emoji"], told["pinned"]) == ("My novel", "🐳", True)
    assert (told["colorFrom"], told["tags"]) == ("red", ["charlstm"])


def test_a_space_of_an_earlier_version_is_known_by_its_marker(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    add_space(hub, space_id, "zero-a10g")
    hub.put(space_id, {"app.py": b"old", "charlstm-space.json": b"{}"}, kind="spaces")
    publish(model_id, space_id)
    assert set(files_in(hub, space_id)) == set(project_files()) | GENERATED


def test_a_space_that_was_not_made_here_is_refused_and_overwritten_by_force(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    add_space(hub, space_id, "zero-a10g")
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
    publish(model_id, space_id)  # and from now on it is ours


def test_an_empty_space_is_filled_and_stays_on_its_hardware(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    add_space(hub, space_id, "cpu-basic")
    publish(model_id, space_id)
    assert hub.spaces[space_id].hardware == "cpu-basic"
    assert hub.spaces[space_id].variables["MODEL_ID"] == model_id
    assert card_in(hub, space_id)["title"] == model_id.split("/")[1]


def test_what_an_account_may_not_host_is_told_in_the_hubs_words_and_ours(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    with pytest.raises(Refused, match=r"requires a PRO.*\. A free account may host two"):
        publish(model_id, space_id, hardware="cpu-basic")
    assert ("spaces", space_id) not in hub.repos
    publish(model_id, space_id)
    assert "It moves to cpu-basic." in check_space(model_id, space_id, hardware="cpu-basic")
    with pytest.raises(Refused, match="cpu-basic needs PRO"):
        publish(model_id, space_id, hardware="cpu-basic")
    hub.accounts["hf_ann"] = Account("ann", is_pro=True)
    publish(model_id, space_id, hardware="cpu-basic")
    assert hub.spaces[space_id].hardware == "cpu-basic"


def test_training_on_a_cpu_brings_torch_and_turns_its_tab_on(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.accounts["hf_ann"] = Account("ann", is_pro=True)
    publish(model_id, space_id, hardware="cpu-basic", training=True)
    assert b"\ntorch>=2.8" in files_in(hub, space_id)["requirements.txt"]
    assert card_in(hub, space_id)["hf_oauth"]
    assert hub.spaces[space_id].variables["TRAINING"] == "on"
    publish(model_id, space_id)  # not asked again, it stays
    assert hub.spaces[space_id].variables["TRAINING"] == "on"
    publish(model_id, space_id, training=False)
    assert b"\ntorch" not in files_in(hub, space_id)["requirements.txt"]
    assert "hf_oauth" not in card_in(hub, space_id)
    assert hub.spaces[space_id].variables["TRAINING"] == "off"


def test_a_private_model_asks_for_a_private_space_and_its_token(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    with pytest.raises(HubError, match="anybody can read"):
        publish(model_id, space_id, private=True, token_for_model="hf_reads")
    hub.repo(model_id).private = True
    with pytest.raises(HubError, match=f"make {space_id} private"):
        check_space(model_id, space_id)
    assert publish(model_id, space_id, private=True).lacks_token
    assert hub.repo(space_id, "spaces").private
    assert "preload_from_hub" not in card_in(hub, space_id)  # only public ones can be
    assert hub.spaces[space_id].secrets == {}  # none is stored unless that is asked for
    assert not publish(model_id, space_id, token_for_model="hf_reads").lacks_token
    assert hub.spaces[space_id].secrets == {"HF_TOKEN": "hf_reads"}
    hub.repo(space_id, "spaces").private = False
    with pytest.raises(HubError, match="is public"):
        check_space(model_id, space_id, private=True)


def test_who_may_not_write_and_what_is_no_model_are_told_first(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    for token, said in [("hf_read", "may only read"), ("hf_bob", "no right to write")]:
        with pytest.raises(Refused, match=said):
            check_space(model_id, space_id, token=token)
    with pytest.raises(NotFound, match="publish it first"):
        check_space("ann/nowhere", space_id)
    with pytest.raises(HubError, match="user/name"):
        check_space(model_id, "chat")
    coming = check_space("ann/nowhere", space_id, private=True, model_is_coming=True)
    assert coming[:2] == [
        f"This creates the Space {space_id}, which only you can see, on zero-a10g.",
        "It serves ann/nowhere.",
    ]
    hub.put(model_id, {"config.json": json.dumps({"model_type": "gpt2"}).encode()})
    with pytest.raises(NotACharLSTM, match="gpt2"):
        publish(model_id, space_id)
    assert ("spaces", space_id) not in hub.repos


def test_a_branch_of_the_model_is_pinned_by_its_commit(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    repo = hub.repo(model_id)
    old = repo.branches["v1"] = repo.head().oid
    hub.put(model_id, {"README.md": b"# Newer\n"})
    publish(model_id, space_id, revision="v1")
    assert hub.spaces[space_id].variables["MODEL_REVISION"] == old


def test_a_name_that_the_token_cannot_see_is_taken(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.fault("/create", method="POST", status=409, words="You already created this repo")
    with pytest.raises(HubError, match="You already created this repo"):
        publish(model_id, space_id)


def test_it_is_waited_for_until_it_runs_and_a_failure_is_shown_with_its_log(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.space_stages = ("RUNNING",)
    assert publish_space(model_id, space_id).is_running
    hub.space_stages = ("PAUSED",)
    said: list[str] = []
    hub.put(model_id, {"README.md": b"# Newer\n"})
    assert not publish_space(model_id, space_id, report=said.append).is_running
    assert "the Hub says PAUSED" in said[-1]
    hub.space_stages, space = ("BUILD_ERROR",), hub.spaces[space_id]
    space.reason = "exit code 1"
    space.log = [*map(str, range(99)), "\x1b[31mERROR: no such \x07 package\x1b[0m"]
    hub.put(model_id, {"README.md": b"# Newest\n"})
    with pytest.raises(HubError, match=r"the build failed \(exit code 1\)") as failed:
        publish_space(model_id, space_id)
    assert str(failed.value).splitlines()[-2:] == ["  98", "  ERROR: no such \\x07 package"]


def test_from_a_folder_to_the_link_of_a_running_space(
    hub: HubServer,
    repo_id: str,
    space_id: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = str(trained(tmp_path / "model"))
    with pytest.raises(SystemExit, match="add --yes"):
        main(["space", folder, space_id, "--model_id", repo_id])
    assert hub.repos == {}
    hub.space_stages = ("RUNNING",)
    main(["space", folder, space_id, "--model_id", repo_id, "--yes"])
    printed = capsys.readouterr().out
    assert f"copy the model as {repo_id}" in printed
    assert f"This creates the Space {space_id}, which anybody can see" in printed
    assert printed.endswith(f"Running: {hub.url}/spaces/{space_id}\n")
    assert hub.spaces[space_id].variables["MODEL_REVISION"] == hub.repo(repo_id).head().oid


def test_the_command_stores_a_token_only_when_it_is_asked_to(
    hub: HubServer, model_id: str, space_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repo(model_id).private = True
    hub.space_stages = ("RUNNING",)
    main(["space", model_id, space_id, "--private"])
    assert "add it on its page under Settings" in capsys.readouterr().out
    main(["space", model_id, space_id, "--private", "--hf_token_secret"])
    assert hub.spaces[space_id].secrets == {"HF_TOKEN": "hf_ann"}
    assert "hf_ann" not in capsys.readouterr().out


def test_ctrl_c_while_waiting_leaves_the_space_building(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.space_stages = ("BUILDING",)
    command = [sys.executable, "-m", "publish", "space", model_id, space_id, "--yes"]
    with Popen(command, cwd=ROOT, stdout=PIPE, stderr=STDOUT, encoding="utf-8") as child:
        assert child.stdout is not None
        said = ""
        for line in child.stdout:
            said += line
            if line.startswith("Waiting until it runs"):
                child.send_signal(signal.SIGINT)
    assert child.returncode == 130
    assert "Traceback" not in said
    assert f"{hub.url}/spaces/{space_id}" in said


def test_what_a_dry_run_writes_is_an_app_that_chats(
    hub: HubServer, model_id: str, space_id: str, tmp_path: Path
) -> None:
    folder, scratch = tmp_path / "space", tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(SystemExit, match="isn't an empty folder"):
        main(["space", model_id, space_id, "--dry_run", str(ROOT)])
    main(["space", model_id, space_id, "--dry_run", str(folder)])
    assert ("spaces", space_id) not in hub.repos
    commit = hub.repo(model_id).head().oid
    environment = {"MODEL_ID": model_id, "MODEL_REVISION": commit, "PYTHONPATH": ""}
    with run_app(scratch, folder=folder, environment=environment) as running:
        client = Client(running.url, verbose=False, analytics_enabled=False)
        assert len(client.predict("The while", api_name="/chat")) == 500
        assert "can't be used" not in running.log()
