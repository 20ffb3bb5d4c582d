"""The model card: metadata that the Hub reads, samples that stay whole, a program that runs."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import pytest
from huggingface_hub import ModelCard, ModelCardData
from markdown_it import MarkdownIt

from model.config import ModelConfig
from publish.card import PLACEHOLDER, WRITTEN_BY, is_as_written, model_card
from tests.random_model import random_model

TRAINING: dict[str, Any] = {
    "corpus": "topics.txt",
    "corpus_sha256": "0123456789abcdef" * 4,
    "corpus_characters": 523_000,
    "command": "python -m training topics.txt --minutes 4",
    "steps": 1_234,
    "seconds": 240.5,
    "epochs": 8.25,
    "val_loss": 1.5,
    "train_loss": 1.25,
    "seed": 7,
    "date": "2026-03-01T12:00:00",
    "license": "mit",
    "language": "en",
    "samples": [{"temperature": 0.8, "prompt": "while ", "text": "the loop goes on\n"}],
}


RESULTS: dict[str, Any] = {
    "held_out_characters": 52_300,
    "val_loss_reset_256": 1.6,
    "baselines": {"uniform": 4.5, "unigram": 3.2, "five_gram": 2.0, "xz": None, "counted": 9},
    "judgement": ["Fitted well.", "More minutes may help (--minutes 8)."],
    "longest_copy": {"length": 300, "passage": "while the loop\n\n# runs"},
}


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


def snippet_of(text: str) -> str:
    """The program in a card that needs no CharLSTM."""
    (program,) = [c for language, c in fences(text) if language == "python" and "numpy" in c]
    return program


def test_the_hub_reads_its_metadata() -> None:
    data = metadata(card(config()))
    assert (data.library_name, data.pipeline_tag) == ("charlstm", "text-generation")
    assert (data.license, data.language) == ("mit", "en")
    assert data.eval_results is not None
    results = {result.metric_type: result.metric_value for result in data.eval_results}
    assert results == {"val_loss": 1.5, "bits_per_character": round(1.5 / math.log(2), 4)}
    assert data.eval_results[0].dataset_name == "topics.txt (held-out part)"


def test_what_is_not_known_is_left_out() -> None:
    text = model_card(random_model().config, repo_id="ann/topics", has_plot=False)
    data = metadata(text)
    assert (data.license, data.language, data.eval_results) == (None, None, None)
    for word in ("None", "null", "nan", "loss.png", "## Training", "## Samples"):
        assert word not in text


def test_what_it_tells_is_what_the_training_says() -> None:
    text = card(config())
    for words in (
        "`topics.txt`, 523,000 characters",
        "held-out part: 1.5000 nats per character",
        "held-out part: 2.1640 bits per character",
        "1,234 steps",
        "![Loss during training](loss.png)",
    ):
        assert words in text
    assert ("sh", TRAINING["command"] + "\n") in fences(text)
    assert ("text", "while the loop goes on\n\n") in fences(text)


def table(text: str) -> list[list[str]]:
    """The rows of the card's table, as a Markdown parser sees them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    rows: list[list[str]] = []
    for before, token in pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if before.type in ("th_open", "td_open"):
            rows[-1].append(token.content)
    return rows


def test_its_losses_stand_beside_those_of_simpler_methods() -> None:
    text = card(config(**RESULTS))
    names = [row[0] for row in table(text)]
    assert [row[1] for row in table(text)][1:] == ["1.5000", "1.6000", "2.0000", "3.2000", "4.5000"]
    assert [row[2] for row in table(text)][1:3] == ["2.1640", "2.3083"]
    assert "256" in names[2]
    assert "5-gram" in names[3]
    assert "52,300 characters, which it has not learnt from" in text
    assert "- Fitted well.\n- More minutes may help (--minutes 8).\n" in text
    assert "(the first 22 of its 300 characters)" in text
    assert ("text", "while the loop\n\n# runs\n") in fences(text)


def test_it_names_the_model_that_it_was_fine_tuned_from() -> None:
    text = card(config(init_from={"name": "ann/plays", "sha256": "abc"}))
    assert "- fine-tuned from: `ann/plays`, weights of sha256 `abc`" in text
    assert metadata(text).base_model == "ann/plays"
    local = card(config(init_from={"name": "plays"}))
    assert "- fine-tuned from: `plays`\n" in local
    assert metadata(local).base_model is None  # it can't be found on the Hub
    for nonsense in (None, "ann/plays", {}, {"name": None}):
        assert "fine-tuned from" not in card(config(init_from=nonsense))


