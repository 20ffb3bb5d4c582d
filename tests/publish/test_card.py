"""The model card: metadata that the Hub reads, samples that stay whole, a program that runs."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, ModelCardData
from markdown_it import MarkdownIt

from model.config import ModelConfig
from model.folder import BUNDLED_MODEL, CARD_FILE, load_model
from model.generator import Generator
from model.sampling import SamplingParams
from model.schema import TRAINING as TRAINING_SHAPE
from publish.card import PLACEHOLDER, WRITTEN_BY, is_as_written, model_card
from publish.model import publish_model
from tests.hub_server import HubServer
from tests.publish.conftest import TRAINING
from tests.random_model import random_model, saved_model

RESULTS: dict[str, Any] = {
    "held_out_characters": 52_300,
    "val_loss_reset_256": 1.6,
    "baselines": {"uniform": 4.5, "unigram": 3.2, "five_gram": 2.0, "xz": None, "counted": 9},
    "judgement": ["Fitted well.", "More minutes may help."],
    "longest_copy": {"length": 300, "passage": "while the loop\n\n# runs"},
}
PROMPT = "The while statement is used for "


def config(**training: Any) -> ModelConfig:
    return random_model(training={**TRAINING, **training}).config


def card(config: ModelConfig, **settings: Any) -> str:
    return model_card(config, **{"repo_id": "ann/topics", "has_plot": True, **settings})


def metadata(text: str) -> ModelCardData:
    """What the real client reads at the top of a card."""
    data = ModelCard(text).data
    assert isinstance(data, ModelCardData)
    return data


def fences(text: str) -> list[tuple[str, str]]:
    """(language, content) of each fenced block, as a Markdown parser sees them."""
    tokens = MarkdownIt("commonmark").parse(text)
    return [(token.info, token.content) for token in tokens if token.type == "fence"]


def program_of(text: str) -> str:
    """The program in a card that needs no CharLSTM."""
    (program,) = [c for language, c in fences(text) if language == "python" and "numpy" in c]
    return program


def table(text: str) -> list[list[str]]:
    """The cells of the card's table, row by row."""
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_it_tells_what_is_known_of_the_training_and_leaves_out_the_rest() -> None:
    text = card(config(credit="Ann,\nof the Club"))
    data = metadata(text)
    assert (data.library_name, data.license, data.language) == ("charlstm", "mit", "en")
    assert data.eval_results is not None
    results = {result.metric_type: result.metric_value for result in data.eval_results}
    assert results == {"val_loss": 1.5, "bits_per_character": round(1.5 / math.log(2), 4)}
    for words in (
        "- Trained on: topics.txt (523,000 characters)",
        "- Held-out loss: 1.5000 nats per character (2.164 bits)",
        "1,234 steps",
        "- Text by: Ann, of the Club",
        "![Loss during training](loss.png)",
    ):
        assert words in text
    assert ("sh", TRAINING["command"] + "\n") in fences(text)
    assert ("text", "while the loop goes on\n\n") in fences(text)
    bare = card(random_model().config, has_plot=False)
    data = metadata(bare)
    assert (data.license, data.language, data.eval_results) == (None, None, None)
    for word in ("None", "null", "nan", "loss.png", "The command", "## Results", "## Samples"):
        assert word not in bare


def test_its_losses_stand_beside_those_of_simpler_methods() -> None:
    text = card(config(**RESULTS))
    _, _, *rows = table(text)
    assert [row[1] for row in rows] == ["1.5000", "1.6000", "2.0000", "3.2000", "4.5000"]
    assert [row[2] for row in rows][:2] == ["2.1640", "2.3083"]
    assert "256" in rows[1][0]
    assert "5-gram" in rows[2][0]
    assert "52,300 characters, which it has not learnt from" in text
    assert "- Fitted well.\n- More minutes may help.\n" in text
    assert ("text", "while the loop\n\n# runs\n") in fences(text)
    assert table(card(config(judgement=["Good."]))) == []


def test_it_names_the_model_that_it_was_fine_tuned_from() -> None:
    text = card(config(init_from={"name": "ann/plays", "sha256": "abc"}))
    assert "- Fine-tuned from: ann/plays\n- Its weights' sha256: abc\n" in text
    assert metadata(text).base_model == "ann/plays"
    local = card(config(init_from={"name": "plays"}))
    assert "- Fine-tuned from: plays\n" in local
    assert metadata(local).base_model is None  # it can't be found on the Hub


