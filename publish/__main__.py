"""python -m publish: put a model onto the Hub, or a Space that serves one.

A thin layer over `publish/model.py` and `publish/space.py`: reads flags, asks, prints.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from model.config import ModelConfig
from model.folder import ModelFolderError, load_model
from model.hub import HubError
from publish.hub import HARDWARE, check_repo
from publish.model import publish_model, what_becomes_public
from publish.space import TOKEN_SECRET, Asked, check_space, publish_space

_print = partial(print, flush=True)
_EXAMPLES = """examples:
  python -m publish model runs/novel user/novel
  python -m publish model runs/diary user/diary --private
  python -m publish model runs/novel user/novel --revision wider --yes
  python -m publish space user/novel user/novel-chat
  python -m publish space runs/novel user/novel-chat --model_id user/novel
  python -m publish space user/novel user/novel-chat --hardware cpu-basic --training
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m publish",
        description="Publish on the Hugging Face Hub what was trained here. The same command again "
        "publishes a newer version.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    both = argparse.ArgumentParser(add_help=False)
    both.add_argument("--private", action="store_true", help="only you will see it")
    both.add_argument(
        "--revision",
        help="branch to publish the model on; of a model on the Hub: branch, tag or commit to "
        "serve (default: main)",
    )
    both.add_argument("--yes", action="store_true", help="agree beforehand to what becomes public")
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")

    model = commands.add_parser("model", parents=[both], help="a folder becomes a model repo")
    model.add_argument("model", metavar="FOLDER", help="a model's or a run's folder")
    model.add_argument("model_id", metavar="USER/NAME", help="created if it isn't there")
    model.set_defaults(space_id=None)

    space = commands.add_parser(
        "space", parents=[both], help="a model becomes a Space to chat with"
    )
    add = space.add_argument
    add("model", metavar="MODEL", help="user/model; a folder is published as a model first")
    add("space_id", metavar="USER/SPACE", help="created if it isn't there")
    add(
        "--model_id",
        metavar="USER/MODEL",
        help="where a folder is published (default: the Space's own name)",
    )
    add(
        "--hardware",
        choices=HARDWARE,
        help="zero-a10g is free, and visitors train on their own quota; cpu-basic needs PRO "
        "(default: zero-a10g; a Space that is there stays on what it has)",
    )
    add(
        "--training",
        action="store_true",
        help="without ZeroGPU: let visitors train on its processors; installs torch",
    )
    add("--force", action="store_true", help="overwrite a Space that wasn't made with CharLSTM")
    return parser


def publish(parsed: argparse.Namespace, planned: ModelConfig | None = None) -> None:
    """Publish the model, if a folder is given, and a Space of it, if one is named.

    Of a model that is only `planned`, nothing is published: the Hub refuses what it will refuse,
    and what becomes public is agreed to, before training.
    """
    private, revision, space_id, lines = parsed.private, parsed.revision, parsed.space_id, []
    folder, model_id = Path(parsed.model), parsed.model
    is_here = space_id is None or folder.exists()
    if is_here:
        model_id = parsed.model_id or space_id
        config = planned or load_model(folder).config
        if check_repo(model_id, private=private).is_private:
            print(f"{model_id} is private: nothing of it becomes public.")
        else:
            lines += what_becomes_public(config, model_id)
    if space_id is not None:
        asked = Asked(hardware=parsed.hardware, private=private, training=parsed.training)
        asked["force"] = parsed.force
        lines += check_space(model_id, space_id, **asked).lines
    if lines:
        _ask(lines, is_given=parsed.yes or private)
    if planned is not None:
        return
    if is_here:
        model = publish_model(folder, model_id, private=private, revision=revision, report=_print)
        _print(f"Published: {model.url}")
        _print(f"To pin this version: --revision {model.commit}")
        revision = model.commit
    if space_id is not None:
        space = publish_space(model_id, space_id, revision=revision, report=_print, **asked)
        if space.lacks_token:
            _print(
                "Its model needs a token, and until then the Space serves the bundled one: add a "
                f"secret {TOKEN_SECRET}, a token that may read the model, on its page under "
                "Settings / Variables and secrets."
            )
        _print(f"{'Running' if space.is_running else 'Published'}: {space.url}")


def _ask(lines: Sequence[str], *, is_given: bool) -> None:
    """Print `lines` as a list and ask, unless agreement `is_given`. Raises HubError if it isn't."""
    for line in lines:
        first, *quoted = line.splitlines()
        print("\n    ".join([f"- {first}", *quoted]))
    print(flush=True)
    if is_given:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise HubError("nobody is there to agree to that: add --yes, or publish privately")
    if input("Publish it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise HubError("nothing was published: you said no")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Raises SystemExit with one clear line on errors."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    parsed = build_parser().parse_args(arguments)
    try:
        publish(parsed)
    except (ModelFolderError, HubError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
