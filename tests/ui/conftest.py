"""One app with the small model for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running_app import RunningApp, run_app, small_model_folder


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The real app, recorded."""
    scratch = tmp_path_factory.mktemp("app")
    model = small_model_folder(scratch / "model")
    with run_app(scratch, "--model", str(model), recorded=True) as running:
        yield running
