"""python -m publish space: the terminal's side of making and upgrading a Space.

A thin layer over `publish/space.py` and its neighbours: reads flags, asks, prints.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TextIO

from model.folder import load_model
from model.hub import FILES
from publish import hub_facts
from publish.access import NotConfirmed
from publish.consent import ask_on_terminal, what_becomes_public
from publish.repo import prepare, push
from publish.space import PublishedSpace, fill_space, reserve_space
from publish.space_files import write_folder
from publish.space_plan import SpaceModel, find_space_model, plan_space, space_files
from publish.space_refusals import NotASetting
from publish.space_runtime import SpaceState, wait_until_running
from publish.space_site import TOKEN_SECRET, SpaceSettings, look_at_space
from publish.space_words import what_changes, what_follows

_SPACE_TOKEN = "SPACE_HF_TOKEN"
_HOW_TO_SET_THE_SECRET = (
    f"Its model needs a token, so the Space serves the bundled one until it has a secret "
    f"{TOKEN_SECRET}: add it on its page under Settings / Variables and secrets, with a token that "
    "may read the model, or run `python -m publish space` with --hf_token_secret."
)
_EXAMPLES = """examples:
  python -m publish space user/novel user/novel-chat
  python -m publish space runs/novel user/novel-chat --model_id user/novel
  python -m publish space user/diary user/diary-chat --private
  python -m publish space user/novel user/novel-chat --hardware cpu-basic --training
  python -m publish space user/novel user/novel-chat --dry_run what-would-be-uploaded

