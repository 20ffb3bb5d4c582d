"""python -m publish: put a model onto the Hub, or a Space that serves one.

A thin layer over `publish/model.py` and `publish/space.py`: reads flags, asks, prints.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from model.config import ModelConfig
from model.folder import ModelFolderError, load_model
from model.hub import HubError
from publish.ask import ask
from publish.hub import HARDWARE, ZERO_GPU, find_token
from publish.model import check_model_repo, publish_model, what_becomes_public
from publish.space import (
    TOKEN_SECRET,
    check_space,
    find_served_model,
    publish_space,
    space_files,
)
from publish.space_card import ServedModel

_SPACE_TOKEN = "SPACE_HF_TOKEN"
_EXAMPLES = """examples:
  python -m publish model runs/novel user/novel
  python -m publish model runs/diary user/diary --private
  python -m publish model runs/novel user/novel --revision wider --yes
  python -m publish space user/novel user/novel-chat
  python -m publish space runs/novel user/novel-chat --model_id user/novel
  python -m publish space user/novel user/novel-chat --hardware cpu-basic --training
  python -m publish space user/novel user/novel-chat --dry_run what-would-be-uploaded
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
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")

    model = commands.add_parser("model", help="a model folder becomes a model repo")
    model.add_argument("folder", metavar="FOLDER", type=Path, help="a model's or a run's folder")
    model.add_argument("repo_id", metavar="USER/NAME", help="the repo; created if it isn't there")
    model.add_argument("--private", action="store_true", help="only you will see it")
    model.add_argument("--revision", metavar="BRANCH", help="branch to publish on (default: main)")
    model.add_argument("--yes", action="store_true", help="agree beforehand to what becomes public")

    space = commands.add_parser("space", help="a model becomes a Space that anybody can chat with")
    add = space.add_argument
    add("model", metavar="MODEL", help="user/model; a folder is published as a model first")
    add("space_id", metavar="USER/SPACE", help="created if it isn't there")
    add("--revision", help="branch, tag or commit of a model on the Hub (default: main)")
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
    add("--private", action="store_true", help="only you will see it")
    add("--title", help="of the page (default: the model's name)")
    add("--emoji", help="of its card (default: a feather)")
    add(
        "--training",
        action=argparse.BooleanOptionalAction,
        help="without ZeroGPU: let visitors train on its processors; installs torch",
    )
    add(
        "--hf_token_secret",
        action="store_true",
        help=f"for a private model: store a token as the Space's secret {TOKEN_SECRET}, the one in "
        f"{_SPACE_TOKEN} (one that may only read will do) or else your own",
    )
    add("--force", action="store_true", help="overwrite a Space that wasn't made with CharLSTM")
    add(
        "--dry_run",
        metavar="FOLDER",
        type=Path,
        help="write what a new Space would hold into a folder, and change nothing on the Hub",
    )
    add("--yes", action="store_true", help="agree beforehand to what becomes public")
    return parser


def _model(parsed: argparse.Namespace) -> None:
    config = load_model(parsed.folder).config
    if check_model_repo(parsed.repo_id, private=parsed.private, revision=parsed.revision):
        print(f"{parsed.repo_id} is private: nothing becomes public.")
    else:
        ask(what_becomes_public(config, parsed.repo_id), is_given=parsed.yes)
    _publish_model(parsed.folder, parsed.repo_id, parsed.private, parsed.revision)


def _publish_model(folder: Path, repo_id: str, private: bool, revision: str | None = None) -> None:
    published = publish_model(folder, repo_id, private=private, revision=revision, report=_print)
    _print(f"Published: {published.url}")
    _print(f"To pin this version: --revision {published.commit}")


def _space(parsed: argparse.Namespace) -> None:
    folder = Path(parsed.model) if Path(parsed.model).exists() else None
    model_id = parsed.model if folder is None else parsed.model_id or parsed.space_id
    config = None if folder is None else load_model(folder).config
    revision = parsed.revision if folder is None else None
    if parsed.dry_run is not None:
        _write(parsed, model_id, revision, config)
        return
    asked = {
        name: getattr(parsed, name) for name in ("hardware", "private", "training", "force")
    } | {"revision": revision}
    lines = check_space(model_id, parsed.space_id, **asked, model_is_coming=folder is not None)
    if config is not None and not check_model_repo(model_id, private=parsed.private):
        lines = [*what_becomes_public(config, model_id), *lines]
    ask(lines, is_given=parsed.yes or parsed.private)
    if folder is not None:
        _publish_model(folder, model_id, parsed.private)
    token = (os.environ.get(_SPACE_TOKEN) or find_token()) if parsed.hf_token_secret else None
    published = publish_space(
        model_id,
        parsed.space_id,
        **asked,
        title=parsed.title,
        emoji=parsed.emoji,
        token_for_model=token,
        report=_print,
    )
    if published.lacks_token:
        _print(
            f"Its model needs a token, so the Space serves the bundled one until it has a secret "
            f"{TOKEN_SECRET}: add it on its page under Settings / Variables and secrets, with a "
            "token that may read the model, or run this again with --hf_token_secret."
        )
    _print(f"{'Running' if published.is_running else 'Published'}: {published.url}")


def _write(
    parsed: argparse.Namespace, model_id: str, revision: str | None, config: ModelConfig | None
) -> None:
    from huggingface_hub import HfApi

    folder: Path = parsed.dry_run
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HubError(f"{folder} isn't an empty folder: name another one to write into")
    if config is None:
        model = find_served_model(HfApi(), model_id, revision)
    else:  # its commit is known only once it is published
        model = ServedModel(model_id, config, needs_token=parsed.private)
    files = space_files(
        model, parsed.hardware or ZERO_GPU, bool(parsed.training), parsed.title, parsed.emoji
    )
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    size = sum(map(len, files.values())) / 1e6
    print(f"Wrote {len(files)} files, {size:.1f} MB, to {folder}. Nothing was changed on the Hub.")


def _print(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Raises SystemExit with one clear line on errors."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    parsed = build_parser().parse_args(arguments)
    try:
        (_space if parsed.what == "space" else _model)(parsed)
    except (ModelFolderError, HubError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
