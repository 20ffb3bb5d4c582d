"""Runs app.py as it is and writes down whom it contacts and when a stream of text begins and ends,
with or without torch in the process.

RECORD=FILE python tests/recorded_app.py [arguments of app.py]
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Watch, then run."""
    record = open(os.environ["RECORD"], "a", buffering=1, encoding="utf-8")  # noqa: SIM115 (until the end)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.connect":
            record.write(f"contact {arguments[1]!r}\n")
        elif event == "socket.getaddrinfo":
            record.write(f"contact {arguments[0]!r}\n")

    sys.addaudithook(watch)
    sys.path.insert(0, str(ROOT))
    from model.generator import Generator

    stream = Generator.stream

    def recorded_stream(*arguments: object, **named: object) -> Iterator[str]:
        record.write("began stream\n")
        try:
            yield from stream(*arguments, **named)  # type: ignore[arg-type]
        finally:
            record.write(f"ended {'with' if 'torch' in sys.modules else 'without'} torch\n")

    Generator.stream = recorded_stream  # type: ignore[method-assign, assignment]
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")


if __name__ == "__main__":
    main()
