"""The page: one file a tab, and what they share. app.py puts them together."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

Updates = dict[Any, Any]
"""New values by component."""

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""How the page's events are wired: without Gradio's own signs of progress, not for programs."""


def note(text: str) -> gr.HTML:
    """A line of anybody's words, seen where there are any."""
    return gr.HTML(html.escape(text, quote=False), visible=bool(text))


def link(url: str, words: str) -> str:
    """A link that leads away from the page, as HTML."""
    return f'<a href="{html.escape(url)}" target="_blank" rel="noopener">{html.escape(words)}</a>'
