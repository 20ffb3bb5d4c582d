"""Whom the page takes for the owner of the machine."""

from __future__ import annotations

import gradio as gr
import pytest
from starlette.requests import Request

from ui.publish import comes_from_here


@pytest.mark.parametrize(
    ("host", "peer", "is_here"),
    [
        ("127.0.0.1:7860", "127.0.0.1", True),
        ("localhost:7860", "::1", True),
        ("[::1]:7860", "::1", True),
        ("novel.example", "127.0.0.1", False),  # through a tunnel, or a name that leads here
        ("localhost.example", "127.0.0.1", False),
        ("127.0.0.1:7860", "10.0.0.7", False),
        ("", "127.0.0.1", False),
    ],
)
def test_the_saved_login_is_for_a_browser_on_this_machine_only(
    host: str, peer: str, is_here: bool
) -> None:
    scope = {"type": "http", "headers": [(b"host", host.encode())], "client": (peer, 50_000)}
    assert comes_from_here(gr.Request(Request(scope))) is is_here
