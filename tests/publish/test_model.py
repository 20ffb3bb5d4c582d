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
from typing import Any

import pytest

from model.dialogue import ChatTemplate
from model.folder import ModelFolderError, load_model
from model.generator import Generator
from model.hub import HubError, Refused, Unreachable, resolve_model
from model.sampling import SamplingParams
from publish.__main__ import main
from publish.card import WRITTEN_BY, model_card
from publish.model import PublishedModel, check_model_repo, publish_model, what_becomes_public
from tests.hub_server import HubServer
from tests.publish.test_card import TRAINING
from tests.random_model import random_model, saved_model

ROOT = Path(__file__).parents[2]
PROMPT = "The while statement is used for "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder as training leaves it."""
    return trained(tmp_path / "model")


def trained(folder: Path, **settings: Any) -> Path:
    saved_model(folder, **{"training": TRAINING, **settings})
    card = model_card(load_model(folder).config, repo_id=None, has_plot=True)
    (folder / "README.md").write_text(card, encoding="utf-8")
    (folder / "loss.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def files_of(hub: HubServer, repo_id: str, branch: str = "main") -> dict[str, bytes]:
    files = hub.repo(repo_id).head(branch).files
    return {name: blob.data for name, blob in files.items() if name != ".gitattributes"}


def publish_on_a_terminal(*arguments: object, answer: str) -> tuple[int, str]:
    """Run the command as a child on a terminal and answer its question: (exit status, output)."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "publish", "model", *map(str, arguments)]
    child = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, answer.encode() + b"\n")
    output = b""
    try:
        while data := os.read(ours, 4096):
            output += data
    except OSError:  # how Linux says that the other side of a terminal is closed
        pass
    os.close(ours)
    return child.wait(), output.decode()


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
    for name in ("config.json", "model.safetensors", "loss.png"):
        assert files[name] == (folder / name).read_bytes()
    ours, theirs = Generator(load_model(folder)), Generator.from_pretrained(repo_id)
    params = SamplingParams(length=100, temperature=0)
    assert theirs.generate(PROMPT, params) == ours.generate(PROMPT, params)


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
    before = (folder / "config.json").read_bytes()
    publish_model(folder, repo_id, told={"credit": "Mary Shelley", "license": "cc0-1.0"})
    files = files_of(hub, repo_id)
    told = json.loads(files["config.json"])["training"]
    assert (told["credit"], told["license"]) == ("Mary Shelley", "cc0-1.0")
    assert b"credit: Mary Shelley" in files["README.md"]
    assert b"license: cc0-1.0" in files["README.md"]
    assert (folder / "config.json").read_bytes() == before


def test_a_private_repo_stays_private(hub: HubServer, repo_id: str, tmp_path: Path) -> None:
    trained(tmp_path / "run" / "model")
    assert check_model_repo(repo_id, private=True)
    assert hub.repos == {}
    assert publish_model(tmp_path / "run", repo_id, private=True).is_private
    assert hub.repo(repo_id).private
    assert check_model_repo(repo_id)  # so nothing becomes public by a second push either
    hub.repo(repo_id).private = False
    with pytest.raises(HubError, match="is public"):
        check_model_repo(repo_id, private=True)


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


def test_a_tag_or_a_commit_is_no_place_to_publish_on(hub: HubServer, repo_id: str) -> None:
    repo = hub.add_repo(repo_id)
    repo.tags["v1"] = repo.head().oid
    for revision in ("v1", repo.head().oid):
        with pytest.raises(HubError, match="name a branch"):
            check_model_repo(repo_id, revision=revision)


def test_who_may_not_write_is_told_before_anything_is_made(
    hub: HubServer, repo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused, match=f"no right.*publish as bob/{repo_id.split('/')[1]}"):
        check_model_repo(repo_id, token="hf_bob")
    check_model_repo("club/novel")  # ann belongs to it
    hub.add_repo(repo_id)
    for token, said in [
        ("hf_wrong", "doesn't accept the token"),
        ("hf_read", "may only read"),
        ("hf_bob", f"no right to write to {repo_id}"),
    ]:
        with pytest.raises(Refused, match=said):
            check_model_repo(repo_id, token=token)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(Refused, match="hf auth login"):
        check_model_repo(repo_id)


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["novel", "ann/my novel", "ann/a/b", "ann/x--y", "/novel"])
def test_an_impossible_name_is_refused(name: str) -> None:
    with pytest.raises(HubError, match="user/name"):
        check_model_repo(name)


