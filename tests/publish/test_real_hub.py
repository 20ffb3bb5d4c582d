"""The real Hub, for its owner to ask: CHARLSTM_TEST_HUB=1 CHARLSTM_TEST_TOKEN=hf_... pytest ...

The repos are private, have random names, and are deleted. The commands run in processes of their
own, as the tests' own address of the Hub is on 127.0.0.1.
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


def test_a_model_and_its_space_are_published_used_and_published_again(
    api: HfApi, name: str, tmp_path: Path
) -> None:
    folder = trained(tmp_path / "model")
    publish = ("-m", "publish", "model", folder, name, "--private")
    run(tmp_path, *publish)
    first = api.model_info(name)
    assert first.private
    generate = ("--prompt", "The while", "--length", 50, "--temperature", 0)
    ours = run(tmp_path, "-m", "model", "generate", folder, *generate)
    assert run(tmp_path, "-m", "model", "generate", name, *generate) == ours
    run(tmp_path, *publish)
    assert api.model_info(name).sha == first.sha
    program = (
        "from publish.space import publish_space\n"
        f"print(publish_space({name!r}, {name!r}, private=True, wait=False).commit)"
    )
    made = run(tmp_path, "-c", program).split()[-1]
    card = api.space_info(name).card_data
    assert card is not None
    assert card.tags == ["charlstm"]
    assert api.get_space_variables(name)["MODEL_ID"].value == name
    assert run(tmp_path, "-c", program).split()[-1] == made