def test_results_that_a_config_lacks_are_left_out() -> None:
    assert "## Results" not in card(config())
    assert table(card(config(judgement=["Good."]))) == []
    only = card(config(longest_copy={"length": 3, "passage": "abc"}))
    assert ("text", "abc\n") in fences(only)
    assert "the first" not in only


@pytest.mark.parametrize(
    "nonsense", [None, True, "low", [], {}, math.nan, pytest.param(10**400, id="huge"), [[]], [{}]]
)
def test_nonsense_among_the_results_does_no_harm(nonsense: Any) -> None:
    for key in RESULTS:
        text = card(config(**{**RESULTS, key: nonsense}))
        assert metadata(text).license == "mit"
        assert "nan" not in text
    assert table(card(config(baselines={"uniform": nonsense, "xz": nonsense}))) == []
    copy = card(config(longest_copy={"length": nonsense, "passage": "abc"}))
    assert ("text", "abc\n") in fences(copy)


@pytest.mark.parametrize(
    "sentence",
    [
        "# Free money\n\n## at once",
        "<script>alert(1)</script> &amp; <b>",
        "[here](http://example.com) ![x](y) http://example.com www.example.com a@example.com",
        "*a* __b__ `c` ~~d~~ | e | $f$ \\ g",
        "---\nlicense: none\n---",
    ],
)
def test_somebody_elses_sentences_stay_words(sentence: str) -> None:
    text = card(config(judgement=[sentence]))
    parser = MarkdownIt("gfm-like", {"linkify": False})
    tokens = parser.parse(text.partition("## Results")[2].partition("## Samples")[0])
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "text_special"}
    assert not any(token.type in ("heading_open", "html_block", "hr") for token in tokens)
    shown = "".join(child.content for child in inline)
    assert shown == " ".join(sentence.split())
    for link in (r"(?<!\\)://", r"(?i)www\.", r"(?<!\\)@"):
        assert not re.search(link, text.partition("## Results")[2].partition("## Samples")[0])


def test_nonsense_in_somebody_elses_config_does_no_harm() -> None:
    text = card(config(val_loss="low", steps=[], seconds=math.inf, samples="none", seed=True))
    assert metadata(text).eval_results is None


@pytest.mark.parametrize(
    "sample",
    [
        "```\n# not a heading\n",
        "~~~\n````\n`````",
        "---\nlicense: none\n---",
        "<b>&amp;</b>\n    x",
    ],
)
def test_a_sample_stays_whole_whatever_it_holds(sample: str) -> None:
    text = card(config(samples=[{"temperature": 1.0, "prompt": "", "text": sample}]))
    assert ("text", sample + "\n") in fences(text)
    assert metadata(text).license == "mit"


def test_an_odd_corpus_name_does_no_harm() -> None:
    name = "my `novel`: \u03b1\n- *draft* \U0001f600.txt"
    results = metadata(card(config(corpus=name))).eval_results
    assert results is not None
    assert results[0].dataset_name == "my `novel`: \u03b1 - *draft* \U0001f600.txt (held-out part)"


def test_written_before_it_is_published_it_has_a_gap_for_the_name() -> None:
    text = card(config(), repo_id=None)
    assert f'snapshot_download("{PLACEHOLDER}")' in text
    assert 'snapshot_download("ann/topics")' in card(config())


def test_a_branch_is_named_wherever_the_model_is_loaded() -> None:
    text = card(config(), revision="wider")
    assert 'snapshot_download("ann/topics", revision="wider")' in text
    assert 'from_pretrained("ann/topics", revision="wider")' in text


def test_a_card_says_that_it_may_be_written_again_until_somebody_takes_that_line_out() -> None:
    text = card(config())
    assert is_as_written(text)
    assert is_as_written(text.replace("\n", "\r\n"))
    assert not is_as_written(text.replace(WRITTEN_BY, ""))
    assert ModelCard(text).text.strip().startswith(WRITTEN_BY)


@pytest.mark.parametrize("prompt", ["while ", "", "\u4e2d", 'say "\\"', "long " * 30])
def test_the_program_fits_in_any_window(prompt: str) -> None:
    text = card(config(samples=[{"prompt": prompt, "text": "x"}]), revision="a-branch")
    lines = snippet_of(text).splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 88
    compile("\n".join(lines), "card", "exec")


def test_the_card_credits_whoever_wrote_or_gathered_the_text() -> None:
    assert "- credit: Ann,\n" not in card(config(credit="Ann,\nof the Club"))
    assert "- credit: Ann, of the Club\n" in card(config(credit="Ann,\nof the Club"))
    assert "- credit" not in card(config())
