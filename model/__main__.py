"""python -m model: generate text with a model, or say what a model is."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from model.config import ModelConfig
from model.folder import ModelFolderError, load_model
from model.generator import Generator
from model.hub import HubError, resolve_model
from model.sampling import SamplingError, SamplingParams

_EXAMPLES = """examples:
  python -m model generate runs/novel --prompt "Once upon a time" --length 500
  python -m model generate user/novel --temperature 0.5 --seed 7 < beginning.txt
  python -m model info model/pretrained
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m model",
        description="Generate text with a CharLSTM model, or say what a model is.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    generate = commands.add_parser("generate", help="continue a text")
    info = commands.add_parser("info", help="say in a few lines what a model is")
    for command in (generate, info):
        command.add_argument(
            "model", metavar="MODEL", help="a model folder, a run's folder, or a Hub id (user/name)"
        )
        command.add_argument("--revision", help="branch, tag or commit of a Hub model")
    defaults = SamplingParams()
    generate.add_argument(
        "--prompt", help="text to continue; read from standard input if that is not a terminal"
    )
    generate.add_argument(
        "--length", type=int, default=defaults.length, help="characters (default: %(default)s)"
    )
    generate.add_argument(
        "--temperature",
        type=float,
        default=defaults.temperature,
        help="0 takes the likeliest character, higher is wilder (default: %(default)s)",
    )
    generate.add_argument(
        "--top_k", type=int, default=defaults.top_k, help="only the k likeliest; 0 for all"
    )
    generate.add_argument(
        "--top_p", type=float, default=defaults.top_p, help="only the likeliest up to this sum"
    )
    generate.add_argument(
        "--min_p", type=float, default=defaults.min_p, help="at least this share of the likeliest"
    )
    generate.add_argument("--seed", type=int, help="the same seed gives the same text")
    generate.add_argument(
        "--stop", action="append", default=[], metavar="TEXT", help="end before TEXT; repeatable"
    )
    return parser


def describe(config: ModelConfig) -> str:
    """A few lines about a model: sizes, vocabulary, training."""
    training = config.training
    layers = "1 layer" if config.num_layers == 1 else f"{config.num_layers} layers"
    width = f"{layers} of {config.hidden_size}"
    if config.embedding_size:
        width += f", embedding of {config.embedding_size}"
    lines = [
        f"parameters   {config.parameters:,} ({width})",
        f"vocabulary   {config.vocab_size:,} characters: {_excerpt(config)}",
    ]
    if "corpus" in training:
        size = training.get("corpus_characters")
        lines.append(
            f"corpus       {training['corpus']}" + (f", {size:,} characters" if size else "")
        )
    if training.get("val_loss") is not None:
        lines.append(
            f"held out     {training['val_loss']:.4f} nats per character"
            f" ({training['val_loss'] / 0.6931471805599453:.3f} bits)"
        )
    if "steps" in training:
        lines.append(
            f"trained      {training['steps']:,} steps"
            + (f" in {training['seconds']:,.0f} seconds" if "seconds" in training else "")
            + (f" on {training['date'][:10]}" if "date" in training else "")
        )
    if config.chat_template is not None:
        lines.append(f"dialogue     speakers: {', '.join(config.chat_template.speakers) or 'none'}")
    return "\n".join(lines)


def _excerpt(config: ModelConfig, most: int = 60) -> str:
    shown = [c for c in config.vocabulary.characters if c.isprintable() and not c.isspace()]
    return "".join(shown[:most]) + (" ..." if len(shown) > most else "")


def _generate(arguments: argparse.Namespace) -> None:
    params = SamplingParams(
        length=arguments.length,
        temperature=arguments.temperature,
        top_k=arguments.top_k,
        top_p=arguments.top_p,
        min_p=arguments.min_p,
        seed=arguments.seed,
        stop=tuple(arguments.stop),
    )
    generator = Generator.from_pretrained(arguments.model, arguments.revision)
    prompt = arguments.prompt
    if prompt is None:
        prompt = "" if sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8", "replace")
    changed = generator.vocabulary.encode(prompt).describe()
    if changed:
        print(f"note: the model doesn't know all of the prompt: {changed}", file=sys.stderr)
    sys.stdout.write(prompt)
    for text in generator.stream(prompt, params):
        sys.stdout.write(text)
        sys.stdout.flush()
    sys.stdout.write("\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Raises SystemExit with one clear line on errors."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends us quietly
    parsed = build_parser().parse_args(arguments)
    try:
        if parsed.command == "generate":
            _generate(parsed)
        else:
            folder = resolve_model(parsed.model, parsed.revision)
            shown = parsed.model if Path(parsed.model).exists() else f"{parsed.model} (Hub)"
            print(f"{shown}\n{describe(load_model(folder).config)}")
    except (ModelFolderError, HubError, SamplingError) as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
