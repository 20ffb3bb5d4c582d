"""A run in a visitor's words: its result, what publishing creates, and never anybody's markup."""

from __future__ import annotations

import math

import pytest

from jobs.publishing import Published
from publish.model import PublishedModel
from publish.space import PublishedSpace
from ui.run_view import describe_problem, describe_published, describe_publishing, describe_result

MEASURED = {
    "val_loss": 2 * math.log(2),
    "baselines": {"five_gram": 2.4 * math.log(2), "xz": None, "uniform": 6 * math.log(2)},
    "judgement": ["Fitted well: a & b."],
    "longest_copy": {"passage": "to be <b>\n  or not", "length": 17},
}
MODEL = PublishedModel("ann/novel", "https://hub/ann/novel", "0" * 40, True, False)
SPACE = PublishedSpace("ann/chat", "https://hub/spaces/ann/chat", "0" * 40, False, True)


def test_all_that_was_measured_is_on_the_page() -> None:
    shown = describe_result(MEASURED)
    assert "<th>this model</th><td>2.00</td>" in shown
    assert "<th>a 5-gram, which only counts characters</th><td>2.40</td>" in shown
    assert "xz" not in shown  # which wasn't measured
    assert 'width: 33%"' in shown
    assert "<li>Fitted well: a &amp; b.</li>" in shown
    assert "<pre>to be &lt;b&gt;\n  or not</pre>" in shown
    unmeasured = describe_result({**MEASURED, "val_loss": None})
    assert "Nothing was measured" in unmeasured
    assert "<table" not in unmeasured
    assert describe_result({}) == ""  # before there is a model


@pytest.mark.parametrize(
    ("corpus", "told"),
    [("us_names.txt", "names"), ("Bus.txt", "items"), ("<b>", "items"), (None, "items")],
)
def test_how_much_of_a_list_is_new(corpus: str | None, told: str) -> None:
    items = {"listed": 10_033, "written": 200, "new": 124}
    shown = describe_result({**MEASURED, "corpus": corpus, "items": items})
    assert f">10,033 {told}, 62% of what it writes is new.<" in shown
    assert "new." not in describe_result({**MEASURED, "items": {"listed": 7, "written": 0}})


@pytest.mark.parametrize(
    "strange",
    [
        {"judgement": "x", "longest_copy": [], "baselines": 7},
        {"baselines": {"uniform": 0.0}, "longest_copy": {"passage": 7}},
        {"longest_copy": {"passage": " \n\t "}},
    ],
)
def test_what_a_strange_config_says_breaks_nothing(strange: dict[str, object]) -> None:
    shown = describe_result({"val_loss": 0.0, **strange})
    assert "0.00" in shown
    assert "<pre>" not in shown


def test_what_publishing_creates_is_said_before() -> None:
    private = describe_publishing("ann/<i>", None, ())
    assert "ann/&lt;i&gt;" in private
    assert "Only you can see what" in private
    assert "Space" not in private
    public = describe_publishing("ann/novel", "ann/chat", ["A sample:\nThe <b>while</b>"])
    assert "the Space ann/chat" in public
    assert "<li>A sample:\nThe &lt;b&gt;while&lt;/b&gt;" in public
    assert "Only you" not in public


def test_what_is_published_comes_with_links_and_what_is_refused_without_markup() -> None:
    shown = describe_published(Published(MODEL, SPACE))
    assert '<a href="https://hub/ann/novel" target="_blank" rel="noopener">ann/novel</a>' in shown
    assert "only you can see it" in shown
    assert "add a secret HF_TOKEN" in shown
    assert "no\n  &lt;log&gt;</div>" in describe_problem("no\n  <log>")
    assert describe_published(None) == ""