def test_the_bundled_card_is_what_is_written_today() -> None:
    there = (BUNDLED_MODEL / CARD_FILE).read_text(encoding="utf-8")
    assert model_card(load_model(BUNDLED_MODEL).config, repo_id=None, has_plot=True) == there


@pytest.mark.parametrize(
    "nonsense", [None, True, "low", [], {}, math.nan, pytest.param(10**400, id="huge"), [[]], [{}]]
)
def test_nonsense_in_somebody_elses_config_does_no_harm(nonsense: Any) -> None:
    for key in TRAINING_SHAPE.keys() - {"license"}:
        text = card(config(**{**RESULTS, key: nonsense}))
        assert metadata(text).license == "mit"
        assert "nan" not in text
    assert table(card(config(baselines={"uniform": nonsense, "xz": nonsense}))) == []


@pytest.mark.parametrize(
    "words",
    [
        "# Free money\n\n## at once",
        "<script>alert(1)</script> &amp; <b>",
        "[here](http://example.com) ![x](y) http://example.com www.example.com a@example.com",
        "*a* __b__ `c` ~~d~~ | e | $f$ \\ g",
        "---\nlicense: none\n---",
        "```\n~~~\n````\n`````",
    ],
)
def test_somebody_elses_words_stay_words(words: str) -> None:
    sample = {"temperature": 1.0, "prompt": "", "text": words}
    text = card(config(judgement=[words], corpus=words, samples=[sample]))
    assert metadata(text).license == "mit"
    assert ("text", words + "\n") in fences(text)
    results = text.partition("## Results")[2].partition("## Samples")[0]
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(results)
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "text_special"}
    assert not any(token.type in ("heading_open", "html_block", "hr") for token in tokens)
    assert "".join(child.content for child in inline) == " ".join(words.split())
    for link in (r"(?<!\\)://", r"(?i)www\.", r"(?<!\\)@"):
        assert not re.search(link, results)


def test_wherever_the_model_is_loaded_its_repo_and_branch_are_named() -> None:
    assert f'snapshot_download("{PLACEHOLDER}")' in card(config(), repo_id=None)
    text = card(config(), revision="wider")
    assert 'snapshot_download("ann/topics", revision="wider")' in text
    assert 'from_pretrained("ann/topics", revision="wider")' in text


def test_the_line_that_says_it_may_be_written_again_survives_the_client() -> None:
    text = card(config())
    assert is_as_written(text.replace("\n", "\r\n"))
    assert ModelCard(text).text.strip().startswith(WRITTEN_BY)


@pytest.mark.parametrize("prompt", ["while ", "", "\u4e2d", 'say "\\"', "long " * 30])
def test_the_program_fits_in_any_window(prompt: str) -> None:
    text = card(config(samples=[{"prompt": prompt, "text": "x"}]), revision="a-branch")
    lines = program_of(text).splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 88
    compile("\n".join(lines), "card", "exec")


@pytest.mark.parametrize(
    "settings",
    [
        {"num_layers": 3, "hidden_size": 16},
        {"embedding_size": 8, "has_unknown": True},
    ],
)
def test_the_program_writes_what_we_write_and_needs_nothing_of_ours(
    hub: HubServer, repo_id: str, tmp_path: Path, settings: dict[str, Any]
) -> None:
    publish_model(saved_model(tmp_path, **settings), repo_id)
    program = program_of(hub.repo(repo_id).head().files["README.md"].decode())
    imported = set(re.findall(r"^(?:from|import) (\w+)", program, re.MULTILINE))
    assert imported == {"json", "numpy", "huggingface_hub", "safetensors"}
    program += "print(json.dumps([generate(p, 60, 0) for p in json.loads(input())]))\n"
    program += "print(json.dumps([generate('', 60, 1.0, min_p=1), generate('', 500, 5.0)]))\n"
    prompts = (PROMPT, "", "x")
    child = subprocess.run(
        [sys.executable, "-I", "-c", program],
        input=json.dumps(prompts),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    theirs, (likeliest, wild) = map(json.loads, child.stdout.splitlines()[-2:])
    generator, params = Generator(load_model(tmp_path)), SamplingParams(length=60, temperature=0)
    assert theirs == [generator.generate(prompt, params) for prompt in prompts]
    assert likeliest == theirs[1]
    assert "\ufffd" not in wild