The same command once more upgrades the app, the model or both, and says what changes.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    space = commands.add_parser(
        "space",
        help="a model becomes a Space that anybody can chat with",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    space.add_argument(
        "model", metavar="MODEL", help="user/model; a folder is published as a model first"
    )
    space.add_argument("space_id", metavar="USER/SPACE", help="created if it isn't there")
    space.add_argument(
        "--revision", help="branch, tag or commit of a model on the Hub (default: main)"
    )
    space.add_argument(
        "--model_id",
        metavar="USER/MODEL",
        help="where a folder is published (default: the Space's own name)",
    )
    space.add_argument(
        "--hardware",
        choices=hub_facts.HARDWARE,
        help="zero-a10g is free, for visitors train on their own quota; cpu-basic asks for PRO "
        "(default: zero-a10g; a Space that is there stays on what it has)",
    )
    space.add_argument("--private", action="store_true", help="only you will see it")
    space.add_argument("--title", help="of the page (default: the model's name)")
    space.add_argument("--emoji", help="of its card (default: a feather)")
    space.add_argument(
        "--training",
        action=argparse.BooleanOptionalAction,
        help="without ZeroGPU: let visitors train on its processors; installs torch",
    )
    space.add_argument(
        "--hf_token_secret",
        action="store_true",
        help=f"for a private model: store a token as the Space's secret {TOKEN_SECRET}, the one in "
        f"{_SPACE_TOKEN} (one that may only read will do) or else your own",
    )
    space.add_argument(
        "--force", action="store_true", help="overwrite a Space that wasn't made here, or edited"
    )
    space.add_argument(
        "--dry_run",
        metavar="FOLDER",
        type=Path,
        help="write what a new Space would hold into a folder, and change nothing on the Hub",
    )
    space.add_argument("--yes", action="store_true", help="agree beforehand to what becomes public")


def publish_space(parsed: argparse.Namespace) -> None:
    """Run the command.

    Raises:
        HubError: if the Hub doesn't do it; the message says why and what to do next.
        ModelFolderError: if MODEL is a folder without a sound model.
        NoTerminal: if nobody can be asked.
        FolderInTheWay: if --dry_run names a folder that isn't empty.
    """
    folder = Path(parsed.model) if Path(parsed.model).exists() else None
    settings = SpaceSettings(
        space_id=parsed.space_id,
        model_id=parsed.model if folder is None else parsed.model_id or parsed.space_id,
        model_revision=parsed.revision if folder is None else None,
        hardware=parsed.hardware,
        private=parsed.private,
        title=parsed.title,
        emoji=parsed.emoji,
        training=parsed.training,
        force=parsed.force,
    )
    if parsed.dry_run is not None:
        _write(parsed.dry_run, settings, folder)
        return
    if folder is not None:
        _publish_model(settings, folder, is_agreed=parsed.yes)
    published, has_changed = _publish(
        settings,
        is_agreed=parsed.yes or folder is not None,
        stores_token=parsed.hf_token_secret,
    )
    follow(published, sys.stdout, has_changed=has_changed)


def follow(published: PublishedSpace, stream: TextIO, *, has_changed: bool = True) -> None:
    """Wait until a Space runs, telling its stages in one line, and print its link.

    Raises:
        HubError: if it comes to nothing.
        KeyboardInterrupt: passed on, after a word on what becomes of the Space.
    """
    line = _ProgressLine(stream)
    try:
        wait_until_running(
            published.space_id,
            token=published.token,
            commit=published.commit if published.has_committed else None,
            has_changed=has_changed,
            report=line.show,
        )
    except KeyboardInterrupt:
        line.end()
        print(f"The Space goes on building by itself: {published.url}", file=stream, flush=True)
        raise
    finally:
        line.end()
    if published.lacks_token:
        print(_HOW_TO_SET_THE_SECRET, file=stream)
    print(f"Running: {published.url}", file=stream, flush=True)


def _publish_model(settings: SpaceSettings, folder: Path, *, is_agreed: bool) -> None:
    config = load_model(folder).config
    site = look_at_space(settings, model_is_coming=True)
    text = f"{what_becomes_public(config, settings.model_id)}\n\n{what_follows(site)}"
    destination = prepare(
        settings.model_id,
        confirm=ask_on_terminal(text, is_given=is_agreed),
        private=settings.private,
        before_creating=lambda: reserve_space(site),
    )
    published = push(destination, folder)
    print(f"Published: {published.url}", flush=True)


def _publish(
    settings: SpaceSettings, *, is_agreed: bool, stores_token: bool
) -> tuple[PublishedSpace, bool]:
    """What was published, and whether anything had to be changed."""
    site = look_at_space(settings)
    model = find_space_model(settings.model_id, settings.model_revision, token=site.token)
    if stores_token and not model.needs_token:
        raise NotASetting(f"anybody may read {model.model_id}: leave --hf_token_secret out")
    plan = plan_space(site, model)
    words = what_changes(plan)
    if not plan.has_changes:
        print(f"Nothing has changed in {settings.space_id}.", flush=True)
    elif site.is_private or is_agreed:
        print(words, end="\n\n", flush=True)
    elif not ask_on_terminal(words, is_given=False)():
        raise NotConfirmed("nothing was changed: you said no")
    token = (os.environ.get(_SPACE_TOKEN) or site.token) if stores_token else None
    published = fill_space(plan, report=_print_now, token_for_model=token)
    return published, plan.has_changes


def _write(into: Path, settings: SpaceSettings, folder: Path | None) -> None:
    if folder is None:
        model = find_space_model(settings.model_id, settings.model_revision)
    else:  # its commit is known only once it is published
        config = load_model(folder).config
        model = SpaceModel(settings.model_id, "", config, settings.private, FILES)
    files = space_files(settings, model)
    write_folder(into, files)
    size = sum(map(len, files.values())) / 1e6
    print(f"Wrote {len(files)} files, {size:.1f} MB, to {into}. On the Hub nothing was changed.")


def _print_now(line: str) -> None:
    print(line, flush=True)


class _ProgressLine:
    """The stages of a Space: one line that is written over on a terminal, else a line for each."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = ""

    def show(self, state: SpaceState, seconds: float) -> None:
        """Tell the state of the Space, seconds after the beginning."""
        if self._stream.isatty():
            text = f"\r\x1b[K{state.words} ({seconds:.0f} s)"
            print(text, end="", file=self._stream, flush=True)
        elif state.words != self._shown:
            print(state.words, file=self._stream, flush=True)
        self._shown = state.words

    def end(self) -> None:
        """Leave the line, so that what comes next begins one."""
        if self._shown and self._stream.isatty():
            print(file=self._stream, flush=True)
        self._shown = ""
