"""Conversations as data: how turns become text (dialogue), and what was written (conversation)."""
