"""The app comes up without torch, with the model that it was given, or saying why not."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import app
from model.folder import CONFIG_FILE, WEIGHTS_FILE
from tests.hub_server import HubServer
from tests.running_app import PATIENCE_S, ROOT, small_model_folder


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


def test_without_a_usable_model_the_bundled_one_is_loaded() -> None:
    assert app.choose_model(None).model
    assert not app.choose_model(None).problem
    for model in ("runs/never-trained/model", "ann/never-fetched"):  # the Hub is down
        loaded = app.choose_model(model)
        assert loaded.model
        assert f"{model} can't be used" in loaded.problem


def test_a_model_of_the_hub_is_served_and_linked_to(hub: HubServer, tmp_path: Path) -> None:
    folder = small_model_folder(tmp_path / "model")
    hub.add_repo("ann/noise")
    files = {name: (folder / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    hub.put("ann/noise", files | {"README.md": b"noise"})
    loaded = app.choose_model("ann/noise", "main")
    assert not loaded.problem
    assert loaded.model
    assert loaded.model.hub_id == "ann/noise"


def test_what_keeps_the_app_from_starting_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        has_no_port = run_python("app.py", "--port", port)
    has_no_package = run_python("app.py", SPACES_ZERO_GPU="1")
    for child, why in (
        (has_no_port, f"port {port} is in use: "),
        (has_no_package, "SPACES_ZERO_GPU is set"),
    ):
        assert child.returncode == 1
        assert child.stderr.startswith(f"error: {why}")
        assert child.stderr.count("\n") == 1
