"""What is asked for as a Space, and what lies under its name on the Hub: looked at, then created.

Everything that can be refused early is refused by `look_at_space`, which changes nothing; what only
creating can tell, by `create_space`. Speaks to no terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model.hub import HubError, ModelNotFound, hub_errors
from publish import hub_facts
from publish.access import (
    answered_with,
    check_name,
    check_privacy,
    check_right,
    check_token,
    find_model,
    find_space,
    find_token,
)
from publish.space_card import is_emoji
from publish.space_files import MARKER_FILE, README_FILE, Marker, read_marker
from publish.space_refusals import NotASetting, NotOurs, PrivateModel, SpaceEdited, refusal
from publish.upload import files_there, text_there

if TYPE_CHECKING:
    from huggingface_hub import HfApi, SpaceInfo

MODEL_ID = "MODEL_ID"
MODEL_REVISION = "MODEL_REVISION"
TRAINING = "TRAINING"
TOKEN_SECRET = "HF_TOKEN"

_LEFT_BY_THE_HUB = {".gitattributes", README_FILE}
"""What a Space holds that was created and never filled."""


@dataclass(frozen=True)
class SpaceSettings:
    """What is asked for.

    Args:
        space_id: "user/space".
        model_id: "user/model" on the Hub.
        model_revision: its branch, tag or commit; None for main. The Space is pinned to the commit.
        hardware: one of `hub_facts.HARDWARE`; None leaves a Space on what it has, and asks for
            ZeroGPU for a new one.
        private: for a new one; an existing one that is public is refused then.
        title: None leaves it, or takes the model's name.
        emoji: None leaves it, or takes ours.
        training: whether it trains without ZeroGPU, too; None leaves it, or says no.
        force: overwrite a Space that wasn't made here, or was edited since.
    """

    space_id: str
    model_id: str
    model_revision: str | None = None
    hardware: str | None = None
    private: bool = False
    title: str | None = None
    emoji: str | None = None
    training: bool | None = None
    force: bool = False


@dataclass(frozen=True)
class SpaceSite:
    """What lies under a Space's name.

    Args:
        settings: what was asked for.
        user: whose token it is.
        token: the token.
        url: the Space's page.
        is_new: nothing is there yet.
        is_private: whether it is, or will be, private.
        model_is_private: whether a token is needed to read the model.
        hardware: what it is to run on.
        hardware_there: what it has or was asked for; None for a new one.
        head: the commit of its main branch.
        files: the path and digest of each file there.
        marker: what was put there by an earlier run, if it was.
        readme: its README.md.
        variables: those that are set.
    """

    settings: SpaceSettings
    user: str
    token: str = field(repr=False)
    url: str
    is_new: bool
    is_private: bool
    model_is_private: bool
    hardware: str
    hardware_there: str | None = None
    head: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    marker: Marker | None = None
    readme: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Whether the Space is to train without ZeroGPU, too."""
        if self.settings.training is not None:
            return self.settings.training
        return self.variables.get(TRAINING) == "on"


def look_at_space(
    settings: SpaceSettings, *, token: str | None = None, model_is_coming: bool = False
) -> SpaceSite:
    """Look at what is there, and refuse what can be refused before anything is changed.

    Args:
        settings: what is asked for.
        token: by default `HF_TOKEN` or the saved login.
        model_is_coming: the model is published later, and private then if the Space is.

    Raises:
        NotASetting: if a title, an emoji or the hardware can't be.
        NotOurs, SpaceEdited: if the Space holds somebody's own work, unless `force` is set.
        PrivateModel: if the Space would be public and its model isn't.
        HubError: if the name, the token or its rights won't do, or the Hub can't be reached.
    """
    from huggingface_hub import HfApi

    _check_settings(settings)
    token = find_token(token)
    api = HfApi(token=token)
    user = check_token(api, settings.space_id)
    model = find_model(api, settings.model_id)
    if model is None and not model_is_coming:
        raise ModelNotFound(
            f"no model {settings.model_id} is on the Hub, or this token may not read it: check the "
            "spelling, or publish it first (python -m publish model FOLDER USER/NAME)"
        )
    info = find_space(api, settings.space_id)
    if info is not None:
        check_right(api, settings.space_id, user, "Space")
        check_privacy(info, settings.private)
    is_private = settings.private if info is None else bool(info.private)
    model_is_private = is_private if model is None else bool(model.private or model.gated)
    if model_is_private and not is_private:
        _refuse_public_space(settings, is_new=info is None)
    site = SpaceSite(
        settings=settings,
        user=user,
        token=token,
        url=f"{api.endpoint}/spaces/{settings.space_id}",
        is_new=info is None,
        is_private=is_private,
        model_is_private=model_is_private,
        hardware=settings.hardware or hub_facts.ZERO_GPU,
    )
    return site if info is None else _look_inside(api, site, info)


