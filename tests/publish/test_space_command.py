"""`python -m publish space`: what it prints, asks and refuses, as a person meets it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gradio_client import Client

from publish.__main__ import main
from tests.hub_server import HubServer
from tests.publish.test_repo import trained
from tests.running_app import run_app

ROOT = Path(__file__).parents[2]


def publish(*arguments: object) -> str:
    """Run the command line here, without a terminal; what it exits with, "" for success."""
    try:
        main(["space", *map(str, arguments)])
    except SystemExit as stop:
        return str(stop)
    return ""


def test_from_a_model_to_the_link_of_a_running_space(
    hub: HubServer, model_id: str, space_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "add --yes, or --private" in publish(model_id, space_id)
    assert ("spaces", space_id) not in hub.repos
    assert publish(model_id, space_id, "--yes") == ""
    printed = capsys.readouterr().out
    assert f"This creates the Space {space_id}, for anybody to see and to use:" in printed
    assert "building\nthe app starts\nrunning\n" in printed
    assert printed.endswith(f"Running: {hub.url}/spaces/{space_id}\n")
    assert publish(model_id, space_id) == ""  # there is nothing to agree to
    assert f"Nothing has changed in {space_id}." in capsys.readouterr().out


def test_a_folder_is_published_as_a_model_first(
    hub: HubServer, repo_id: str, space_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained(tmp_path / "model")
    assert publish(folder, space_id, "--model_id", repo_id, "--yes") == ""
    printed = capsys.readouterr().out
    assert f"becomes public on the Hub as {repo_id}" in printed
    assert "repeat its corpus word for word" in printed
    assert hub.spaces[space_id].variables == {
        "MODEL_ID": repo_id,
        "MODEL_REVISION": hub.repo(repo_id).head().oid,
    }


def test_a_space_that_is_refused_leaves_no_model_behind(
    hub: HubServer, space_id: str, tmp_path: Path
) -> None:
    folder = trained(tmp_path / "model")
    said = publish(folder, space_id, "--hardware", "cpu-basic", "--yes")
    assert said.startswith("error: this account may not host")
    assert hub.repos == {}


def test_a_private_model_is_told_its_secret(
    hub: HubServer, model_id: str, space_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "leave --hf_token_secret out" in publish(
        model_id, space_id, "--private", "--hf_token_secret"
    )
    hub.repo(model_id).private = True
    assert publish(model_id, space_id, "--private") == ""
    assert "add it on its page under Settings / Variables and secrets" in capsys.readouterr().out
    assert publish(model_id, space_id, "--private", "--hf_token_secret") == ""
    assert hub.spaces[space_id].secrets == {"HF_TOKEN": "hf_ann"}
    assert "hf_ann" not in capsys.readouterr().out


def test_a_build_that_fails_is_one_clear_error_with_its_log(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.space_stages = ("BUILDING", "BUILD_ERROR")
    said = publish(model_id, space_id, "--yes")
    assert said.startswith(f"error: {space_id}: the build failed")


def test_each_reason_is_one_clear_line(
    hub: HubServer, model_id: str, space_id: str, tmp_path: Path
) -> None:
    assert "publish it first" in publish("ann/nowhere", space_id, "--yes")
    assert "is no model folder" in publish(tmp_path, space_id, "--yes")
    assert "isn't an empty folder" in publish(model_id, space_id, "--dry_run", ROOT)
    hub.stop()
    assert "the Hub can't be reached" in publish(model_id, space_id, "--yes")


def test_ctrl_c_while_waiting_says_that_the_space_goes_on(
    hub: HubServer, model_id: str, space_id: str
) -> None:
    hub.space_stages = ("BUILDING",)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "publish", "space", model_id, space_id],
        cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, b"y\n")
    output, is_told = b"", False
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline and (data := os.read(ours, 4096)):
            output += data
            if b"building (" in output and not is_told:
                child.send_signal(signal.SIGINT)
                is_told = True
    except OSError:  # how Linux says that the other side of a terminal is closed
        pass
    os.close(ours)
    assert child.wait(10) == 130
    assert b"The Space goes on building by itself" in output
    assert b"Traceback" not in output


def test_what_a_dry_run_writes_is_an_app_that_chats(
    hub: HubServer, model_id: str, space_id: str, tmp_path: Path
) -> None:
    folder, scratch = tmp_path / "space", tmp_path / "scratch"
    scratch.mkdir()
    assert publish(model_id, space_id, "--dry_run", folder) == ""
    assert ("spaces", space_id) not in hub.repos
    commit = hub.repo(model_id).head().oid
    environment = {"MODEL_ID": model_id, "MODEL_REVISION": commit, "PYTHONPATH": ""}
    with run_app(scratch, folder=folder, environment=environment) as running:
        client = Client(running.url, verbose=False, analytics_enabled=False)
        assert len(client.predict("The while", api_name="/chat")) == 500
        assert "can't be used" not in running.log()
