"""From a visitor's run to a model on the Hub, and to a Space of it, in the visitor's own account.

Works in threads, so that closing the page changes nothing; what came of it is kept with the run. An
account comes with each call: its token lives as long as the thread that works with it, is written
nowhere, and no other stands in for it. Knows nothing about components.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from jobs.accounts import Account
from jobs.hub_words import for_page
from jobs.service import TrainingService, View
from jobs.shelf import ShelfError
from model.folder import ModelFolderError, load_model
from model.hub import HubError
from publish.access import check_name
from publish.consent import what_becomes_public
from publish.repo import prepare, push
from publish.space import fill_space
from publish.space_plan import SpacePlan, find_space_model, plan_space
from publish.space_runtime import SpaceState, wait_until_running
from publish.space_site import SpaceSettings, look_at_space
from publish.space_words import what_changes
from training.run import RunError, read_json, write_json

About = Literal["model", "space"]

PUBLISHED_FILE = "published.json"
_MOST_AT_ONCE = 16
_LONGEST_NAME = 60


@dataclass(frozen=True)
class ModelWish:
    """What is asked for as a model repo.

    Args:
        repo_id: "user/name".
        is_private: only its owner is to see it.
        credit: whose text it is; "" where that isn't said.
        license: of the model, in the Hub's words; "" where none is named.
    """

    repo_id: str
    is_private: bool
    credit: str = ""
    license: str = ""


@dataclass(frozen=True)
class OnTheHub:
    """What of a run is on the Hub.

    Args:
        model_id, model_url, commit: what was published last.
        is_private: whether it is a private repo.
        kept_card: whether its card was edited there, and so was left alone.
        space_id, space_url: its Space; "" where there is none.
        space_runs: whether that was seen to run.
        lacks_token: whether the Space needs a secret to read its model.
    """

    model_id: str
    model_url: str
    commit: str
    is_private: bool
    kept_card: bool = False
    space_id: str = ""
    space_url: str = ""
    space_runs: bool = False
    lacks_token: bool = False


@dataclass(frozen=True)
class Publication:
    """Where publishing a run is.

    Args:
        there: what is on the Hub; None for nothing.
        doing: the present step in words; "" where nothing is being done.
        problem: why the last thing that was asked for wasn't done, or "".
        about: what that is or was about.
    """

    there: OnTheHub | None = None
    doing: str = ""
    problem: str = ""
    about: About = "model"


@dataclass
class _Job:
    folder: Path
    about: About
    doing: str
    problem: str = ""

    def wait(self, state: SpaceState, seconds: float) -> None:
        self.doing = f"Waiting for the Space: {state.words} ({seconds:.0f} s)"

    def say(self, line: str) -> None:
        self.doing = line.removesuffix(" ...")


class Publisher:
    """Publishes visitors' runs. Raises ShelfError wherever something can't be done.

    Args:
        training: keeps the runs.
        is_for_visitors: whether those who publish have signed in on a page of somebody else's.
    """

    def __init__(self, training: TrainingService, *, is_for_visitors: bool) -> None:
        self._training = training
        self._is_for_visitors = is_for_visitors
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()

    def look(self, view: View) -> Publication:
        """Where publishing this run is."""
        job = self._jobs.get(view.entry.id)
        if job is None:
            return Publication(_kept(view.entry.folder))
        # In this order: what was kept before the end is seen by who sees the end.
        doing, problem = job.doing, job.problem
        return Publication(_kept(view.entry.folder), doing, problem, job.about)

    def suggested_name(self, view: View, user: str) -> str:
        """What to call its repo: the name that it has, or one made of its title."""
        there = _kept(view.entry.folder)
        if there is not None and there.model_id.startswith(f"{user}/"):
            return there.model_id
        return f"{user}/{_slug(view.entry.title)}"

    def what_becomes_public(self, view: View, repo_id: str) -> str:
        """What anybody could read once it is published under this name, in lines."""
        try:
            check_name(repo_id)
            config = load_model(view.entry.folder).config
        except (HubError, ModelFolderError) as error:
            raise self._refused(error) from error
        return for_page(what_becomes_public(config, repo_id))

    def publish_model(self, view: View, account: Account, wish: ModelWish) -> None:
        """Begin to publish a run's model; `look` tells the rest."""
        told = {"credit": " ".join(wish.credit.split()), "license": wish.license}
        folder = view.entry.folder

        def work(job: _Job) -> None:
            destination = prepare(
                wish.repo_id,
                confirm=lambda: True,  # what becomes public was on the page, beside the button
                private=wish.is_private,
                token=account.token,
                before_creating=lambda: job.say(f"Preparing {wish.repo_id}"),
            )
            job.say("Uploading the model")
            published = push(destination, folder, {k: v for k, v in told.items() if v})
            before = _kept(folder)
            there = OnTheHub(
                destination.repo_id,
                published.url,
                published.commit,
                destination.is_private,
                published.kept_card,
            )
            if before is not None and before.model_id == there.model_id:
                there = replace(
                    before,
                    commit=there.commit,
                    is_private=there.is_private,
                    kept_card=there.kept_card,
                )
            _keep(folder, there)

        job = _Job(folder, "model", f"Asking the Hub about {wish.repo_id}")
        self._begin(view, account, job, work)

    def what_becomes_of_space(
        self, view: View, account: Account, space_id: str, hardware: str
    ) -> str:
        """What making a Space would create or change, in lines; looks on the Hub."""
        try:
            plan = _plan(_published(view), account, space_id, hardware)
        except (HubError, OSError) as error:
            raise self._refused(error) from error
        if not plan.has_changes:
            return f"{space_id} is there already and serves this version of the model."
        return for_page(what_changes(plan))

    def publish_space(self, view: View, account: Account, space_id: str, hardware: str) -> None:
        """Begin to make a Space of a run's published model, or to renew it."""
        there, folder = _published(view), view.entry.folder

        def work(job: _Job) -> None:
            plan = _plan(there, account, space_id, hardware)
            space = fill_space(plan, report=job.say)
            made = replace(
                there,
                space_id=space_id,
                space_url=space.url,
                space_runs=False,
                lacks_token=space.lacks_token,
            )
            _keep(folder, made)
            job.say("Waiting for the Space")
            wait_until_running(
                space_id,
                token=account.token,
                commit=space.commit if space.has_committed else None,
                has_changed=plan.has_changes,
                report=job.wait,
            )
            _keep(folder, replace(made, space_runs=True))

        job = _Job(folder, "space", f"Asking the Hub about {space_id}")
        self._begin(view, account, job, work)

    def _begin(self, view: View, account: Account, job: _Job, work: Callable[[_Job], None]) -> None:
        if not account.token:  # the client would look for another one
            raise ShelfError("Sign in first.")
        with self._lock:
            known = {run: other for run, other in self._jobs.items() if other.folder.is_dir()}
            before = known.get(view.entry.id)
            if before is not None and before.doing:
                raise ShelfError("It is being published already.")
            if sum(1 for other in known.values() if other.doing) >= _MOST_AT_ONCE:
                raise ShelfError("Many are publishing from here just now: try again in a minute.")
            self._jobs = {**known, view.entry.id: job}
        threading.Thread(target=self._do, args=(job, work), daemon=True, name="publish").start()

    def _do(self, job: _Job, work: Callable[[_Job], None]) -> None:
        problem = "something went wrong on this page's machine; try again later"
        try:
            work(job)
            problem = ""
        except (HubError, ModelFolderError, OSError) as error:
            problem = str(self._refused(error))
        finally:
            job.problem = problem
            job.doing = ""

    def _refused(self, error: Exception) -> ShelfError:
        if isinstance(error, HubError):
            return ShelfError(for_page(str(error), is_visitor=self._is_for_visitors))
        if isinstance(error, ModelFolderError):
            return ShelfError("the model can't be read: it was deleted, or is being written anew")
        return ShelfError("a file of this page's machine can't be read or written; try again later")


def _plan(there: OnTheHub, account: Account, space_id: str, hardware: str) -> SpacePlan:
    settings = SpaceSettings(
        space_id=space_id,
        model_id=there.model_id,
        model_revision=there.commit,
        hardware=hardware,
        private=there.is_private,
    )
    site = look_at_space(settings, token=account.token)
    return plan_space(site, find_space_model(there.model_id, there.commit, token=account.token))


def _published(view: View) -> OnTheHub:
    there = _kept(view.entry.folder)
    if there is None:
        raise ShelfError("Publish the model first.")
    return there


def _kept(folder: Path) -> OnTheHub | None:
    try:
        data = read_json(folder / PUBLISHED_FILE)
        return None if data is None else OnTheHub(**data)
    except (RunError, OSError, TypeError):
        return None


def _keep(folder: Path, there: OnTheHub) -> None:
    if folder.is_dir():  # else the run was deleted meanwhile; what was published stays published
        write_json(folder / PUBLISHED_FILE, asdict(there))


def _slug(title: str) -> str:
    """A title as the Hub takes it for a repo's name: letters, digits and single separators."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", plain)
    return "-".join(words)[:_LONGEST_NAME].strip("-").lower() or "my-text"
