"""The app comes up without torch, with the model that it was given, or saying why not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client

import app
from model.folder import CONFIG_FILE, WEIGHTS_FILE
from tests.hub_server import HubServer
from tests.running_app import PATIENCE_S, ROOT, RunningApp, small_model_folder

MAPS = Path("/proc/self/maps")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_model_folder(tmp_path / "model")


@pytest.fixture
def bundled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small model in the bundled one's place."""
    monkeypatch.setattr(app, "BUNDLED_MODEL", folder)


IMPORTED = """
import json, pathlib, sys
import app
has_torch = "torch" in sys.modules
app.BUNDLED_MODEL = pathlib.Path(sys.argv[1])
page = app.build_page(app.choose_model("nowhere/<b>"), app.Limits.from_environment({}, None))
values = [part["props"].get("value") for part in page.get_config_file()["components"]]
print(json.dumps({"has_torch": has_torch, "page_without_a_model": str(values)}))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a process finds that imports the app and builds its page where there is no model."""
    command = [sys.executable, "-c", IMPORTED, str(tmp_path_factory.mktemp("none") / "none")]
    child = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=PATIENCE_S, check=False
    )
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


def test_importing_the_app_imports_no_torch(imported: Any) -> None:
    assert imported["has_torch"] is False


def test_without_any_model_the_page_still_says_why(imported: Any) -> None:
    page = imported["page_without_a_model"]
    assert "The model nowhere/&lt;b&gt; can't be used" in page
    assert "The bundled model can't be used" in page
    assert "<b>" not in page


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux tells what a process has loaded")
def test_after_a_chat_no_torch_is_in_the_apps_process(app: RunningApp) -> None:
    client = Client(app.url, verbose=False, analytics_enabled=False)
    assert len(client.predict("ROMEO:", api_name="/chat")) == 500
    loaded = Path(f"/proc/{app.pid}/maps").read_text(encoding="utf-8")
    assert "numpy" in loaded
    assert "torch" not in loaded


@pytest.mark.usefixtures("bundled")
def test_without_a_name_the_bundled_model_is_offered() -> None:
    offer = app.choose_model(None)
    assert offer.generator
    assert not offer.problem


@pytest.mark.usefixtures("bundled")
def test_a_missing_model_is_said_and_the_bundled_one_offered() -> None:
    offer = app.choose_model("runs/never-trained/model")
    assert offer.generator
    assert "runs/never-trained/model" in offer.problem
    assert "bundled model" in offer.problem


@pytest.mark.usefixtures("bundled")
def test_a_damaged_model_is_said_and_the_bundled_one_offered(tmp_path: Path) -> None:
    damaged = small_model_folder(tmp_path / "damaged")
    (damaged / WEIGHTS_FILE).write_bytes(b"\0" * 100)
    offer = app.choose_model(str(damaged))
    assert offer.generator
    assert WEIGHTS_FILE in offer.problem


def test_a_model_of_the_hub_is_served_and_linked_to(hub: HubServer, folder: Path) -> None:
    hub.add_repo("ann/noise")
    files = {name: (folder / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    hub.put("ann/noise", files | {"README.md": b"noise"})
    offer = app.choose_model("ann/noise", "main")
    assert not offer.problem
    assert offer.hub_id == "ann/noise"


@pytest.mark.usefixtures("bundled")
def test_a_hub_that_is_down_is_said_and_the_bundled_model_offered() -> None:
    offer = app.choose_model("ann/never-fetched")
    assert offer.generator
    assert "ann/never-fetched can't be used" in offer.problem


def test_without_the_platforms_package_the_app_says_so_where_zero_gpu_is_named() -> None:
    child = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "SPACES_ZERO_GPU": "1"},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 1
    assert child.stderr.startswith("error: SPACES_ZERO_GPU is set")
    assert "Traceback" not in child.stderr
