"""What `--dry_run` writes, installed into a fresh environment as a Space does it, and chatted with.

Asks the package index that pip is set up for; everything else stays on 127.0.0.1.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from gradio_client import Client

from publish.__main__ import main
from tests.fresh_environment import install, make_environment
from tests.hub_server import HubServer
from tests.running_app import ROOT, run_app


@pytest.mark.long
@pytest.mark.parametrize("hardware", ["zero-a10g", "cpu-basic"])
def test_a_fresh_environment_with_what_a_space_installs_serves_the_model(
    hub: HubServer, model_id: str, space_id: str, tmp_path: Path, hardware: str
) -> None:
    folder, scratch = tmp_path / "space", tmp_path / "scratch"
    scratch.mkdir()
    main(["space", model_id, space_id, "--hardware", hardware, "--dry_run", str(folder)])
    python = make_environment(tmp_path / "venv")
    pins = (ROOT / "requirements-app.txt").read_text(encoding="utf-8").splitlines()
    platform = [pin for pin in pins if pin.startswith(("gradio==", "huggingface_hub=="))]
    install(python, *platform)  # the platform's own come first
    install(python, "-r", str(folder / "requirements.txt"))
    variables = {"MODEL_ID": model_id, "MODEL_REVISION": hub.repo(model_id).head().oid}
    with run_app(
        scratch, folder=folder, python=python, environment={**variables, "PYTHONPATH": ""}
    ) as running:
        client = Client(running.url, verbose=False, analytics_enabled=False)
        assert len(client.predict("The while", api_name="/chat")) == 500
        assert "can't be used" not in running.log()
