"""The front matter of a README, as whoever reads it on the Hub finds it."""

from __future__ import annotations

import re
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with huggingface_hub


def front_matter(readme: str) -> dict[str, Any]:
    """The mapping between the first two lines of three hyphens."""
    opening, text, _ = re.split(r"^---\n", readme, maxsplit=2, flags=re.MULTILINE)
    assert opening == ""
    data = yaml.safe_load(text)
    assert isinstance(data, dict)
    return data
