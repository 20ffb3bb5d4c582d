"""What the command line says of the Hub, for a page: without flags, commands and server's paths.

Each refusal keeps its own words; only what a visitor can't do anything with is exchanged.
"""

from __future__ import annotations

import re

_FLAGS = (
    (r",? or overwrite it with --force(?: \([^)]*\))?", ""),
    (r" \(--[^)]*\)", ""),
    (r"publish with --private", "publish it as private"),
    (r"\s*Trained with --dialogue off, config\.json has no names\.", ""),
    (r"Leave --hardware out for ZeroGPU", "Choose ZeroGPU"),
    (r" \(python -m publish [^)]*\)", ""),
    (r"(?<=by )this command|this command(?=( has)? (wrote|written))", "this app"),
    (r"this command's", "this app's"),
    (r"can't be stored in the Hub's cache \(.*", "has no room on this page's machine; try later"),
)
_VISITORS = (
    (
        r"the Hub doesn't accept the token; .*",
        "the Hub doesn't accept your sign-in any more: sign out and in again, then try again",
    ),
    (r"check the network, HF_ENDPOINT and HF_HUB_OFFLINE, then try again", "try again later"),
    (r"check the network \(a page to log in to\?\) and HF_ENDPOINT", "try again later"),
    (r"log in with `hf auth login` or set HF_TOKEN", "sign in with an account that may read it"),
)


def for_page(text: str, *, is_visitor: bool = False) -> str:
    """The same words without what only the command line has.

    Args:
        text: of a `HubError`, or of `publish/consent.py` and `publish/space_words.py`.
        is_visitor: for somebody who signed in, and has no hand in the machine of the page.
    """
    for pattern, words in (*_FLAGS, *(_VISITORS if is_visitor else ())):
        text = re.sub(pattern, words, text)
    return text
