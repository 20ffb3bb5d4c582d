"""What a Space consists of: all that the app needs, nothing that isn't ours to publish."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from publish import hub_facts
from publish.space_card import SDK_VERSION, SpaceFacts, is_emoji, space_readme
from publish.space_files import (
    ROOT,
    FolderInTheWay,
    project_files,
    read_marker,
    requirements,
    write_folder,
)
from tests.publish.front_matter import front_matter

FACTS = SpaceFacts("ann/novel", "0" * 40, ("config.json", "model.safetensors"), "novel.txt")


def names(text: str) -> dict[str, str]:
    """Each requirement by the name of its package."""
    lines = [line for line in text.splitlines() if re.match("[a-z]", line)]
    return {re.split("[=<>]", line)[0]: line for line in lines}


def test_without_the_bundled_model_a_space_is_under_a_megabyte() -> None:
    own = {k: v for k, v in project_files().items() if not k.startswith("model/pretrained/")}
    assert sum(map(len, own.values())) < 1_000_000
    assert len(own) > 50


def test_only_code_and_the_bundled_model_are_published(tmp_path: Path) -> None:
    for room in ("model", "publish", "training", "ui", "tests"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("*.png"))
    for name in ("app.py", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    before = set(project_files(tmp_path))
    for name in ("training/novel.txt", "model/diary/config.json", "ui/.secret/a.py", "ui/.b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("private", encoding="utf-8")
    assert set(project_files(tmp_path)) == before
    assert not [name for name in before if name.startswith(("tests", "README"))]


def test_a_space_asks_for_what_this_project_asks_for_and_the_platform_lacks() -> None:
    app = names((ROOT / "requirements-app.txt").read_text(encoding="utf-8"))
    both = app | names((ROOT / "requirements.txt").read_text(encoding="utf-8"))

    def without_the_platforms(wanted: dict[str, str]) -> dict[str, str]:
        return {k: v for k, v in wanted.items() if k not in hub_facts.BROUGHT_BY_PLATFORM}

    cpu = names(requirements(hardware="cpu-basic", training=False))
    zero = names(requirements(hardware="zero-a10g", training=False))
    trains = names(requirements(hardware="cpu-basic", training=True))
    assert cpu == without_the_platforms(app)
    assert zero == without_the_platforms(both)
    assert trains == without_the_platforms(both) | {"torch": both["torch"]}
    assert app["gradio"] == f"gradio=={SDK_VERSION}"


def test_a_folder_that_is_in_use_is_not_written_into(tmp_path: Path) -> None:
    write_folder(tmp_path / "new", {"ui/a.py": b"1"})
    assert (tmp_path / "new" / "ui" / "a.py").read_bytes() == b"1"
    for folder in (tmp_path / "new", tmp_path / "new" / "ui" / "a.py"):
        with pytest.raises(FolderInTheWay, match="name another one"):
            write_folder(folder, {"b": b"2"})


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"space": 1, "files": []}', "[" * 99_999])
def test_what_is_no_marker_is_none(text: str) -> None:
    assert read_marker(text) is None


def test_the_front_matter_keeps_within_the_hubs_limits() -> None:
    told = front_matter(space_readme(FACTS))
    assert {told["colorFrom"], told["colorTo"]} <= set(hub_facts.COLOURS)
    assert told["sdk"] == "gradio"
    assert told["python_version"] == "3.12.12"
    assert told["models"] == ["ann/novel"]
    assert told["preload_from_hub"] == [f"ann/novel config.json,model.safetensors {'0' * 40}"]
    assert told["title"] == "novel"


def test_visitors_sign_in_only_where_they_may_train_and_for_no_more_than_that_takes() -> None:
    trains = space_readme(replace(FACTS, trains=True))
    told = front_matter(trains)
    assert (told["hf_oauth"], told["hf_oauth_scopes"]) == (True, ["contribute-repos"])
    for readme in (space_readme(FACTS), space_readme(FACTS, trains, is_edited=True)):
        assert not [key for key in front_matter(readme) if key.startswith("hf_oauth")]


@pytest.mark.parametrize(
    "corpus", ["x" * 300, "a: b #c", "\x1b[2J\nsdk: docker", "---", "\N{PILE OF POO}" * 90, ""]
)
def test_whatever_a_corpus_is_called_the_readme_is_sound(corpus: str) -> None:
    readme = space_readme(SpaceFacts("ann/novel", "", corpus=corpus, title="yes: [no] #1"))
    told = front_matter(readme)
    assert len(told["short_description"]) <= 60
    assert told["short_description"].isprintable()
    assert (told["sdk"], told["title"]) == ("gradio", "yes: [no] #1")
    assert "preload_from_hub" not in told
    assert "\x1b" not in readme


def test_a_readme_says_how_to_point_it_at_another_model() -> None:
    readme = space_readme(FACTS)
    for words in (
        "Duplicate this Space",
        "`MODEL_ID`",
        "`MODEL_REVISION`",
        "HF_TOKEN",
    ):
        assert words in readme
    assert "python -m publish space user/model user/space" in readme


def test_broken_front_matter_is_written_anew() -> None:
    readme = space_readme(FACTS, "---\na: [b\n---\nMy words.\n", is_edited=True)
    assert front_matter(readme)["sdk"] == "gradio"
    assert readme.endswith("My words.\n")


def test_an_emoji_is_an_emoji() -> None:
    assert all(map(is_emoji, ("🪶", "✍️", "👩\u200d🚀", "🇫🇷")))
    assert not any(map(is_emoji, ("", "a", "1", "🪶a", " ", "🪶" * 11)))
