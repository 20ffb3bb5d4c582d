"""python -m tests.fuzz: hostile input for ten minutes; what came of it goes into docs/security.md.

`python -m tests.fuzz --minutes 1 --seed 7000` begins at another seed; a fault is named by its own.
"""

from __future__ import annotations

import argparse
import platform
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.fuzz.folders import good_folder, run_folders
from tests.fuzz.page import Bystander, Page, run_events
from tests.running_app import ROOT, run_app, small_model_folder

RESULT = ROOT / "docs" / "security.md"
_PART = re.compile(r"(?<=<!-- fuzz -->\n).*(?=<!-- /fuzz -->)", re.DOTALL)
_AT_ONCE = 100  # seeds

Run = Callable[[range], tuple[Counter[str], list[str]]]


def fuzz_for(seconds: float, seed: int, run: Run) -> tuple[Counter[str], list[str]]:
    """Run seed after seed until the time is up."""
    became: Counter[str] = Counter()
    faults: list[str] = []
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        found, wrong = run(range(seed, seed + _AT_ONCE))
        became += found
        faults += wrong
        seed += _AT_ONCE
        print(f"seed {seed:,}: {dict(became)}, {len(faults)} faults", flush=True)
    return became, faults


def main() -> None:
    """The command line; its status is 1 where there was a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    seconds = asked.minutes * 30  # for each half
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        good = good_folder(scratch / "good")
        became, faults = fuzz_for(seconds, asked.seed, lambda s: run_folders(s, scratch, good))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        model = small_model_folder(scratch / "model")
        told = {
            "TRAINING_FOLDER": str(scratch / "runs"),
            "TRAINING_MINUTES": "0.05",
            "GRADIO_TEMP_DIR": str(scratch / "uploads"),
        }
        with (
            run_app(scratch, "--model", str(model), environment=told) as app,
            Page(app, scratch) as page,
            Bystander(app) as bystander,
        ):
            answered, wrong = fuzz_for(seconds, asked.seed, lambda s: run_events(s, page))
    faults += wrong
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, "
        f"{asked.minutes:g} minutes:",
        "",
        "| hostile | became | times |",
        "| --- | --- | ---: |",
        *(f"| {key.replace(': ', ' | ')} | {n:,} |" for key, n in sorted(became.items())),
        *(f"| event of the page | {key} | {n:,} |" for key, n in sorted(answered.items())),
        "",
        f"Faults: {len(faults)}. Most memory while loading: {memory:,.0f} MiB. The longest that "
        f"another visitor waited: {1_000 * bystander.longest_s:.0f} ms.",
    ]
    print("\n".join([*lines, *faults]))
    page_text = RESULT.read_text(encoding="utf-8")
    text = _PART.sub(lambda _: "\n".join(lines) + "\n", page_text)
    RESULT.write_text(text, encoding="utf-8")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
