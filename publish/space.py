"""A model on the Hub becomes a Space that serves it, or one that is there is brought up to date.

Everything of ours is uploaded, in one commit; what its owner has added stays. Asks nobody: a caller
shows what `check_space` returns and asks in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from model.config import ConfigError, ModelConfig
from model.folder import CONFIG_FILE, WEIGHTS_FILE
from model.hub import FILES, HubError, NotACharLSTM, NotFound, Refused, hub_errors
from publish.hub import (
    SDK,
    WHO_MAY_HOST,
    ZERO_GPU,
    check_may_publish,
    commit_files,
    find_repo,
    find_token,
    read_text,
)
from publish.space_card import TAG, ServedModel, space_readme
from publish.space_files import is_in_our_folders, project_files, requirements
from publish.waiting import wait_until_running

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TOKEN_SECRET = "HF_TOKEN"

_LEFT_BY_THE_HUB = {".gitattributes", "README.md"}
"""What a Space holds that was created and never filled."""
_OLD_MARKER = "charlstm-space.json"
"""By which an earlier version knew its own Spaces."""
_MOST_NAMED = 4


@dataclass(frozen=True)
class PublishedSpace:
    """What is on the Hub now.

    Args:
        space_id: "user/space".
        url: the page to look at.
        commit: the head of the Space.
        is_running: whether it was seen to run.
        lacks_token: whether its model needs a token and the Space has no secret with one.
    """

    space_id: str
    url: str
    commit: str
    is_running: bool
    lacks_token: bool


@dataclass(frozen=True)
class _Site:
    """What lies under a Space's name, and the model that it is to serve."""

    api: HfApi
    model: ServedModel
    is_private: bool
    hardware: str
    trains: bool  # without ZeroGPU, too
    head: str | None = None  # None for a Space that isn't there
    moves: bool = False  # to other hardware than it has
    front_matter: Mapping[str, Any] = field(default_factory=dict)  # {} if the Space isn't ours
    variables: Mapping[str, str] = field(default_factory=dict)  # those that are set
    gone: Sequence[str] = ()  # files of an earlier version


def check_space(
    model_id: str,
    space_id: str,
    *,
    revision: str | None = None,
    hardware: str | None = None,
    private: bool = False,
    training: bool | None = None,
    force: bool = False,
    token: str | None = None,
    model_is_coming: bool = False,
) -> list[str]:
    """What `publish_space` would create or change, in sentences; refuses what it can early.

    Changes nothing. The arguments are those of `publish_space`, and:

    Args:
        model_is_coming: the model is published later, as a private one if the Space is private.

    Raises:
        HubError: if a name, the token or its rights won't do, if the model isn't a CharLSTM, or is
            private and the Space public, if the Space holds somebody's own work, or if the Hub
            can't be reached.
    """
    is_there = not model_is_coming
    site = _look(model_id, space_id, revision, hardware, private, training, force, token, is_there)
    if site.head is None:
        who = "only you can see" if site.is_private else "anybody can see and use"
        lines = [f"This creates the Space {space_id}, which {who}, on {site.hardware}."]
    else:
        lines = [f"This updates the app in the Space {space_id}; other files in it stay."]
        if site.moves:
            lines.append(f"It moves to {site.hardware}.")
        if site.gone:
            lines.append(f"Deleted, as the app no longer has them: {_listed(site.gone)}")
    at = f" at {site.model.commit[:8]}" if site.model.commit else ""
    lines.append(f"It serves {model_id}{at}.")
    if site.hardware == ZERO_GPU:
        lines.append("Chatting is free; visitors who train spend GPU time of their own quota.")
    elif site.trains:
        lines.append("Visitors may train a model there, on its processors.")
    return lines


