"""`python -m publish model`: what it prints, asks and refuses, as a person meets it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from model.dialogue import ChatTemplate
from publish.__main__ import main
from publish.consent import what_becomes_public
from tests.hub_server import HubServer
from tests.publish.test_repo import trained
from tests.random_model import random_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return trained(tmp_path / "model")


def publish(*arguments: object) -> str:
    """Run the command line here, without a terminal; what it exits with, "" for success."""
    try:
        main(["model", *map(str, arguments)])
    except SystemExit as stop:
        return str(stop)
    return ""


def publish_on_a_terminal(*arguments: object, answer: str) -> tuple[int, str]:
    """Run it as a child on a terminal of its own and answer the question: (exit status, output)."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "publish", "model", *map(str, arguments)],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
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


def test_what_becomes_public_is_said_first(
    hub: HubServer, repo_id: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(folder, repo_id, "--yes") == ""
    printed = capsys.readouterr().out
    for words in (
        f"becomes public on the Hub as {repo_id}",
        "learnt from topics.txt",
        "repeat its corpus word for word",
        "characters: \\n(space)",
        "python -m training topics.txt --minutes 4",
        "the loop goes on",
    ):
        assert words in printed
    published, pinned = printed.splitlines()[-2:]
    assert published == f"Published: {hub.url}/{repo_id}"
    assert pinned.endswith(hub.repo(repo_id).head().oid)


def test_a_passage_of_the_corpus_is_shown_before_it_becomes_public() -> None:
    copied = {"length": 9, "passage": "dear\x1bAnn,\nyou"}
    model = random_model(training={"corpus": "letters.txt", "longest_copy": copied})
    text = what_becomes_public(model.config, "ann/letters")
    assert "word for word as the text has it:\n    dear\\x1bAnn,\n    you" in text
    for nonsense in ({"passage": None}, {}, "dear", [1]):
        model = random_model(training={"longest_copy": nonsense})
        assert "word for word as" not in what_becomes_public(model.config, "ann/letters")


def test_the_model_that_it_was_begun_from_is_said_before_it_becomes_public() -> None:
    config = random_model(training={"init_from": {"name": "ann/\x1bdiary"}}).config
    text = what_becomes_public(config, "ann/letters")
    assert "begun from ann/\\x1bdiary; it can repeat what that had learnt, too" in text
    for nonsense in (None, {}, "ann/diary", {"name": ""}):
        config = random_model(training={"init_from": nonsense}).config
        assert "begun from" not in what_becomes_public(config, "ann/letters")


def test_who_speaks_in_the_corpus_is_said_before_it_becomes_public() -> None:
    template = ChatTemplate(
        user_prefix="Ann: ",
        speakers=("Ann\x1b[2J", "Bob"),
        stop=("\n", "\nAnn:", "\nCy:"),
    )
    config = random_model(training={"corpus": "chat.txt"}).config
    text = what_becomes_public(replace(config, chat_template=template), "ann/chat")
    assert "- who speaks in it, by name: Ann\\x1b[2J, Bob." in text
    assert "where replies end: \\nAnn:, \\nCy:" in text
    assert "--dialogue off" in text
    assert "who speaks" not in what_becomes_public(config, "ann/chat")


def test_without_a_terminal_nothing_becomes_public_unasked(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    assert "add --yes, or --private" in publish(folder, repo_id)
    assert hub.repos == {}


def test_a_private_repo_needs_no_answer(
    hub: HubServer, repo_id: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(folder, repo_id, "--private") == ""
    assert hub.repo(repo_id).private
    assert "nothing becomes public" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "is_published"), [("y", True), ("", False), ("no", False)])
def test_on_a_terminal_it_asks(
    hub: HubServer, repo_id: str, folder: Path, answer: str, is_published: bool
) -> None:
    status, output = publish_on_a_terminal(folder, repo_id, answer=answer)
    assert "Publish it? [y/N]" in output
    assert (status == 0) == is_published
    assert bool(hub.repos) == is_published
    assert "Traceback" not in output


def test_a_failed_push_says_what_to_do_and_leaves_the_folder(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    hub.fault("/commit/", method="POST", status=403)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    said = publish(folder, repo_id, "--yes", "--revision", "try me")
    assert said.startswith("error: the token doesn't allow that")
    command = f"python -m publish model {folder} {repo_id} --revision 'try me'"
    assert said.splitlines()[-2:] == ["The model is where it was. To try again:", f"  {command}"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_each_reason_is_one_clear_line(hub: HubServer, repo_id: str, folder: Path) -> None:
    def first_line(*arguments: object) -> str:
        return publish(*arguments).splitlines()[0]

    assert "doesn't exist" in first_line(folder / "nowhere", repo_id)
    assert "write it as user/name" in first_line(folder, "novel")
    assert "can't create a repo of 'zoe'" in first_line(folder, "zoe/novel", "--yes")
    hub.accounts.clear()
    assert "doesn't accept the token" in first_line(folder, repo_id, "--yes")
    hub.stop()
    assert "the Hub can't be reached" in first_line(folder, repo_id, "--yes")


def test_a_second_time_it_says_that_nothing_has_changed(
    hub: HubServer, repo_id: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(folder, repo_id, "--yes")
    hub.put(repo_id, {"README.md": b"# Mine\n"})
    capsys.readouterr()
    assert publish(folder, repo_id, "--yes") == ""
    printed = capsys.readouterr().out
    assert "Nothing has changed:" in printed
    assert "The card there was edited by hand" in printed


def test_what_a_sample_holds_cannot_steer_the_terminal(
    hub: HubServer, repo_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = {"prompt": "", "text": "\x1b[2Jgone"}
    folder = trained(tmp_path / "model", training={"samples": [sample], "corpus": "a\x07b"})
    assert publish(folder, repo_id, "--yes") == ""
    printed = capsys.readouterr().out
    assert "\\x1b[2Jgone" in printed
    assert printed.replace("\n", "").isprintable()
    assert hub.repo(repo_id)