def test_a_card_edited_on_the_hub_stays_and_the_weights_move_on(
    hub: HubServer, repo_id: str, folder: Path, tmp_path: Path
) -> None:
    publish_model(folder, repo_id)
    edited = files_of(hub, repo_id)["README.md"].replace(WRITTEN_BY.encode(), b"My own words.")
    hub.put(repo_id, {"README.md": edited})
    longer = trained(tmp_path / "longer", seed=1)
    said: list[str] = []
    assert publish_model(longer, repo_id, report=said.append).kept_card
    assert "The card on the Hub was edited, so it stays." in said[-1]
    files = files_of(hub, repo_id)
    assert files["README.md"] == edited
    assert files["model.safetensors"] == (longer / "model.safetensors").read_bytes()


def test_our_own_card_is_written_again_with_the_model(
    hub: HubServer, repo_id: str, folder: Path, tmp_path: Path
) -> None:
    publish_model(folder, repo_id)
    assert b"24 units" in files_of(hub, repo_id)["README.md"]
    assert not publish_model(trained(tmp_path / "wider", hidden_size=32), repo_id).kept_card
    assert b"32 units" in files_of(hub, repo_id)["README.md"]


def test_a_card_edited_here_is_published_with_the_name_filled_in(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(card.replace(WRITTEN_BY, "Mine."), encoding="utf-8")
    for _ in range(2):
        assert not publish_model(folder, repo_id).kept_card
    there = files_of(hub, repo_id)["README.md"].decode()
    assert "Mine." in there
    assert f'snapshot_download("{repo_id}")' in there


def test_metadata_that_the_hub_refuses_is_named(
    hub: HubServer, repo_id: str, tmp_path: Path
) -> None:
    saved_model(tmp_path / "model", training={"license": "My Own"})
    with pytest.raises(HubError, match="license"):
        publish_model(tmp_path / "model", repo_id)
    assert len(hub.repo(repo_id).commits) == 1


def test_a_commit_in_between_is_not_overwritten(hub: HubServer, repo_id: str, folder: Path) -> None:
    hub.fault("/commit/", method="POST", status=412)
    with pytest.raises(HubError, match="publish again"):
        publish_model(folder, repo_id)
    publish_model(folder, repo_id)
    assert len(hub.repo(repo_id).commits) == 2


def test_what_the_hub_refuses_is_told_in_its_own_words(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    hub.fault("/create", method="POST", status=403, words="You have been very bad.")
    with pytest.raises(Refused, match=f"for {repo_id}; it says: You have been very bad$"):
        publish_model(folder, repo_id)
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
        "fine-tuned from ann/\\x1bdiary, and can repeat",
        "Who speaks: Ann\\x1b[2J, Bob",
        "Where replies end: \\nCy:",
        "characters: \\n ",
        "Command: python -m training topics.txt --minutes 4",
        "A sample of what it writes:\nthe loop goes on",
        "Copied word for word from its text:\ndear\\x1bAnn,\nyou",
    ):
        assert words in text
    assert text.replace("\n", "").isprintable()
    for nonsense in (None, {}, "dear", {"passage": None}, {"passage": " \n"}):
        odd = {"longest_copy": nonsense, "init_from": nonsense}
        text = "\n".join(what_becomes_public(random_model(training=odd).config, "ann/letters"))
        assert "Copied" not in text
        assert "fine-tuned" not in text


def test_the_command_tells_what_becomes_public_and_asks(
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
    assert "nothing becomes public" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "is_published"), [("y", True), ("", False), ("no", False)])
def test_on_a_terminal_it_waits_for_the_answer(
    hub: HubServer, repo_id: str, folder: Path, answer: str, is_published: bool
) -> None:
    status, output = publish_on_a_terminal(folder, repo_id, answer=answer)
    assert "Publish it? [y/N]" in output
    assert (status == 0, ("models", repo_id) in hub.repos) == (is_published, is_published)
    assert is_published or "you said no" in output
