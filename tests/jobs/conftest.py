"""Limits of a shared page, with everything on a scratch disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.limits import Limits


@pytest.fixture
def limits(tmp_path: Path) -> Limits:
    return Limits.from_environment(
        {
            "SPACE_ID": "ann/novel",
            "TRAINING": "on",
            "TRAINING_FOLDER": str(tmp_path / "runs"),
            "TRAINING_MEGABYTES": "1",
            "TRAINING_MINUTES": "0.05",
        },
        None,
    )
