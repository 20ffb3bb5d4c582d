"""A model on the Hub becomes a Space that serves it, or one that is there is brought up to date.

Everything of ours is uploaded, in one commit; what its owner has added stays. Asks nobody: a caller
shows the `lines` of what `check_space` finds, and asks in its own way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from model.folder import CONFIG_FILE
from model.hub import HubError, Refused, hub_errors, read_config
from model.schema import one_line
from publish.hub import (
    SDK,
    WHO_MAY_HOST,
    ZERO_GPU,
    Repo,
    check_repo,
    commit_files,
    find_repo,
    read_file,
)
from publish.space_card import TAG, ServedModel, space_readme
from publish.space_files import is_in_our_folders, project_files, requirements

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TOKEN_SECRET = "HF_TOKEN"

_SETTLES_IN = 20
"""Looks for which a Space may still show what it did before a commit."""


class Asked(TypedDict, total=False):
    """What a Space is to be; all of it may be left out."""

    hardware: str | None  # of `publish.hub.HARDWARE`; None: what the Space has, or else ZeroGPU
    private: bool  # create a private Space
    training: bool  # visitors may train without ZeroGPU, too; once allowed, they still may
    force: bool  # overwrite a Space that wasn't made here
    token: str | None  # None: `HF_TOKEN` or the saved login


@dataclass(frozen=True)
class PublishedSpace:
    """What is on the Hub now."""

    space_id: str
    url: str
    commit: str  # the head of the Space
    is_running: bool  # as far as that was waited for
    lacks_token: bool  # its model needs one, and the Space has no secret with one


@dataclass(frozen=True)
class Site:
    """What lies under a Space's name, and what it is to become."""

    repo: Repo
    hardware: str
    moves: bool  # to other hardware than it has
    trains: bool  # without ZeroGPU, too
    front_matter: Mapping[str, Any]  # {} if the Space isn't ours
    variables: Mapping[str, str | None]  # those that are set
    gone: Sequence[str]  # files of an earlier version
    lines: Sequence[str]  # what publishing creates or changes, in sentences


def check_space(model_id: str, space_id: str, **asked: Unpack[Asked]) -> Site:
    """Look where `publish_space` would publish; changes nothing, and refuses early what it can.

    Args:
        model_id: "user/model"; it need not be there yet.
        space_id: "user/space".
        asked: see `Asked`.

    Raises:
        HubError: as `publish.hub.check_repo`, if the model is private and the Space public, or if
            the Space holds somebody's own work.
    """
    private, token = asked.get("private", False), asked.get("token")
    repo = check_repo(space_id, "Space", private=private, token=token)
    api, info, model = repo.api, repo.info, find_repo(repo.api, model_id)
    if model is not None and (model.private or model.gated) and not repo.is_private:
        raise HubError(
            f"{model_id} is private or gated, and in a public Space anybody could have it write "
            f"what it has learnt: make {space_id} private, or the model public"
        )
    has = hardware = asked.get("hardware") or ZERO_GPU
    matter: dict[str, Any] = {}
    variables: dict[str, str | None] = {}
    gone: list[str] = []
    if info is None:
        who = "only you can see" if repo.is_private else "anybody can see and use"
        lines = [f"This creates the Space {space_id}, which {who}, on {hardware}."]
    else:
        lines = [f"This updates the app in the Space {space_id}; other files in it stay."]
        files = [file.rfilename for file in info.siblings or []]
        theirs = [path for path in files if path not in (".gitattributes", "README.md")]
        there = info.card_data.to_dict() if info.card_data else {}
        if TAG in (there.get("tags") or []):
            matter, kept = there, project_files()
            gone = [path for path in theirs if is_in_our_folders(path) and path not in kept]
        elif theirs and not asked.get("force"):
            raise HubError(
                f"{space_id} is there already and wasn't made with CharLSTM (it holds "
                f"{', '.join(theirs[:4])}): choose another name; only force overwrites it"
            )
        with hub_errors(space_id, kind="Space"):
            runtime = api.get_space_runtime(space_id)
            variables = {name: v.value for name, v in api.get_space_variables(space_id).items()}
        has = str(runtime.requested_hardware or runtime.hardware or ZERO_GPU)
        hardware = asked.get("hardware") or has
    trains = asked.get("training", False) or variables.get("TRAINING") == "on"
    lines += [f"It moves to {hardware}."] if hardware != has else []
    lines += [f"Deleted, as the app no longer has them: {', '.join(gone)}"] if gone else []
    lines.append(f"It serves {model_id}.")
    if hardware == ZERO_GPU:
        lines.append("Chatting is free; visitors who train spend GPU time of their own quota.")
    elif trains:
        lines.append("Visitors may train a model there, on its processors.")
    return Site(repo, hardware, hardware != has, trains, matter, variables, gone, lines)


