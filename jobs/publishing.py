"""From a visitor's run to a model on the Hub, and to a Space of it, in the visitor's own account.

What was published is kept with the run. An account comes with each call; its token is written
nowhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from jobs import refusals
from jobs.accounts import Account
from jobs.store import StoredRun
from model.folder import load_model
from publish.model import PublishedModel, publish_model, what_becomes_public
from publish.space import PublishedSpace, publish_space
from training.run import RunError, read_json, write_json

PUBLISHED_FILE = "published.json"
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Published:
    """What of a run is on the Hub."""

    model: PublishedModel  # as it was published last
    space: PublishedSpace | None = None  # of that model


def find_published(run: StoredRun) -> Published | None:
    """What of a run is on the Hub; None where nothing is."""
    try:
        data = read_json(run.folder / PUBLISHED_FILE)
        there = data["space"] and PublishedSpace(**data["space"])
        return Published(PublishedModel(**data["model"]), there)
    except (RunError, OSError, TypeError, LookupError):
        return None


def suggested_name(title: str, user: str) -> str:
    """What to call the repo of a run with this title."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = "-".join(re.findall(r"[a-z0-9]+", plain.lower()))[:_LONGEST_NAME].strip("-")
    return f"{user}/{name or 'my-text'}"


@refusals()
def public_lines(run: StoredRun, repo_id: str) -> list[str]:
    """What anybody could read once a run is published under this name. Raises JobError."""
    return what_becomes_public(load_model(run.folder).config, repo_id)


@refusals()
def publish_run(
    run: StoredRun,
    account: Account,
    repo_id: str,
    *,
    space_id: str | None,
    private: bool,
    told: Mapping[str, str] = {},
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Publish a run's model; `find_published` knows of it then.

    Args:
        run: the model in it is published.
        account: that publishes.
        repo_id: "user/name" of the model.
        space_id: "user/name" of a Space that serves it; None for no Space.
        private: only its owner may see the model and the Space.
        told: what the owner says of the model, for its card.
        report: told each step in a line, as it begins.

    Raises:
        JobError: if it can't be done. What was published before that is kept.
    """
    token = account.token
    done = publish_model(
        run.folder, repo_id, private=private, token=token, told=told, report=report
    )
    before = find_published(run)
    is_again = before is not None and before.model.repo_id == repo_id
    there = replace(before, model=done) if before and is_again else Published(done)
    _keep(run, there)
    if space_id is not None:
        served = publish_space(
            repo_id,
            space_id,
            revision=done.commit,
            private=done.is_private,
            token=token,
            report=report,
            wait=False,
        )
        _keep(run, replace(there, space=served))


def _keep(run: StoredRun, there: Published) -> None:
    if run.folder.is_dir():  # else it was deleted meanwhile; what is published stays published
        write_json(run.folder / PUBLISHED_FILE, asdict(there))
