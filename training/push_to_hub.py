"""--push_to_hub: what can be refused is checked before training, the model is pushed after it.

With --hub_space_id a Space that serves it, too: created, empty, before training, filled last. The
flags are those of well-known training scripts. Knows nothing about how training is done.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from model.config import ModelConfig
from model.folder import ModelFolderError
from model.hub import HubError
from publish.consent import NoTerminal, ask_on_terminal, what_becomes_public
from publish.hub_facts import HARDWARE
from publish.repo import Destination, prepare, publish_command, push
from publish.space import fill_space, reserve_space
from publish.space_command import follow
from publish.space_plan import find_space_model, plan_space
from publish.space_site import SpaceSettings, look_at_space
from publish.space_words import what_follows
from training.fine_tuning import shown_name
from training.progress import say
from training.run import RunWriter, Settings, TrainingError
from training.text.corpus import prepare_corpus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags to the command line."""
    group = parser.add_argument_group("publishing on the Hugging Face Hub")
    group.add_argument("--push_to_hub", action="store_true", help="publish the model at the end")
    group.add_argument("--hub_model_id", metavar="USER/NAME", help="the repo; created if need be")
    group.add_argument("--hub_private_repo", action="store_true", help="only you will see it")
    group.add_argument("--hub_revision", metavar="BRANCH", help="branch to publish on")
    group.add_argument(
        "--hub_space_id", metavar="USER/SPACE", help="a Space that serves it; created if need be"
    )
    group.add_argument(
        "--hub_space_hardware",
        choices=HARDWARE,
        help="of the Space: zero-a10g is free, cpu-basic asks for PRO (default: zero-a10g)",
    )
    group.add_argument("--hub_token", help="better: HF_TOKEN in the environment, or a saved login")
    group.add_argument("--yes", action="store_true", help="agree beforehand to what becomes public")


def check_arguments(parsed: argparse.Namespace) -> None:
    """Raises TrainingError if the flags don't go together."""
    if parsed.push_to_hub and not parsed.hub_model_id:
        raise TrainingError("--push_to_hub needs --hub_model_id USER/NAME")
    names = ("model_id", "private_repo", "revision", "space_id", "space_hardware", "token")
    for name in (*(f"hub_{name}" for name in names), "yes"):
        if getattr(parsed, name) and not parsed.push_to_hub:
            raise TrainingError(f"--{name} goes with --push_to_hub")
    if parsed.hub_space_hardware and not parsed.hub_space_id:
        raise TrainingError("--hub_space_hardware goes with --hub_space_id")


def prepare_push(parsed: argparse.Namespace, settings: Settings, folder: Path) -> Destination:
    """Check the token, the names and the right to write, ask, and create the repo and the Space.

    The corpus is read first, so that the question can show which characters become public.

    Raises:
        TrainingError: if the corpus can't be used, or the Hub or the person says no.
        RunError: if another process is writing in the folder.
    """
    with RunWriter(folder):
        corpus = prepare_corpus(settings, folder)
    training: dict[str, Any] = {"corpus": corpus.name, "command": settings.command}
    if settings.init_from is not None:
        training["init_from"] = {"name": shown_name(settings.init_from)}
    config = ModelConfig(
        corpus.vocabulary, hidden_size=1, chat_template=corpus.chat_template, training=training
    )
    text = what_becomes_public(config, parsed.hub_model_id)
    try:
        site = None
        if parsed.hub_space_id:
            asked = _space_settings(parsed)
            site = look_at_space(asked, token=parsed.hub_token, model_is_coming=True)
            text += f"\n\n{what_follows(site)}"
        return prepare(
            parsed.hub_model_id,
            confirm=ask_on_terminal(text, is_given=parsed.yes),
            private=parsed.hub_private_repo,
            revision=parsed.hub_revision,
            token=parsed.hub_token,
            before_creating=lambda: None if site is None else reserve_space(site),
        )
    except (HubError, NoTerminal) as error:
        raise TrainingError(f"{error} (nothing was trained)") from error


def push_model(destination: Destination, parsed: argparse.Namespace, folder: Path) -> None:
    """Upload the run's model, and fill its Space.

    Raises:
        TrainingError: with the command that tries again.
    """
    say(f"Publishing {destination.repo_id} ...")
    try:
        published = push(destination, folder)
    except (HubError, ModelFolderError) as error:
        command = publish_command(
            folder,
            parsed.hub_model_id,
            private=parsed.hub_private_repo,
            revision=parsed.hub_revision,
        )
        raise TrainingError(
            f"{error}\nThe model is in {folder}. To publish it later:\n  {command}"
        ) from error
    say(f"Published: {published.url} (revision {published.commit})")
    if published.kept_card:
        say("The card there was edited by hand, so it was left as it is.")
    if parsed.hub_space_id:
        _fill_space(parsed)


def _space_settings(parsed: argparse.Namespace) -> SpaceSettings:
    return SpaceSettings(
        space_id=parsed.hub_space_id,
        model_id=parsed.hub_model_id,
        model_revision=parsed.hub_revision,
        hardware=parsed.hub_space_hardware,
        private=parsed.hub_private_repo,
    )


def _fill_space(parsed: argparse.Namespace) -> None:
    settings = _space_settings(parsed)
    say(f"Filling the Space {settings.space_id} ...")
    try:
        site = look_at_space(settings, token=parsed.hub_token)
        model = find_space_model(settings.model_id, settings.model_revision, token=site.token)
        follow(fill_space(plan_space(site, model), report=say), sys.stderr)
    except KeyboardInterrupt:  # only the waiting ends: all is done that this run has to do
        return
    except HubError as error:
        words = ["python", "-m", "publish", "space", settings.model_id, settings.space_id]
        words += ["--private"] if settings.private else []
        words += ["--revision", settings.model_revision] if settings.model_revision else []
        raise TrainingError(
            f"{error}\nThe model is published. To try again with its Space:\n  {shlex.join(words)}"
        ) from error
