"""A Space is created and filled as a plan says, in one commit.

The stages are look (`publish/space_site.py`), plan (`publish/space_plan.py`), fill (here) and wait
(`publish/space_runtime.py`); a command line, a run of training and a page each go through them in
their own way. Speaks to no terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model.hub import HubError, HubUnreachable, hub_errors
from publish.space_plan import SpacePlan, plan_space, space_variables
from publish.space_refusals import refusal
from publish.space_site import TOKEN_SECRET, SpaceSite, create_space
from publish.upload import WAITS_S, changed_files, commit_files, files_there

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class PublishedSpace:
    """What `fill_space` did.

    Args:
        space_id: "user/space".
        url: the page to look at.
        commit: the head of the Space now.
        has_committed: whether that is a new commit.
        token: whose Space it is.
        lacks_token: whether its model needs a token, and the Space has no secret with one.
    """

    space_id: str
    url: str
    commit: str
    has_committed: bool
    token: str = field(repr=False)
    lacks_token: bool


def reserve_space(site: SpaceSite) -> None:
    """Create a Space that isn't there, empty: only that tells whether the Hub allows it.

    Raises:
        PaymentRequired, TooManySpaces, AccountTooYoung, QuotaReached: if the account may not.
        HubError: if the Hub refuses it for another reason.
    """
    if site.is_new:
        create_space(site, space_variables(site, None))


def fill_space(
    plan: SpacePlan,
    *,
    report: Callable[[str], None] = lambda _: None,
    token_for_model: str | None = None,
) -> PublishedSpace:
    """Do what a plan says; a Space that isn't there is created first.

    Args:
        plan: from `plan_space`.
        report: told each step in a line, as it begins.
        token_for_model: to store as the Space's secret HF_TOKEN, for a model that needs one.

    Raises:
        PaymentRequired, TooManySpaces, AccountTooYoung, QuotaReached: if the account may not.
        CommittedInBetween: if somebody has committed since the plan was made.
        HubError: if the Hub doesn't take it. What was done before stays; to run again goes on.
    """
    from huggingface_hub import HfApi

    settings = plan.site.settings
    api = HfApi(token=plan.site.token)
    if plan.site.is_new:
        report(f"Creating {settings.space_id} on {plan.site.hardware} ...")
        created = create_space(plan.site, space_variables(plan.site, plan.model.commit))
        plan = plan_space(created, plan.model)
    if plan.moves:
        report(f"Asking for {plan.site.hardware} ...")
        _move(api, plan.site)
    with hub_errors(settings.space_id, kind="Space"):
        for name, value in plan.variables.items():
            report(f"Setting {name} to {value} ...")
            api.add_space_variable(settings.space_id, name, value)
        if token_for_model is not None:
            report(f"Storing the secret {TOKEN_SECRET} ...")
            api.add_space_secret(settings.space_id, TOKEN_SECRET, token_for_model)
    number = len(plan.added) + len(plan.changed)
    if number or plan.removed:
        report(f"Uploading {number} files ...")
    commit = _commit(api, plan)
    return PublishedSpace(
        space_id=settings.space_id,
        url=plan.site.url,
        commit=commit,
        has_committed=commit != plan.site.head,
        token=plan.site.token,
        lacks_token=token_for_model is None and _lacks_token(api, plan),
    )


def _move(api: HfApi, site: SpaceSite) -> None:
    space_id = site.settings.space_id
    try:
        with hub_errors(space_id, kind="Space"):
            api.request_space_hardware(
                space_id,
                site.hardware,  # type: ignore[arg-type]  # an enum of strings
            )
    except HubError as error:
        raise refusal(error, space_id, site.hardware, site.user) from error


def _commit(api: HfApi, plan: SpacePlan) -> str:
    for wait in WAITS_S:
        try:
            return _commit_once(api, plan)
        except HubUnreachable:
            time.sleep(wait)
    return _commit_once(api, plan)


def _commit_once(api: HfApi, plan: SpacePlan) -> str:
    """The head once all is there: on a retry, the commit before may have gone through."""
    space_id = plan.site.settings.space_id
    with hub_errors(space_id, kind="Space"):
        head = str(api.space_info(space_id).sha)
    there = files_there(api, space_id, head, "Space")
    upload = changed_files(plan.files, there)
    removed = [path for path in plan.removed if path in there]
    if not upload and not removed:
        return head
    return commit_files(
        api,
        space_id,
        upload,
        removed=removed,
        message=f"Serve {plan.model.model_id} at {plan.model.commit[:8]} with CharLSTM",
        parent=plan.site.head,
        kind="Space",
    )


def _lacks_token(api: HfApi, plan: SpacePlan) -> bool:
    if not plan.model.needs_token:
        return False
    with hub_errors(plan.site.settings.space_id, kind="Space"):
        return TOKEN_SECRET not in api.get_space_secrets(plan.site.settings.space_id)
