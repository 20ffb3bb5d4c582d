"""What a Space consists of: all that the app needs, nothing that isn't ours to publish."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from publish.space_card import SDK_VERSION, ServedModel, space_readme
from publish.space_files import ROOT, project_files, requirements
from tests.hub_api import front_matter
from tests.random_model import random_model

BROUGHT_BY_PLATFORM = {"gradio", "huggingface_hub", "spaces", "torch"}
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def served(corpus: str = "novel.txt", *, needs_token: bool = False) -> ServedModel:
    config = random_model(training={"corpus": corpus}).config
    return ServedModel("ann/novel", config, "0" * 40, needs_token)


def names(text: str) -> dict[str, str]:
    """Each requirement by the name of its package."""
    lines = [line for line in text.splitlines() if re.match("[a-z]", line)]
    return {re.split("[=<>]", line)[0]: line for line in lines}


def test_only_code_and_the_bundled_model_are_published(tmp_path: Path) -> None:
    for room in ("model", "publish", "ui", "tests"):
        shutil.copytree(ROOT / room, tmp_path / room)
    shutil.copy(ROOT / "README.md", tmp_path)
    before = project_files(tmp_path)
    for name in ("ui/novel.txt", "model/diary/config.json", "ui/.secret/a.py", "ui/.b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("private", encoding="utf-8")
    assert set(project_files(tmp_path)) == set(before)
    assert not [name for name in before if name.startswith(("tests", "README"))]
    models = ("model/base/", "model/pretrained/")
    own = {k: v for k, v in before.items() if not k.startswith(models)}
    assert sum(map(len, own.values())) < 1_000_000


def test_a_space_asks_for_what_this_project_asks_for_and_the_platform_lacks() -> None:
    app = names((ROOT / "requirements-app.txt").read_text(encoding="utf-8"))
    both = app | names((ROOT / "requirements.txt").read_text(encoding="utf-8"))

    def without_the_platforms(wanted: dict[str, str]) -> dict[str, str]:
        return {k: v for k, v in wanted.items() if k not in BROUGHT_BY_PLATFORM}

    cpu = names(requirements(hardware="cpu-basic", training=False))
    zero = names(requirements(hardware="zero-a10g", training=False))
    trains = names(requirements(hardware="cpu-basic", training=True))
    assert cpu == without_the_platforms(app)
    assert zero == without_the_platforms(both)
    assert trains == without_the_platforms(both) | {"torch": both["torch"]}
    assert app["gradio"] == f"gradio=={SDK_VERSION}"


def test_the_front_matter_is_what_the_hub_takes() -> None:
    told = front_matter(space_readme(served(), trains=True))
    assert {told["colorFrom"], told["colorTo"]} <= COLOURS
    assert (told["sdk"], told["python_version"]) == ("gradio", "3.12.12")
    assert (told["title"], told["models"]) == ("novel", ["ann/novel"])
    again = front_matter(space_readme(served(needs_token=True), trains=False, there=told))
    assert not {"hf_oauth", "hf_oauth_scopes", "preload_from_hub"} & set(again)


@pytest.mark.parametrize(
    "corpus", ["a: b #c", "\x1b[2J\nsdk: docker", "---", "\U0001f4a9" * 90, ""]
)
def test_whatever_a_corpus_is_called_the_readme_is_sound(corpus: str) -> None:
    readme = space_readme(served(corpus), trains=False, there={"title": "yes: [no] #1"})
    told = front_matter(readme)
    assert len(told["short_description"]) <= 60
    assert told["short_description"].isprintable()
    assert (told["sdk"], told["title"]) == ("gradio", "yes: [no] #1")
    assert "\x1b" not in readme