def publish_space(
    model_id: str,
    space_id: str,
    *,
    revision: str | None = None,
    hardware: str | None = None,
    private: bool = False,
    title: str | None = None,
    emoji: str | None = None,
    training: bool | None = None,
    force: bool = False,
    token: str | None = None,
    token_for_model: str | None = None,
    report: Callable[[str], None] = lambda _: None,
    wait: bool = True,
) -> PublishedSpace:
    """Create a Space that serves a model, or bring one up to date.

    Args:
        model_id: "user/model" on the Hub.
        space_id: "user/space".
        revision: the model's branch, tag or commit; None for main. The Space is pinned to the
            commit.
        hardware: one of `publish.hub.HARDWARE`; None leaves a Space on what it has, and asks for
            ZeroGPU for a new one.
        private: create a private Space.
        title: None for the one that is there, or the model's name.
        emoji: None for the one that is there, or a feather.
        training: whether visitors may train without ZeroGPU, too; None leaves it, or says no.
        force: overwrite a Space that wasn't made here.
        token: by default `HF_TOKEN` or the saved login.
        token_for_model: to store as the Space's secret HF_TOKEN, for a model that needs one.
        report: told each step in a line, as it begins.
        wait: return when the Space runs.

    Raises:
        Refused: if the account may not host it, or the token may not write there.
        HubError: as `check_space`, or if it can't be built or started. What was done before stays;
            publishing again continues.
    """
    site = _look(model_id, space_id, revision, hardware, private, training, force, token)
    api, model = site.api, site.model
    if token_for_model is not None and not model.needs_token:
        raise HubError(f"anybody can read {model_id}, so its Space needs no token")
    variables = {"MODEL_ID": model_id, "MODEL_REVISION": model.commit}
    if site.trains:
        variables["TRAINING"] = "on"
    elif training is False and "TRAINING" in site.variables:
        variables["TRAINING"] = "off"
    head = _set_up(site, space_id, variables, report)
    lacks_token = False
    with hub_errors(space_id, kind="Space"):
        if token_for_model is not None:
            report(f"Storing the secret {TOKEN_SECRET}")
            api.add_space_secret(space_id, TOKEN_SECRET, token_for_model)
        elif model.needs_token:
            lacks_token = TOKEN_SECRET not in api.get_space_secrets(space_id)
    files = space_files(model, site.hardware, site.trains, title, emoji, site.front_matter)
    report(f"Uploading {len(files)} files to {space_id}")
    commit = commit_files(
        api,
        space_id,
        files,
        message=f"Serve {model_id} at {model.commit[:8]} with CharLSTM",
        parent=head,
        deleted=site.gone,
        kind="Space",
    )
    url = f"{api.endpoint}/spaces/{space_id}"
    is_running = wait and wait_until_running(api, space_id, commit, url, report)
    return PublishedSpace(space_id, url, commit, is_running, lacks_token)


def space_files(
    model: ServedModel,
    hardware: str,
    training: bool,
    title: str | None = None,
    emoji: str | None = None,
    there: Mapping[str, Any] = {},
) -> dict[str, bytes]:
    """All that a Space holds of ours, by path; `there` is the front matter that it has already."""
    trains = training or hardware == ZERO_GPU
    readme = space_readme(model, trains=trains, title=title, emoji=emoji, there=there)
    asked = requirements(hardware=hardware, training=training)
    return {**project_files(), "README.md": readme.encode(), "requirements.txt": asked.encode()}


def find_served_model(api: HfApi, model_id: str, revision: str | None = None) -> ServedModel:
    """What a Space needs to know of a model on the Hub.

    Raises:
        NotFound: if it isn't there.
        NotACharLSTM: if it is another kind of model, or none.
    """
    info = find_repo(api, model_id, revision=revision)
    if info is None:
        raise NotFound(
            f"no model {model_id} is on the Hub, or this token may not read it: check the "
            "spelling, or publish it first"
        )
    commit, there = str(info.sha), {file.rfilename for file in info.siblings or []}
    if missing := [name for name in (CONFIG_FILE, WEIGHTS_FILE) if name not in there]:
        raise NotACharLSTM(f"{model_id} isn't a CharLSTM model: it has no {missing[0]}")
    try:
        config = ModelConfig.from_json(read_text(api, model_id, CONFIG_FILE, commit), CONFIG_FILE)
    except ConfigError as error:
        raise NotACharLSTM(f"{model_id} can't be used: {error}") from error
    files = tuple(name for name in FILES if name in there)
    return ServedModel(model_id, config, commit, bool(info.private or info.gated), files)


