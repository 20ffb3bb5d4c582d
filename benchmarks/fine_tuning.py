"""Fine-tuning beside training from scratch: held-out loss of a small text after the same minutes.

    python -m benchmarks.fine_tuning [TEXT ...] [--init_from MODEL] [--minutes 1 2]
                                     [--characters 30000]

Of each text only the beginning is taken; without one it is Python's own language reference. Each is
what `--minutes` chooses, and stops by itself when the text has been read often enough, so it may
need less than its minutes. "auto" starts from the bundled base of English, if it suits the text.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.training import machine, ours, python_reference
from model.folder import BUNDLED_MODEL
from training.settings import Settings


def compare(settings: Settings, model: str, scratch: Path) -> None:
    """A row: the same minutes from a model and from nothing, in turn."""
    print(f"  {settings.minutes:g} minutes")
    for name, init_from in (("auto", "auto"), ("fine-tuned", model), ("from scratch", "none")):
        folder = scratch / f"{name}-{settings.minutes:g}"
        facts = ours(replace(settings, init_from=init_from), folder)
        start, recipe = (facts["init_from"] or {}).get("name", "nothing"), facts["recipe"]
        print(
            f"    {name:13s} {facts['val_loss']:.4f} nats per character held out (from {start}, "
            f"{recipe['hidden_size']} wide, taught by {recipe['taught_by']}, best at step "
            f"{facts['best_step']:,} of {facts['steps']:,}; {facts['use']})",
            flush=True,
        )


def main() -> None:
    """Run what was asked for, in turn, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("texts", nargs="*", type=Path, metavar="TEXT")
    parser.add_argument("--init_from", default=str(BUNDLED_MODEL), help="default: the bundled one")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 2.0])
    parser.add_argument("--characters", type=int, default=30_000, help="taken of each text")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        print(machine())
        for number, text in enumerate(arguments.texts or [python_reference(scratch)]):
            piece = scratch / f"{number}.txt"
            beginning = text.read_text(encoding="utf-8")[: arguments.characters]
            piece.write_text(beginning, encoding="utf-8")
            print(f"{text.name}, {len(beginning):,} characters")
            for minutes in arguments.minutes:
                settings = Settings((str(piece),), minutes=minutes)
                compare(settings, arguments.init_from, scratch / str(number))


if __name__ == "__main__":
    main()
