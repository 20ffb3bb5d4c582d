"""--push_to_hub: what can be refused is checked before training, the model is pushed after it.

The flags are those of well-known training scripts. Knows nothing about how training is done.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from model.config import ModelConfig
from model.folder import ModelFolderError
from model.hub import HubError
from publish.consent import NoTerminal, ask_on_terminal, what_becomes_public
from publish.repo import Destination, prepare, publish_command, push
from training.corpus import prepare_corpus
from training.fine_tuning import shown_name
from training.progress import say
from training.run import RunWriter, Settings, TrainingError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags to the command line."""
    group = parser.add_argument_group("publishing on the Hugging Face Hub")
    group.add_argument("--push_to_hub", action="store_true", help="publish the model at the end")
    group.add_argument("--hub_model_id", metavar="USER/NAME", help="the repo; created if need be")
    group.add_argument("--hub_private_repo", action="store_true", help="only you will see it")
    group.add_argument("--hub_revision", metavar="BRANCH", help="branch to publish on")
    group.add_argument("--hub_token", help="better: HF_TOKEN in the environment, or a saved login")
    group.add_argument("--yes", action="store_true", help="agree beforehand to what becomes public")


def check_arguments(parsed: argparse.Namespace) -> None:
    """Raises TrainingError if the flags don't go together."""
    if parsed.push_to_hub and not parsed.hub_model_id:
        raise TrainingError("--push_to_hub needs --hub_model_id USER/NAME")
    for name in ("hub_model_id", "hub_private_repo", "hub_revision", "hub_token", "yes"):
        if getattr(parsed, name) and not parsed.push_to_hub:
            raise TrainingError(f"--{name} goes with --push_to_hub")


def prepare_push(parsed: argparse.Namespace, settings: Settings, folder: Path) -> Destination:
    """Check the token, the name and the right to write, ask, and create the repo.

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
        return prepare(
            parsed.hub_model_id,
            confirm=ask_on_terminal(text, is_given=parsed.yes),
            private=parsed.hub_private_repo,
            revision=parsed.hub_revision,
            token=parsed.hub_token,
        )
    except (HubError, NoTerminal) as error:
        raise TrainingError(f"{error} (nothing was trained)") from error


def push_model(destination: Destination, parsed: argparse.Namespace, folder: Path) -> None:
    """Upload the run's model. Raises TrainingError with the command that tries again."""
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
