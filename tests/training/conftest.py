"""What the tests of training share: the command line, run inside, with the signals put back."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from training.__main__ import main

Command = Callable[..., tuple[str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run `python -m training` in this process: (all that it said, its last line if it failed)."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*words: object) -> tuple[str, str]:
        capsys.readouterr()
        error = ""
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            error = str(ended.code)
        said = capsys.readouterr()
        return said.out + said.err, error

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)
