"""Real text for tests: Python's own language reference, as every installation brings it.

So the project contains no text that others wrote, and tests run anywhere.
"""

from __future__ import annotations

from pydoc_data.topics import topics

TEXT: str = "\n".join(topics[name] for name in sorted(topics))
"""Several hundred thousand characters of English."""
