"""From a visitor's run to a model on the Hub, and to a Space of it, in the visitor's own account.

Works in threads, so that closing the page changes nothing; what was published is kept with the run.
An account comes with each call: its token lives as long as the thread that works with it, and is
written nowhere.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from jobs import JobError
from jobs.accounts import Account
from jobs.store import StoredRun
from model.folder import ModelFolderError, load_model
from model.hub import HubError
from publish.model import PublishedModel, publish_model, what_becomes_public
from publish.space import PublishedSpace, check_space, publish_space
from training.run import RunError, read_json, write_json

PUBLISHED_FILE = "published.json"
_LONGEST_NAME = 60

Said = Callable[[str], None]


@dataclass(frozen=True)
class Published:
    """What of a run is on the Hub: the model as it was published last, and a Space of it."""

    model: PublishedModel
    space: PublishedSpace | None = None


@dataclass
class Publishing:
    """How far publishing a run is.

    Args:
        what: is published.
        doing: the current step in words; "" where nothing is being done.
        problem: why the last thing that was asked for wasn't done, or "".
    """

    what: Literal["model", "space"] = "model"
    doing: str = ""
    problem: str = ""


class Publisher:
    """Publishes visitors' runs. Raises JobError wherever something can't be done."""

    def __init__(self) -> None:
        self._jobs: dict[Path, Publishing] = {}
        self._lock = threading.Lock()

    def look(self, run: StoredRun) -> tuple[Publishing, Published | None]:
        """How far publishing this run is, and what of it is on the Hub."""
        # In this order: whoever sees the end sees what was kept before it.
        job = replace(self._jobs.get(run.folder, Publishing()))
        return job, _kept(run.folder)

    def suggested_name(self, run: StoredRun, user: str) -> str:
        """What to call its repo: the name that it has, or one made of its title."""
        there = _kept(run.folder)
        if there is not None and there.model.repo_id.startswith(f"{user}/"):
            return there.model.repo_id
        plain = unicodedata.normalize("NFKD", run.title).encode("ascii", "ignore").decode()
        name = "-".join(re.findall(r"[a-z0-9]+", plain.lower()))[:_LONGEST_NAME].strip("-")
        return f"{user}/{name or 'my-text'}"

    def what_becomes_public(self, run: StoredRun, repo_id: str) -> list[str]:
        """What anybody could read once it is published under this name."""
        with _refusals():
            return what_becomes_public(load_model(run.folder).config, repo_id)

    def publish_model(
        self,
        run: StoredRun,
        account: Account,
        repo_id: str,
        *,
        private: bool,
        told: dict[str, str],
    ) -> None:
        """Begin to publish a run's model; `told` is what its owner says of it, for its card."""

        def work(say: Said) -> None:
            done = publish_model(
                run.folder, repo_id, private=private, token=account.token, told=told, report=say
            )
            before = _kept(run.folder)
            is_again = before is not None and before.model.repo_id == done.repo_id
            _keep(run.folder, Published(done, before.space if before and is_again else None))

        self._begin(run, account, "model", work)

    def what_becomes_of_space(
        self, run: StoredRun, account: Account, space_id: str, hardware: str
    ) -> list[str]:
        """What making a Space would create or change; asks the Hub."""
        there = _published(run).model
        with _refusals():
            return check_space(
                there.repo_id,
                space_id,
                revision=there.commit,
                hardware=hardware,
                private=there.is_private,
                token=account.token,
            )

    def publish_space(self, run: StoredRun, account: Account, space_id: str, hardware: str) -> None:
        """Begin to make a Space of a run's published model, or to update it."""
        there = _published(run)

        def work(say: Said) -> None:
            for wait in (False, True):  # its link is kept before it runs, or fails to
                space = publish_space(
                    there.model.repo_id,
                    space_id,
                    revision=there.model.commit,
                    hardware=hardware,
                    private=there.model.is_private,
                    token=account.token,
                    report=say,
                    wait=wait,
                )
                _keep(run.folder, replace(there, space=space))

        self._begin(run, account, "space", work)

    def _begin(
        self,
        run: StoredRun,
        account: Account,
        what: Literal["model", "space"],
        work: Callable[[Said], None],
    ) -> None:
        if not account.token:  # the client would look for another one
            raise JobError("Sign in first.")
        job = Publishing(what, doing="Asking the Hub")
        with self._lock:
            self._jobs = {folder: j for folder, j in self._jobs.items() if folder.is_dir()}
            if self._jobs.get(run.folder, Publishing()).doing:
                raise JobError("It is being published already.")
            self._jobs[run.folder] = job
        threading.Thread(target=_do, args=(job, work), daemon=True, name="publish").start()


def _do(job: Publishing, work: Callable[[Said], None]) -> None:
    def say(line: str) -> None:
        job.doing = line

    problem = "Something went wrong on this page's machine; try again later."
    try:
        with _refusals():
            work(say)
        problem = ""
    except JobError as error:
        problem = str(error)
    finally:
        job.problem = problem
        job.doing = ""


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell a visitor what is refused, without anything of this machine."""
    try:
        yield
    except HubError as error:
        words = str(error).rstrip(".")
        raise JobError(f"{words[0].upper()}{words[1:]}.") from error
    except ModelFolderError as error:
        raise JobError("The model can't be read: it was deleted, or is being written.") from error
    except OSError as error:
        raise JobError("A file of this page's machine can't be read or written.") from error


def _published(run: StoredRun) -> Published:
    there = _kept(run.folder)
    if there is None:
        raise JobError("Publish the model first.")
    return there


def _kept(folder: Path) -> Published | None:
    try:
        data = read_json(folder / PUBLISHED_FILE)
        space = data["space"] and PublishedSpace(**data["space"])
        return Published(PublishedModel(**data["model"]), space)
    except (RunError, OSError, TypeError, LookupError):
        return None


def _keep(folder: Path, there: Published) -> None:
    if folder.is_dir():  # else the run was deleted meanwhile; what was published stays published
        write_json(folder / PUBLISHED_FILE, asdict(there))
