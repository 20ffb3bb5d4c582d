"""Megabytes a second and memory of reading a text: ours beside what most people write.

    python -m benchmarks.corpus [CORPUS] [--megabytes 32]

The peer reads the whole text, sorts its characters and looks each up in a dict. Ours also hashes
the file, normalises it to NFC and stores its indices on the disk durably. Each is a child process
of its own, in turns; medians of three, without Python's own start. Without a CORPUS the text is the
source code of Python's standard library. Memory is RssAnon at its peak, which only Linux tells.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

ROOT = Path(__file__).parents[1]
TURNS = 3
OURS = """
import sys, time
from pathlib import Path
from training.settings import Settings
from training.text.corpus import read_corpus

start, cpu = time.perf_counter(), time.process_time()
corpus = read_corpus(Settings((sys.argv[1],)), Path(sys.argv[2]))
print(time.perf_counter() - start, time.process_time() - cpu, len(corpus.vocabulary))
"""
PEER = """
import sys, time
import numpy as np

start, cpu = time.perf_counter(), time.process_time()
text = open(sys.argv[1], encoding="utf-8").read()
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = np.array([stoi[c] for c in text], dtype=np.uint16)
print(time.perf_counter() - start, time.process_time() - cpu, len(chars))
"""


@dataclass(frozen=True)
class Measured:
    """What a child says of itself, and its memory at its peak as seen from here."""

    seconds: float
    cpu_seconds: float
    distinct: int
    anonymous_mib: float


def measure(program: str, *arguments: Path) -> Measured:
    """Run a program in a child of its own, and watch its memory."""
    child = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    peak = 0.0
    while child.poll() is None:
        peak = max(peak, anonymous_mib(child.pid))
        time.sleep(0.005)
    assert child.stdout is not None
    seconds, cpu_seconds, distinct = child.stdout.read().split()
    return Measured(float(seconds), float(cpu_seconds), int(distinct), peak)


def anonymous_mib(pid: int) -> float:
    """RssAnon of a process, memory that no file backs; 0 where nobody tells."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    lines = [line.split() for line in status.splitlines() if line.startswith("RssAnon")]
    return int(lines[0][1]) / 1024 if lines else 0.0


def standard_library() -> Iterator[bytes]:
    """Python's own sources, as far as they are UTF-8, without what was installed besides."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if "site-packages" not in path.parts:
            data = path.read_bytes()
            try:
                data.decode()
            except UnicodeDecodeError:
                continue
            yield data


def write_text(path: Path, size: int) -> None:
    """The standard library, repeated until there are so many bytes."""
    with open(path, "wb") as file:
        for data in cycle(standard_library()):
            file.write(data)
            if file.tell() >= size:
                return


def main() -> None:
    """Run both in turns and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--megabytes", type=int, default=32, help="of text, without a CORPUS")
    arguments = parser.parse_args()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as scratch:
        text = arguments.corpus and arguments.corpus.absolute()
        if text is None:
            text = Path(scratch) / "standard-library.txt"
            write_text(text, arguments.megabytes * 1_000_000)
        megabytes = text.stat().st_size / 1e6
        for turn in range(TURNS):
            run = Path(scratch) / str(turn)
            run.mkdir()
            ours.append(measure(OURS, text, run))
            theirs.append(measure(PEER, text))
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores; {text.name}, "
        f"{megabytes:.0f} MB, {ours[0].distinct:,} distinct characters"
    )
    for name, turns in (("read_corpus", ours), ("a dict and a list", theirs)):
        speed = megabytes / statistics.median(turn.seconds for turn in turns)
        of_cpu = megabytes / statistics.median(turn.cpu_seconds for turn in turns)
        peak = max(turn.anonymous_mib for turn in turns)
        print(
            f"{name:17} {speed:6.1f} MB/s ({of_cpu:.1f} MB a second of processor time), "
            f"at most {peak:,.0f} MiB of anonymous memory"
        )
    ratios = [b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True)]
    print(f"ratio             {statistics.median(ratios):6.1f}")


if __name__ == "__main__":
    main()
