"""python -m publish: put a model onto the Hub, or a Space that serves one.

The Space's command is in `publish/space_command.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from model.folder import ModelFolderError, load_model
from model.hub import HubError
from publish.consent import NoTerminal, ask_on_terminal, what_becomes_public
from publish.repo import prepare, publish_command, push
from publish.space_command import add_parser, publish_space
from publish.space_files import FolderInTheWay

_EXAMPLES = """examples:
  python -m publish model runs/novel user/novel
  python -m publish model runs/diary user/diary --private
  python -m publish model runs/novel user/novel --revision wider --yes
  python -m publish space user/novel user/novel-chat
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m publish",
        description="Publish on the Hugging Face Hub what was trained here.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    model = commands.add_parser("model", help="a model folder becomes a model repo, in one commit")
    model.add_argument(
        "folder", metavar="FOLDER", type=Path, help="a model folder or a run's folder"
    )
    model.add_argument("repo_id", metavar="USER/NAME", help="the repo; created if it isn't there")
    model.add_argument("--private", action="store_true", help="only you will see it")
    model.add_argument("--revision", metavar="BRANCH", help="branch to publish on (default: main)")
    model.add_argument("--yes", action="store_true", help="agree beforehand to what becomes public")
    add_parser(commands)
    return parser


def _publish_model(arguments: argparse.Namespace) -> None:
    config = load_model(arguments.folder).config
    public = what_becomes_public(config, arguments.repo_id)
    destination = prepare(
        arguments.repo_id,
        confirm=ask_on_terminal(public, is_given=arguments.yes),
        private=arguments.private,
        revision=arguments.revision,
    )
    if destination.is_private:
        print(f"{destination.repo_id} is private: nothing becomes public.")
    published = push(destination, arguments.folder)
    print(f"{'Published' if published.has_changed else 'Nothing has changed'}: {published.url}")
    print(f"This version is pinned by --revision {published.commit}")
    if published.kept_card:
        print(
            "The card there was edited by hand, so it was left as it is; to have it written anew, "
            "delete README.md there and publish again."
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Raises SystemExit with one clear line on errors."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    parsed = build_parser().parse_args(arguments)
    try:
        if parsed.what == "space":
            publish_space(parsed)
        else:
            _publish_model(parsed)
    except (ModelFolderError, NoTerminal, FolderInTheWay) as error:
        raise SystemExit(f"error: {error}") from None
    except HubError as error:
        if parsed.what == "space":
            raise SystemExit(f"error: {error}") from None
        command = publish_command(
            parsed.folder, parsed.repo_id, private=parsed.private, revision=parsed.revision
        )
        raise SystemExit(
            f"error: {error}\nThe model is where it was. To try again:\n  {command}"
        ) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
