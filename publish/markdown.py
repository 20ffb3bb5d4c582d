"""Markdown that shows somebody else's text as it is, whatever it holds.

What a card tells comes from a config, which anybody may have written: none of it may become a
heading, a link or the end of a block. Pure text; knows nothing about cards.
"""

from __future__ import annotations

import re

from model.schema import one_line

# CommonMark lets a backslash stand before any of these. The rest of ASCII's punctuation means
# nothing inside a line, but for addresses, which GitHub's dialect makes links of by themselves.
_MARKUP = re.compile(r"[\\`*_\[\]<>&|~#$@]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def plain(text: str) -> str:
    """`text` in one line, with nothing in it that Markdown or HTML would take for markup."""
    return _MARKUP.sub(lambda found: "\\" + found[0], one_line(text))


def fenced(text: str, language: str) -> str:
    """`text` in a fence that no line of it can close, without what a card can't carry."""
    shown = "".join(c if c in "\n\t" or ord(c) >= 0x20 else "\ufffd" for c in text)
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"
