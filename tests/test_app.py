"""The app comes up without torch, with the model that it was given, or saying why not."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from gradio_client import Client

import app
from model.folder import CONFIG_FILE, WEIGHTS_FILE
from tests.hub_server import HubServer
from tests.running_app import PATIENCE_S, ROOT, RunningApp, small_model_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_model_folder(tmp_path / "model")


@pytest.fixture
def bundled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small model in the bundled one's place."""
    monkeypatch.setattr(app, "BUNDLED_MODEL", folder)


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )


PAGE_WITHOUT_A_MODEL = """
import json, pathlib, sys
import app
has_torch = "torch" in sys.modules
app.BUNDLED_MODEL = pathlib.Path(sys.argv[1])
page = app.build_page(app.choose_model("nowhere/<b>"), app.Limits.from_environment({}, None))
values = [part["props"].get("value") for part in page.get_config_file()["components"]]
print(json.dumps([has_torch, str(values)]))
"""


def test_importing_the_app_imports_no_torch_and_without_any_model_the_page_says_why(
    tmp_path: Path,
) -> None:
    child = run_python("-c", PAGE_WITHOUT_A_MODEL, str(tmp_path / "none"))
    has_torch, page = json.loads(child.stdout)
    assert not has_torch
    assert "The model nowhere/&lt;b&gt; can't be used" in page
    assert "The bundled model can't be used" in page
    assert "<b>" not in page


def test_after_a_chat_no_torch_is_in_the_apps_process(app: RunningApp) -> None:
    client = Client(app.url, verbose=False, analytics_enabled=False)
    assert len(client.predict("ROMEO:", api_name="/chat")) == 500
    assert set(app.record("ended")) == {"without torch"}


@pytest.mark.usefixtures("bundled")
def test_without_a_name_the_bundled_model_is_loaded() -> None:
    loaded = app.choose_model(None)
    assert loaded.generator
    assert not loaded.problem


@pytest.mark.usefixtures("bundled")
def test_a_model_that_cannot_be_used_is_said_and_the_bundled_one_loaded(tmp_path: Path) -> None:
    damaged = small_model_folder(tmp_path / "damaged")
    (damaged / WEIGHTS_FILE).write_bytes(b"\0" * 100)
    for model, reason in (
        ("runs/never-trained/model", "runs/never-trained/model can't be used"),
        (str(damaged), WEIGHTS_FILE),
        ("ann/never-fetched", "ann/never-fetched can't be used"),  # the Hub is down
    ):
        loaded = app.choose_model(model)
        assert loaded.generator
        assert reason in loaded.problem
        assert "uses the bundled model instead" in loaded.problem


def test_a_model_of_the_hub_is_served_and_linked_to(hub: HubServer, folder: Path) -> None:
    hub.add_repo("ann/noise")
    files = {name: (folder / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    hub.put("ann/noise", files | {"README.md": b"noise"})
    loaded = app.choose_model("ann/noise", "main")
    assert not loaded.problem
    assert loaded.hub_id == "ann/noise"


def test_a_port_that_is_taken_is_said_in_one_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        child = run_python("app.py", "--model", str(folder), "--port", port)
    assert child.returncode == 1
    assert child.stderr.startswith(f"error: port {port} is in use: ")
    assert child.stderr.count("\n") == 1


def test_without_the_platforms_package_the_app_says_so_where_zero_gpu_is_named() -> None:
    child = run_python("app.py", SPACES_ZERO_GPU="1")
    assert child.returncode == 1
    assert child.stderr.startswith("error: SPACES_ZERO_GPU is set")
    assert child.stderr.count("\n") == 1
