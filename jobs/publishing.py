"""From a visitor's run to a model on the Hub, and to a Space of it, in the visitor's own account.

Works in threads, so that closing the page changes nothing; what was published is kept with the run.
An account comes with each call: its token lives as long as the thread that works with it, and is
written nowhere.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from jobs import JobError
from jobs.accounts import Account
from jobs.store import StoredRun
from model.folder import ModelFolderError, load_model
from model.hub import HubError
from publish.model import PublishedModel, publish_model, what_becomes_public
from publish.space import PublishedSpace, publish_space
from training.run import RunError, read_json, write_json

PUBLISHED_FILE = "published.json"
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Published:
    """What of a run is on the Hub, and how far publishing it is."""

    model: PublishedModel | None = None  # as it was published last
    space: PublishedSpace | None = None  # of that model
    doing: str = ""  # the current step in words; "" where nothing is being done
    problem: str = ""  # why publishing failed the last time, or ""


class Publisher:
    """Publishes visitors' runs."""

    def __init__(self) -> None:
        self._doing: dict[Path, str] = {}
        self._problems: dict[Path, str] = {}
        self._lock = threading.Lock()

    def look(self, run: StoredRun) -> Published:
        """What of this run is on the Hub, and how far publishing it is."""
        # In this order: whoever sees the end sees what was kept before it.
        doing = self._doing.get(run.folder, "")
        problem = self._problems.get(run.folder, "")
        return replace(_kept(run.folder), doing=doing, problem=problem)

    def suggested_name(self, run: StoredRun, user: str) -> str:
        """What to call its repo: the name that it has, or one made of its title."""
        there = _kept(run.folder).model
        if there is not None and there.repo_id.startswith(f"{user}/"):
            return there.repo_id
        plain = unicodedata.normalize("NFKD", run.title).encode("ascii", "ignore").decode()
        name = "-".join(re.findall(r"[a-z0-9]+", plain.lower()))[:_LONGEST_NAME].strip("-")
        return f"{user}/{name or 'my-text'}"

    def what_becomes_public(self, run: StoredRun, repo_id: str) -> list[str]:
        """What anybody could read once it is published under this name. Raises JobError."""
        try:
            return what_becomes_public(load_model(run.folder).config, repo_id)
        except ModelFolderError as error:
            raise JobError.of(error) from error

    def publish(
        self,
        run: StoredRun,
        account: Account,
        repo_id: str,
        *,
        space_id: str | None,
        private: bool,
        told: Mapping[str, str],
    ) -> None:
        """Begin to publish a run, unless that is being done already; `look` tells how it goes.

        Args:
            run: the model in it is published.
            account: that publishes.
            repo_id: "user/name" of the model.
            space_id: "user/name" of a Space that serves it; None for no Space.
            private: only its owner may see the model and the Space.
            told: what the owner says of the model, for its card.
        """
        folder, token = run.folder, account.token

        def say(line: str) -> None:
            self._doing[folder] = line

        def work() -> None:
            # What is told names nothing of this machine.
            problem = "Something went wrong on this page's machine; try again later."
            try:
                model = publish_model(
                    folder, repo_id, private=private, token=token, told=told, report=say
                )
                before = _kept(folder)
                is_again = before.model is not None and before.model.repo_id == model.repo_id
                there = Published(model, before.space if is_again else None)
                _keep(folder, there)
                if space_id is not None:
                    space = publish_space(
                        model.repo_id,
                        space_id,
                        revision=model.commit,
                        private=model.is_private,
                        token=token,
                        report=say,
                        wait=False,
                    )
                    _keep(folder, replace(there, space=space))
                problem = ""
            except HubError as error:
                problem = str(JobError.of(error))
            except ModelFolderError:
                problem = "The model can't be read: it was deleted, or is being written."
            finally:
                self._problems[folder] = problem
                del self._doing[folder]

        with self._lock:
            if folder in self._doing:
                return
            say("Asking the Hub")
        threading.Thread(target=work, daemon=True, name="publish").start()


def _kept(folder: Path) -> Published:
    try:
        data = read_json(folder / PUBLISHED_FILE)
        space = data["space"] and PublishedSpace(**data["space"])
        return Published(PublishedModel(**data["model"]), space)
    except (RunError, OSError, TypeError, LookupError):
        return Published()


def _keep(folder: Path, there: Published) -> None:
    if folder.is_dir():  # else the run was deleted meanwhile; what was published stays published
        facts = asdict(there)
        write_json(folder / PUBLISHED_FILE, {"model": facts["model"], "space": facts["space"]})
