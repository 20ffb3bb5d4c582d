"""python -m model: generate text with a model, or describe a model."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path

from model.chat.conversation import read_conversation, rewritten
from model.facts import model_facts
from model.folder import ModelFolderError, load_model
from model.generator import Generator
from model.hub import HubError, resolve_model
from model.sampling import SamplingError, SamplingParams
from model.schema import read_json

_EXAMPLES = """examples:
  python -m model generate runs/novel --prompt "Once upon a time" --length 500
  python -m model generate user/novel --temperature 0.5 --seed 7 < beginning.txt
  python -m model generate user/names --lines 20 --prompt An
  python -m model generate --from conversation.json
  python -m model info model/pretrained
"""

_SAMPLING = [field for field in fields(SamplingParams) if field.metadata]


def build_parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m model",
        description="Generate text with a CharLSTM model, or describe a model.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    generate = commands.add_parser("generate", help="continue a text")
    info = commands.add_parser("info", help="describe a model in a few lines")
    for command in (generate, info):
        command.add_argument(
            "model",
            metavar="MODEL",
            nargs="?" if command is generate else None,  # with --from, the file names it
            help="a model folder, a run's folder, or a Hub id (user/name)",
        )
        command.add_argument("--revision", help="branch, tag or commit of a Hub model")
    begun = generate.add_mutually_exclusive_group()
    begun.add_argument(
        "--prompt", help="text to continue; read from standard input if that is not a terminal"
    )
    begun.add_argument(
        "--from",
        dest="conversation",
        metavar="FILE",
        help="a conversation that the page saved as .json: write it again, with the settings and "
        "seeds in it, and with the model that it names unless another is given",
    )
    for number in _SAMPLING:
        kind, default, meaning = number.metadata["kind"], number.default, number.metadata["help"]
        told = meaning if default is None else f"{meaning} (default: {default})"
        generate.add_argument(f"--{number.name}", type=kind, default=default, help=told)
    generate.add_argument(
        "--lines",
        type=int,
        metavar="N",
        help="write N different whole lines instead, each of so many characters at most: new items "
        "of a list, which begin with the prompt",
    )
    generate.add_argument(
        "--stop", action="append", default=[], metavar="TEXT", help="end before TEXT; repeatable"
    )
    return parser


def _describe(model: str, revision: str | None) -> None:
    config = load_model(resolve_model(model, revision)).config
    print(model if Path(model).exists() else f"{model} (Hub)")
    for label, value in model_facts(config):
        print(f"{label:<14}{value}")


def _asked(arguments: argparse.Namespace) -> SamplingParams:
    sampling = {number.name: getattr(arguments, number.name) for number in _SAMPLING}
    return SamplingParams(**sampling, stop=tuple(arguments.stop))


def _generate(arguments: argparse.Namespace) -> None:
    params = _asked(arguments)
    generator = Generator.from_pretrained(arguments.model, arguments.revision)
    prompt = arguments.prompt
    if prompt is None:
        prompt = "" if sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8", "replace")
    if changed := generator.vocabulary.encode(prompt).describe():
        note = f"note: the model doesn't know every character of the prompt: {changed}"
        print(note, file=sys.stderr)
    is_terminal = sys.stdout.isatty()
    texts: Iterable[str] = chain([prompt], generator.stream(prompt, params), ["\n"])
    if arguments.lines is not None:
        texts = (f"{line}\n" for line in generator.lines(arguments.lines, params, prompt))
    for text in texts:
        sys.stdout.write(_harmless(text) if is_terminal else text)
        sys.stdout.flush()


def _write_again(path: str, model: str | None, revision: str | None) -> None:
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        data = read_json(text)
        source = data.get("source") if isinstance(data, dict) else None
        if not isinstance(source, dict):
            raise ValueError("it is no conversation that the page saved as JSON")
        if model is None:
            model, revision = source.get("name"), revision or source.get("revision")
        # What begins so is another computer's, to which Windows would show who one is.
        if not isinstance(model, str) or model.startswith(("//", r"\\")):
            raise ValueError("it names no model that can be found from here: give one")
        generator = Generator.from_pretrained(model, revision)
        conversation = read_conversation(text, generator.config)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {path} can't be written again: {error}") from None
    again = replace(conversation, transcript=tuple(rewritten(conversation, generator)))
    print(_harmless(again.text) if sys.stdout.isatty() else again.text)
    if again.text != conversation.text:
        print(
            "note: the file has another text. It was written on another kind of machine or with "
            "another version of this program, was changed by hand, or is so long that the page "
            "has dropped its beginning",
            file=sys.stderr,
        )


def _harmless(text: str) -> str:
    """Without what a terminal would obey: the model may be a stranger's."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Raises SystemExit with one clear line on errors."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends us quietly
    parser = build_parser()
    parsed = parser.parse_args(arguments)
    is_again = parsed.command == "generate" and parsed.conversation is not None
    if parsed.model is None and not is_again:
        parser.error("name a MODEL, or a conversation with --from")
    try:
        if is_again:
            if _asked(parsed) != SamplingParams() or parsed.lines is not None:
                parser.error("a conversation is written again with its own settings")
            _write_again(parsed.conversation, parsed.model, parsed.revision)
        elif parsed.command == "generate":
            _generate(parsed)
        else:
            _describe(parsed.model, parsed.revision)
    except (ModelFolderError, HubError, SamplingError) as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
