"""Fine-tuning beside training from scratch: held-out loss of a small text after the same minutes.

    python -m benchmarks.fine_tuning [TEXT ...] [--init_from MODEL] [--minutes 1 2]
                                     [--characters 30000]

Of each text only the beginning is taken; without one it is Python's own language reference. Each is
what `--minutes` chooses, and stops by itself when the text has been read often enough, so it may
need less than its minutes. "auto" starts from the bundled base of English, if it suits the text.
Of 10,000 characters that each model writes, the words are counted that stand in the text.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.training import machine, ours, python_reference
from model.folder import BUNDLED_MODEL, load_model
from model.generator import Generator
from model.sampling import SamplingParams
from training.report.copying import known_word_share
from training.run import MODEL_FOLDER
from training.settings import Settings

WRITTEN = 10_000  # characters
TEMPERATURES = 0.5, 1.0


def known_words(folder: Path, text: str) -> str:
    """Shares of the words that the model of a run writes that stand in the text."""
    generator = Generator(load_model(folder / MODEL_FOLDER))
    shares = []
    for temperature in TEMPERATURES:
        params = SamplingParams(length=WRITTEN, temperature=temperature, min_p=0, seed=1)
        share = known_word_share(generator.generate("\n", params), text)
        shares.append("none" if share is None else f"{share:.1%}")
    return " / ".join(shares)


def compare(settings: Settings, text: str, model: str, scratch: Path) -> None:
    """A row: the same minutes from a model and from nothing, in turn."""
    print(f"  {settings.minutes:g} minutes")
    for name, init_from in (("auto", "auto"), ("fine-tuned", model), ("from scratch", "none")):
        folder = scratch / f"{name}-{settings.minutes:g}"
        facts = ours(replace(settings, init_from=init_from), folder)
        start, recipe = (facts["init_from"] or {}).get("name", "nothing"), facts["recipe"]
        print(
            f"    {name:13s} {facts['val_loss']:.4f} nats per character held out; words known at "
            f"temperature {TEMPERATURES[0]:g} / {TEMPERATURES[1]:g}: {known_words(folder, text)}\n"
            f"                  (from {start}, {recipe['hidden_size']} wide, taught by "
            f"{recipe['taught_by']}, best at step {facts['best_step']:,} of {facts['steps']:,}; "
            f"{facts['use']})",
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
                compare(settings, beginning, arguments.init_from, scratch / str(number))


if __name__ == "__main__":
    main()
