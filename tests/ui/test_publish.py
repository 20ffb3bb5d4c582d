"""What the page says about publishing, and whom it takes for the owner of the machine."""

from __future__ import annotations

import gradio as gr
import pytest
from starlette.requests import Request

from jobs.publishing import Published, Publishing
from publish.model import PublishedModel, what_becomes_public
from publish.space import PublishedSpace
from tests.finished_run import TRAINING
from tests.random_model import random_model
from ui.publish import comes_from_here
from ui.publish_view import PIECES_COME_BACK, describe_model, describe_publishing

MODEL = PublishedModel("ann/novel", "https://hub/ann/novel", "0" * 40, True, False)
SPACE = PublishedSpace("ann/chat", "https://hub/spaces/ann/chat", "0" * 40, False, True)


def test_what_becomes_public_is_listed_as_it_is_and_never_as_markup() -> None:
    config = random_model(training=TRAINING).config
    shown = describe_model("ann/<i>", what_becomes_public(config, "ann/<i>"))
    assert "The &lt;b&gt;while&lt;/b&gt; &amp; so on" in shown
    assert "<i>" not in shown
    assert shown.count("<ul>") == shown.count("</ul>") == 1
    assert PIECES_COME_BACK in shown
    private = describe_model("ann/novel", ())
    assert PIECES_COME_BACK in private
    assert "only you can see" in private
    assert "anybody" not in private


def test_how_far_it_is_comes_with_the_links_that_are_known() -> None:
    shown = describe_publishing(Publishing(doing="Uploading <1> file"), Published(MODEL, SPACE))
    assert '<a href="https://hub/ann/novel" target="_blank" rel="noopener">ann/novel</a>' in shown
    assert "only you can see it" in shown
    assert "wasn't running when" in shown
    assert "add a secret HF_TOKEN" in shown
    assert "Uploading &lt;1&gt; file ..." in shown
    refused = Publishing("space", problem="no\n  <log>")
    assert "run: no\n  &lt;log&gt;</div>" in describe_publishing(refused, Published(MODEL))
    assert describe_publishing(Publishing(), None) == ""


@pytest.mark.parametrize(
    ("host", "peer", "is_here"),
    [
        ("127.0.0.1:7860", "127.0.0.1", True),
        ("localhost:7860", "::1", True),
        ("[::1]:7860", "::1", True),
        ("novel.example", "127.0.0.1", False),  # through a tunnel, or a name that leads here
        ("127.0.0.1:7860", "10.0.0.7", False),
        ("", "127.0.0.1", False),
    ],
)
def test_the_saved_login_is_for_a_browser_on_this_machine_only(
    host: str, peer: str, is_here: bool
) -> None:
    scope = {"type": "http", "headers": [(b"host", host.encode())], "client": (peer, 50_000)}
    assert comes_from_here(gr.Request(Request(scope))) is is_here
