"""A large text takes no more memory than a small one, from reading to the final score."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.reference import TEXT

ROOT = Path(__file__).parents[3]


def peak_anonymous_mb(corpus: Path, run: Path, held_out: float) -> float:
    """The most RssAnon that `python -m training` has on the way: memory that no file backs."""
    command = [sys.executable, "-m", "training", str(corpus), "--output", str(run)]
    command += ["--steps", "5", "--hidden_size", "16", "--threads", "1"]
    command += ["--held_out", str(held_out)]
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    peak = 0
    while child.poll() is None:
        try:
            status = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
        except OSError:
            continue  # it has just ended
        peak = max([peak, *(int(x.split()[1]) for x in status.splitlines() if "RssAnon" in x)])
        time.sleep(0.01)
    assert child.returncode == 0
    return peak * 1024 / 1e6


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells RssAnon")
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    small, large = tmp_path / "small.txt", tmp_path / "large.txt"
    small.write_text(TEXT[:500_000] * 12, encoding="utf-8")
    large.write_text(TEXT[:500_000] * 240, encoding="utf-8")
    # As much is held out of each, and each has more than the 5 million that baselines count.
    few = peak_anonymous_mb(small, tmp_path / "few", held_out=1 / 12)
    many = peak_anonymous_mb(large, tmp_path / "many", held_out=1 / 240)
    assert few > 50
    assert many < few + 60
