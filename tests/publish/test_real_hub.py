"""The real Hub: a model and a Space are published there, used, and deleted.

Collected only where its owner asks for it, with a token that may write:

    CHARLSTM_TEST_HUB=1 CHARLSTM_TEST_TOKEN=hf_... python -m pytest tests/publish/test_real_hub.py

The repos are private and have random names. The commands run in processes of their own, as the
tests' own address of the Hub is on 127.0.0.1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.publish.conftest import trained
from tests.running_app import ROOT

HUB = "https://huggingface.co"


@pytest.fixture
def api() -> HfApi:
    return HfApi(endpoint=HUB, token=os.environ["CHARLSTM_TEST_TOKEN"])


@pytest.fixture
def name(api: HfApi) -> Iterator[str]:
    """The name of a model and of a Space, which are deleted at the end."""
    name = f"{api.whoami()['name']}/charlstm-test-{uuid.uuid4().hex[:12]}"
    yield name
    for kind in ("model", "space"):
        api.delete_repo(name, repo_type=kind, missing_ok=True)


def run(tmp_path: Path, *command: object) -> str:
    """The output of `python ...`, as somebody with a fresh login would run it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    token = {"HF_TOKEN": os.environ["CHARLSTM_TEST_TOKEN"], "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**kept, "HF_ENDPOINT": HUB, **token},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_model_is_published_used_and_published_again(
    api: HfApi, name: str, tmp_path: Path
) -> None:
    folder = trained(tmp_path / "model")
    generate = ("--prompt", "The while", "--length", 50, "--temperature", 0)
    run(tmp_path, "-m", "publish", "model", folder, name, "--private")
    first = api.model_info(name)
    assert first.private
    ours = run(tmp_path, "-m", "model", "generate", folder, *generate)
    assert run(tmp_path, "-m", "model", "generate", name, *generate) == ours
    run(tmp_path, "-m", "publish", "model", folder, name)
    assert api.model_info(name).sha == first.sha


def test_a_space_is_created_and_known_again(api: HfApi, name: str, tmp_path: Path) -> None:
    run(tmp_path, "-m", "publish", "model", trained(tmp_path / "model"), name, "--private")
    program = (
        "from publish.space import publish_space\n"
        f"print(publish_space({name!r}, {name!r}, private=True, wait=False).commit)"
    )
    first = run(tmp_path, "-c", program).split()[-1]
    card = api.space_info(name).card_data
    assert card is not None
    assert card.tags == ["charlstm"]
    assert api.get_space_variables(name)["MODEL_ID"].value == name
    assert run(tmp_path, "-c", program).split()[-1] == first
