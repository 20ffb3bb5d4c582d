"""The page: one file a tab, and what they share. app.py puts them together."""

from __future__ import annotations

from typing import Any

Updates = dict[Any, Any]
"""New values by component."""

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""How the page's events are wired: without Gradio's own signs of progress, not for programs."""