def create_space(site: SpaceSite, variables: Mapping[str, str]) -> SpaceSite:
    """Create a Space that isn't there, empty, with its hardware and variables; look at it.

    Raises:
        PaymentRequired, TooManySpaces, AccountTooYoung, QuotaReached: if the account may not.
        HubError: if the Hub refuses it for another reason.
    """
    from huggingface_hub import HfApi

    settings = site.settings
    api = HfApi(token=site.token)
    try:
        with hub_errors(settings.space_id, kind="Space"):
            # Never with exist_ok: where the Space exists, that turns refusals into success.
            api.create_repo(
                settings.space_id,
                repo_type="space",
                private=settings.private or None,  # None leaves it to the owner's own default
                space_sdk=hub_facts.SDK,
                space_hardware=site.hardware,  # type: ignore[arg-type]  # an enum of strings
                space_variables=[{"key": k, "value": v} for k, v in variables.items()],
            )
    except HubError as error:
        if answered_with(error)[0] != hub_facts.CONFLICT:  # else somebody was quicker
            raise refusal(error, settings.space_id, site.hardware, site.user) from error
    created = look_at_space(settings, token=site.token, model_is_coming=True)
    if created.is_new:
        raise ModelNotFound(
            f"{settings.space_id} was created, but the Hub doesn't show it yet; try again"
        )
    return created


def _check_settings(settings: SpaceSettings) -> None:
    check_name(settings.space_id)
    check_name(settings.model_id)
    if settings.hardware not in (None, *hub_facts.HARDWARE):
        known = " or ".join(hub_facts.HARDWARE)
        raise NotASetting(f"{settings.hardware!r} isn't hardware that is asked for here: {known}")
    title, emoji = settings.title, settings.emoji
    if title is not None and not (title.strip() and title.isprintable()):
        raise NotASetting(f"{title!r} can't be a title: write one line of text")
    if emoji is not None and not is_emoji(emoji):
        raise NotASetting(f"{emoji!r} can't be a Space's emoji: give one emoji, nothing else")


def _refuse_public_space(settings: SpaceSettings, *, is_new: bool) -> None:
    way = (
        "ask for a private Space (--private; in training --hub_private_repo)"
        if is_new
        else "make the Space private on its page under Settings, or choose another name"
    )
    raise PrivateModel(
        f"{settings.model_id} is private or gated and {settings.space_id} would be public, where "
        f"anybody could have it write what it has learnt: {way}, or make the model public first"
    )


def _look_inside(api: HfApi, site: SpaceSite, info: SpaceInfo) -> SpaceSite:
    settings, head = site.settings, str(info.sha)
    files = files_there(api, settings.space_id, head, "Space")

    def text_of(path: str) -> str:
        return text_there(api, settings.space_id, path, head, "Space") if path in files else ""

    marker = read_marker(text_of(MARKER_FILE))
    if not settings.force:
        _check_ours(settings, files, marker)
    with hub_errors(settings.space_id, kind="Space"):
        runtime = api.get_space_runtime(settings.space_id)
        variables = api.get_space_variables(settings.space_id)
    there = str(runtime.requested_hardware or runtime.hardware or "") or None
    return SpaceSite(
        settings=settings,
        user=site.user,
        token=site.token,
        url=site.url,
        is_new=False,
        is_private=site.is_private,
        model_is_private=site.model_is_private,
        hardware=settings.hardware or there or site.hardware,
        hardware_there=there,
        head=head,
        files=files,
        marker=marker,
        readme=text_of(README_FILE),
        variables={name: variable.value for name, variable in variables.items()},
    )


def _check_ours(settings: SpaceSettings, files: Mapping[str, str], marker: Marker | None) -> None:
    if marker is None:
        if theirs := sorted(set(files) - _LEFT_BY_THE_HUB):
            raise NotOurs(
                f"{settings.space_id} is there already and wasn't made by this command (it holds "
                f"{_named(theirs)}): choose another name, or overwrite it with --force"
            )
        return
    edited = [path for path in sorted(marker.files) if _is_edited(path, files, marker)]
    if edited:
        raise SpaceEdited(
            f"in {settings.space_id} {_named(edited)} was edited since this command wrote it: keep "
            "the edit and leave the Space, or overwrite it with --force (its history keeps it)"
        )


def _is_edited(path: str, files: Mapping[str, str], marker: Marker) -> bool:
    digest = files.get(path)
    if digest is None or path == README_FILE:  # an edited README is kept, see space_card.py
        return False
    return len(digest) == 40 and digest != marker.files[path]  # longer: in LFS, another digest


def readme_is_edited(site: SpaceSite) -> bool:
    """Whether its owner has changed the README that an earlier run has written."""
    if site.marker is None or README_FILE not in site.files:
        return False
    return site.files[README_FILE] != site.marker.files.get(README_FILE)


def _named(paths: list[str]) -> str:
    more = len(paths) - 3
    return ", ".join(paths[:3]) + (f" and {more} more" if more > 0 else "")