def publish_space(
    model_id: str,
    space_id: str,
    *,
    revision: str | None = None,
    report: Callable[[str], None] = lambda _: None,
    wait: bool = True,
    **asked: Unpack[Asked],
) -> PublishedSpace:
    """Create a Space that serves a model, or bring one up to date.

    Args:
        model_id: "user/model" on the Hub.
        space_id: "user/space".
        revision: of the model: branch, tag or commit; None for main. The Space keeps the commit.
        report: told each step in a line, as it begins.
        wait: return when the Space runs.
        asked: see `Asked`.

    Raises:
        NotFound: if the model isn't there.
        NotACharLSTM: if it is another kind of model, or none.
        HubError: as `check_space`, if the account may not host it, or if it can't be built or
            started. What was done before stays; publishing again continues.
    """
    site = check_space(model_id, space_id, **asked)
    api, info = site.repo.api, site.repo.info
    model = find_served_model(api, model_id, revision)
    variables = {"MODEL_ID": model_id, "MODEL_REVISION": model.commit}
    if site.trains:
        variables["TRAINING"] = "on"
    try:
        with hub_errors(space_id, kind="Space"):
            if info is None:
                report(f"Creating {space_id} on {site.hardware}")
                # Never with exist_ok: where the Space exists, that turns refusals into success.
                # Hardware has to be asked for here: a free account is refused the default one.
                api.create_repo(
                    space_id,
                    repo_type="space",
                    private=site.repo.is_private or None,  # None: the owner's own default
                    space_sdk=SDK,
                    space_hardware=site.hardware,  # type: ignore[arg-type]  # an enum of strings
                )
            elif site.moves:
                report(f"Asking for {site.hardware}")
                api.request_space_hardware(space_id, site.hardware)  # type: ignore[arg-type]
            for name, value in variables.items():
                if site.variables.get(name) != value:  # each that is set restarts it
                    api.add_space_variable(space_id, name, value)
            lacks_token = model.needs_token and TOKEN_SECRET not in api.get_space_secrets(space_id)
            info = info or api.space_info(space_id)
    except Refused as error:
        raise Refused(f"{error}. {WHO_MAY_HOST}") from error
    files = space_files(model, site.hardware, site.trains, site.front_matter)
    report(f"Uploading {len(files)} files to {space_id}")
    commit = commit_files(
        site.repo,
        files,
        message=f"Serve {model_id} at {model.commit[:8]} with CharLSTM",
        parent=str(info.sha),
        deleted=site.gone,
    )
    url = f"{api.endpoint}/spaces/{space_id}"
    is_running = wait and _wait_until_running(api, space_id, commit, url, report)
    return PublishedSpace(space_id, url, commit, is_running, lacks_token)


def space_files(
    model: ServedModel, hardware: str, training: bool, there: Mapping[str, Any] = {}
) -> dict[str, bytes]:
    """All that a Space holds of ours, by path; `there` is the front matter that it has already."""
    readme = space_readme(model, trains=training or hardware == ZERO_GPU, there=there)
    needs = requirements(hardware=hardware, training=training)
    return {**project_files(), "README.md": readme.encode(), "requirements.txt": needs.encode()}


def find_served_model(api: HfApi, model_id: str, revision: str | None = None) -> ServedModel:
    """What a Space needs to know of a model on the Hub. Raises NotFound and NotACharLSTM."""
    with hub_errors(model_id, revision):
        info = api.model_info(model_id, revision=revision)
    commit = str(info.sha)
    config = read_config(read_file(api, model_id, CONFIG_FILE, commit), model_id)
    return ServedModel(model_id, config, commit, needs_token=bool(info.private or info.gated))


def _wait_until_running(
    api: HfApi, space_id: str, commit: str, url: str, report: Callable[[str], None]
) -> bool:
    """Whether the Space runs, once it is built. Raises HubError if it fails."""
    report(f"Waiting until it runs, which takes minutes: {url}")
    with hub_errors(space_id, kind="Space"):
        for _ in range(_SETTLES_IN):
            now = api.wait_for_space(space_id)  # a start of 30 minutes has failed, says the Hub
            if now.raw.get("sha") == commit:
                break
            time.sleep(1.0)  # the Hub still tells what was before the commit
    stage = str(now.stage)
    if stage.endswith("_ERROR"):
        said = one_line(str(now.raw.get("errorMessage") or "see the log on its page"))
        raise HubError(f"{space_id} doesn't run: the Hub says {stage} ({said})")
    if stage != "RUNNING":
        report(f"It isn't running (the Hub says {stage}): start it on its page.")
    return stage == "RUNNING"
