"""Real text for tests: Python's own language reference and a list, as every installation has them.

So the project contains no text that others wrote, and tests run anywhere.
"""

from __future__ import annotations

import unicodedata
from pydoc_data.topics import topics

TEXT: str = "\n".join(topics[name] for name in sorted(topics))
"""Several hundred thousand characters of English."""

ITEMS = sorted(unicodedata.name(chr(code)).capitalize() for code in range(0x1F300, 0x1F5FB))
"""A list: what pictures are called, from "Admission tickets" to "Yellow heart"."""

LIST = "".join(f"{item}\n" for item in ITEMS)