def _look(
    model_id: str,
    space_id: str,
    revision: str | None,
    hardware: str | None,
    private: bool,
    training: bool | None,
    force: bool,
    token: str | None,
    model_is_there: bool = True,
) -> _Site:
    """What is there, looked at before anything is changed. Refuses as `check_space` says."""
    from huggingface_hub import HfApi

    api = HfApi(token=find_token(token))
    info = check_may_publish(api, space_id, "Space", private=private)
    is_private = private if info is None else bool(info.private)
    if model_is_there:
        model = find_served_model(api, model_id, revision)
    else:
        before = find_repo(api, model_id)
        is_hidden = is_private if before is None else bool(before.private or before.gated)
        model = ServedModel(model_id, needs_token=is_hidden)
    if model.needs_token and not is_private:
        raise HubError(
            f"{model_id} is private or gated, and in a public Space anybody could have it write "
            f"what it has learnt: make {space_id} private, or the model public"
        )
    if info is None:
        return _Site(api, model, is_private, hardware or ZERO_GPU, bool(training))
    files = [file.rfilename for file in info.siblings or []]
    theirs = [path for path in files if path not in _LEFT_BY_THE_HUB]
    matter = info.card_data.to_dict() if info.card_data else {}
    is_ours = TAG in (matter.get("tags") or []) or _OLD_MARKER in files
    if theirs and not is_ours and not force:
        raise HubError(
            f"{space_id} is there already and wasn't made with CharLSTM (it holds "
            f"{_listed(theirs)}): choose another name; only force overwrites it"
        )
    with hub_errors(space_id, kind="Space"):
        runtime = api.get_space_runtime(space_id)
        variables = {name: v.value for name, v in api.get_space_variables(space_id).items()}
    has = str(runtime.requested_hardware or runtime.hardware or ZERO_GPU)
    kept = project_files()
    gone = [p for p in theirs if p == _OLD_MARKER or (is_in_our_folders(p) and p not in kept)]
    return _Site(
        api=api,
        model=model,
        head=str(info.sha),
        is_private=is_private,
        hardware=hardware or has,
        moves=hardware not in (None, has),
        trains=variables.get("TRAINING") == "on" if training is None else training,
        variables=variables,
        front_matter=matter if is_ours else {},
        gone=gone if is_ours else [],
    )


def _listed(paths: Sequence[str]) -> str:
    more = len(paths) - _MOST_NAMED
    return ", ".join(paths[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _set_up(
    site: _Site, space_id: str, variables: Mapping[str, str], report: Callable[[str], None]
) -> str:
    """Create the Space if it isn't there, and set its hardware and variables; its head."""
    api = site.api
    try:
        with hub_errors(space_id, kind="Space"):
            if site.head is None:
                report(f"Creating {space_id} on {site.hardware}")
                # Never with exist_ok: where the Space exists, that turns refusals into success.
                # Hardware has to be asked for here: a free account is refused the default one.
                api.create_repo(
                    space_id,
                    repo_type="space",
                    private=site.is_private or None,  # None: the owner's own default
                    space_sdk=SDK,
                    space_hardware=site.hardware,  # type: ignore[arg-type]  # an enum of strings
                    space_variables=[{"key": k, "value": v} for k, v in variables.items()],
                )
                return str(api.space_info(space_id).sha)
            if site.moves:
                report(f"Asking for {site.hardware}")
                api.request_space_hardware(space_id, site.hardware)  # type: ignore[arg-type]
            for name, value in variables.items():
                if site.variables.get(name) != value:  # each that is set restarts it
                    api.add_space_variable(space_id, name, value)
            return site.head
    except Refused as error:
        raise Refused(f"{error}. {WHO_MAY_HOST}") from error
