"""A model folder becomes a repo: in one commit, or not at all and with the reason.

The real huggingface_hub client against the Hub of tests/hub_server.py.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from model.chat.dialogue import ChatTemplate
from model.folder import ModelFolderError, load_model
from model.generator import Generator
from model.hub import HubError, Refused, Unreachable, resolve_model
from model.sampling import SamplingParams
from publish.__main__ import main
from publish.card import WRITTEN_BY
from publish.hub import check_repo
from publish.model import PublishedModel, publish_model, what_becomes_public
from tests.hub_server import HubServer
from tests.publish.conftest import TRAINING, trained
from tests.random_model import random_model, saved_model
from tests.running_app import ROOT


def files_of(hub: HubServer, repo_id: str, branch: str = "main") -> dict[str, bytes]:
    files = hub.repo(repo_id).head(branch).files
    return {name: data for name, data in files.items() if name != ".gitattributes"}


def test_what_is_published_arrives_in_one_commit(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    published = publish_model(folder, repo_id)
    repo = hub.repo(repo_id)
    assert published == PublishedModel(
        repo_id, f"{hub.url}/{repo_id}", repo.head().oid, is_private=False, kept_card=False
    )
    assert len(repo.commits) == 2  # one of them the Hub's own
    files = files_of(hub, repo_id)
    assert files.keys() == {"config.json", "model.safetensors", "README.md", "loss.png"}
    assert files["loss.png"] == (folder / "loss.png").read_bytes()
    assert f'snapshot_download("{repo_id}")'.encode() in files["README.md"]
    ours, theirs = Generator(load_model(folder)), Generator.from_pretrained(repo_id)
    params = SamplingParams(length=100, temperature=0)
    assert theirs.generate("The while", params) == ours.generate("The while", params)


def test_published_again_only_what_has_changed_is_committed(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    first = publish_model(folder, repo_id)
    assert publish_model(folder, repo_id).commit == first.commit
    assert len(hub.repo(repo_id).commits) == 2
    (folder / "loss.png").write_bytes(b"\x89PNG, another")
    hub.requests.clear()
    assert publish_model(folder, repo_id).commit != first.commit
    assert files_of(hub, repo_id)["loss.png"] == b"\x89PNG, another"
    assert len([request for request in hub.requests if request.startswith("PUT /lfs/")]) == 1


def test_what_is_told_besides_stands_in_the_config_and_on_the_card(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    publish_model(folder, repo_id, told={"credit": "Mary Shelley", "license": "cc0-1.0"})
    files = files_of(hub, repo_id)
    told = json.loads(files["config.json"])["training"]
    assert (told["credit"], told["license"]) == ("Mary Shelley", "cc0-1.0")
    assert b"- Text by: Mary Shelley" in files["README.md"]
    assert "credit" not in load_model(folder).config.training


def test_a_private_repo_stays_private(hub: HubServer, repo_id: str, tmp_path: Path) -> None:
    trained(tmp_path / "run" / "model")
    assert check_repo(repo_id, private=True).is_private
    assert hub.repos == {}
    assert publish_model(tmp_path / "run", repo_id, private=True).is_private
    assert hub.repo(repo_id).private
    assert check_repo(repo_id).is_private  # so nothing becomes public by a second push either
    hub.repo(repo_id).private = False
    with pytest.raises(HubError, match="is public"):
        check_repo(repo_id, private=True)


def test_a_branch_of_its_own_leaves_main_alone(
    hub: HubServer, repo_id: str, folder: Path, tmp_path: Path
) -> None:
    first = publish_model(folder, repo_id)
    wider = trained(tmp_path / "wider", hidden_size=32)
    for _ in range(2):
        assert publish_model(wider, repo_id, revision="try/wider").url.endswith("/tree/try/wider")
    assert hub.repo(repo_id).head().oid == first.commit
    assert load_model(resolve_model(repo_id, revision="try/wider")).config.hidden_size == 32
    card = files_of(hub, repo_id, "try/wider")["README.md"].decode()
    assert f'snapshot_download("{repo_id}", revision="try/wider")' in card


@pytest.mark.parametrize(
    ("name", "token", "said"),
    [
        ("ann/new", "hf_wrong", "doesn't accept the token"),
        ("ann/new", "hf_read", "may only read"),
        ("ann/new", "hf_bob", "no right.*publish as bob/new"),
        ("ann/there", "hf_bob", "no right to write to ann/there"),
        ("ann/new", None, "hf auth login"),
        *((name, "hf_ann", "user/name") for name in ("novel", "ann/my novel", "ann/a/b", "/a")),
    ],
)
def test_what_will_be_refused_is_told_before_anything_is_made(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, name: str, token: str | None, said: str
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    hub.add_repo("ann/there")
    assert not check_repo("club/novel", token="hf_ann").is_private  # ann belongs to it
    with pytest.raises(HubError, match=said):
        check_repo(name, token=token)
    assert len(hub.repos) == 1


def test_a_card_is_written_again_until_somebody_edits_it(
    hub: HubServer, repo_id: str, folder: Path, tmp_path: Path
) -> None:
    publish_model(folder, repo_id)
    wider = trained(tmp_path / "wider", hidden_size=32)
    assert not publish_model(wider, repo_id).kept_card
    written = files_of(hub, repo_id)["README.md"]
    assert b"LSTM layer of 32" in written
    edited = written.replace(WRITTEN_BY.encode(), b"My own words.")
    hub.put(repo_id, {"README.md": edited})
    said: list[str] = []
    assert publish_model(folder, repo_id, report=said.append).kept_card
    assert "The card on the Hub was edited, so it stays." in said[-1]
    files = files_of(hub, repo_id)
    assert files["README.md"] == edited
    assert files["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    here = (folder / "README.md").read_text(encoding="utf-8").replace(WRITTEN_BY, "Mine.")
    (folder / "README.md").write_text(here, encoding="utf-8")
    for _ in range(2):
        assert not publish_model(folder, "ann/another").kept_card
    there = files_of(hub, "ann/another")["README.md"].decode()
    assert "Mine." in there
    assert 'snapshot_download("ann/another")' in there


def test_what_the_hub_refuses_is_told_in_its_own_words_and_changes_nothing(
    hub: HubServer, repo_id: str, folder: Path, tmp_path: Path
) -> None:
    hub.fault("/create", method="POST", status=403, words="You have been very bad.")
    with pytest.raises(Refused, match=f"for {repo_id}; it says: You have been very bad$"):
        publish_model(folder, repo_id)
    hub.fault("/commit/", method="POST", status=412, words="A commit has happened since.")
    with pytest.raises(HubError, match="A commit has happened since"):
        publish_model(saved_model(tmp_path / "bare"), repo_id)
    odd = saved_model(tmp_path / "odd", training={"license": "My Own"})
    with pytest.raises(HubError, match=r'"license" must be one of .* not My Own'):
        publish_model(odd, repo_id)
    hub.fault("/lfs/", method="PUT", status=403, times=9, words="No room")
    with pytest.raises(Refused, match="No room"):
        publish_model(folder, repo_id)
    assert len(hub.repo(repo_id).commits) == 1


def test_a_hub_that_is_away_and_a_broken_model_are_told(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    hub.stop()
    with pytest.raises(Unreachable, match="check the network"):
        publish_model(folder, repo_id)
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelFolderError, match=r"model\.safetensors is damaged"):
        publish_model(folder, repo_id)


def test_what_becomes_public_is_told() -> None:
    copied = {"length": 9, "passage": "dear\x1bAnn,\nyou"}
    told = {"init_from": {"name": "ann/\x1bdiary"}, "longest_copy": copied}
    template = ChatTemplate(user_prefix="Ann: ", speakers=("Ann\x1b[2J", "Bob"), stop=("\nCy:",))
    config = random_model(training={**TRAINING, **told}).config
    lines = what_becomes_public(replace(config, chat_template=template), "ann/letters")
    text = "\n".join(lines)
    for words in (
        "copy the model as ann/letters",
        "learnt from topics.txt",
        "repeat it word for word",
        "fine-tuned from ann/ diary, and can repeat",
        "Who speaks: Ann [2J, Bob",
        "Where replies end: Cy:",
        f"Its {config.vocab_size} characters: ",
        "Command: python -m training topics.txt --minutes 4",
        "A sample of what it writes:\nthe loop goes on",
        "Copied word for word from its text:\ndear Ann,\nyou",
    ):
        assert words in text
    assert text.replace("\n", "").isprintable()
    odd = {"longest_copy": {"passage": " \n"}, "init_from": "dear", "samples": {}}
    text = "\n".join(what_becomes_public(random_model(training=odd).config, "ann/letters"))
    assert "Copied word for word" not in text
    assert "fine-tuned" not in text


def test_the_command_tells_what_becomes_public_and_prints_the_link(
    hub: HubServer, repo_id: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="add --yes"):
        main(["model", str(folder), repo_id])
    assert hub.repos == {}
    main(["model", str(folder), repo_id, "--yes"])
    printed = capsys.readouterr().out
    assert f"copy the model as {repo_id}" in printed
    published, pinned = printed.splitlines()[-2:]
    assert published == f"Published: {hub.url}/{repo_id}"
    assert pinned.endswith(hub.repo(repo_id).head().oid)
    main(["model", str(folder), f"{repo_id}-private", "--private"])
    assert "nothing of it becomes public" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "is_published"), [("y", True), ("", False)])
def test_on_a_terminal_it_waits_for_the_answer(
    hub: HubServer, repo_id: str, folder: Path, answer: str, is_published: bool
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "publish", "model", str(folder), repo_id]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs):
        os.write(ours, answer.encode() + b"\n")
    output = os.read(ours, 100_000).decode()
    os.close(ours)
    os.close(theirs)
    assert "Publish it? [y/N]" in output
    assert (("models", repo_id) in hub.repos) == is_published
    assert is_published or "you said no" in output


def test_a_link_in_a_folder_publishes_nothing_from_elsewhere(
    hub: HubServer, repo_id: str, folder: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("PRIVATE KEY", encoding="utf-8")
    for name in ("README.md", "loss.png"):
        (folder / name).unlink()
        (folder / name).symlink_to(key)
    publish_model(folder, repo_id)
    files = files_of(hub, repo_id)
    assert files.keys() == {"config.json", "model.safetensors", "README.md"}
    assert b"PRIVATE KEY" not in files["README.md"]
