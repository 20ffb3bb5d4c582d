"""What the page says about publishing, and whom it takes for the owner of the machine."""

from __future__ import annotations

import gradio as gr
import pytest
from starlette.requests import Request

from jobs.publishing import OnTheHub, Publication
from publish.consent import what_becomes_public
from tests.finished_run import TRAINING
from tests.random_model import random_model
from ui.publish import comes_from_here
from ui.publish_view import PIECES_COME_BACK, describe_model, describe_publication


def test_what_becomes_public_is_listed_as_it_is_and_never_as_markup() -> None:
    config = random_model(training=TRAINING).config
    shown = describe_model("ann/<i>", what_becomes_public(config, "ann/<i>"))
    assert "<li>how it was trained: sizes, losses, times and settings" in shown
    assert "<div class=quoted>The &lt;b&gt;while&lt;/b&gt; &amp; so on</div>" in shown
    assert "<i>" not in shown
    assert (shown.count("<ul>"), shown.count("</ul>")) == (1, 1)
    assert PIECES_COME_BACK in shown
    assert PIECES_COME_BACK in describe_model("ann/novel", "")


def test_a_private_model_lists_nothing_that_becomes_public() -> None:
    shown = describe_model("ann/novel", "")
    assert "for you alone to see" in shown
    assert "anybody" not in shown


def test_how_far_it_is_comes_with_the_links_that_are_known() -> None:
    there = OnTheHub("ann/novel", "https://hub/ann/novel", "0" * 40, is_private=True)
    shown = describe_publication(Publication(there, doing="Uploading <1> file"))
    assert '<a href="https://hub/ann/novel" target="_blank" rel="noopener">ann/novel</a>' in shown
    assert "only you see it" in shown
    assert "Uploading &lt;1&gt; file ..." in shown
    refused = Publication(there, problem="no\n  <log>", about="space")
    assert "run: no\n  &lt;log&gt;</div>" in describe_publication(refused)
    assert describe_publication(Publication()) == ""


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
