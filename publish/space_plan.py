"""What publishing would do to a Space: its files and variables, beside those that are there.

Reads the Hub and changes nothing on it. `publish/space.py` does what a plan says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model.config import ConfigError, ModelConfig
from model.folder import CONFIG_FILE, WEIGHTS_FILE
from model.hub import FILES, ModelNotFound, NotACharLSTM
from publish import hub_facts
from publish.access import find_model
from publish.space_card import SpaceFacts, space_readme
from publish.space_files import (
    README_FILE,
    REQUIREMENTS_FILE,
    project_files,
    requirements,
    with_marker,
)
from publish.space_site import (
    MODEL_ID,
    MODEL_REVISION,
    TRAINING,
    SpaceSettings,
    SpaceSite,
    readme_is_edited,
)
from publish.upload import changed_files, text_there


@dataclass(frozen=True)
class SpaceModel:
    """The model that a Space is for.

    Args:
        model_id: "user/model".
        commit: the sha that the Space is pinned to.
        config: what it says about itself.
        needs_token: whether it is private or gated.
        files: those of its files that the app reads.
    """

    model_id: str
    commit: str
    config: ModelConfig
    needs_token: bool
    files: tuple[str, ...]


@dataclass(frozen=True)
class SpacePlan:
    """What publishing would do to a Space.

    Args:
        site: what was found.
        model: the model that it is for.
        files: all that the Space is to hold of ours, by path.
        added, changed: those of `files` that aren't there, or otherwise.
        removed: what an earlier version had put there and is gone now.
        variables: those to set, because they aren't yet, or have another value.
    """

    site: SpaceSite
    model: SpaceModel
    files: Mapping[str, bytes]
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    variables: Mapping[str, str]

    @property
    def moves(self) -> bool:
        """Whether the Space gets other hardware."""
        return self.site.hardware_there not in (None, self.site.hardware)

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to do."""
        there_is = self.added or self.changed or self.removed or self.variables
        return bool(self.site.is_new or self.moves or there_is)


def find_space_model(
    model_id: str, revision: str | None = None, *, token: str | None = None
) -> SpaceModel:
    """What a Space needs to know of a model on the Hub.

    Raises:
        NotACharLSTM: if it is another kind of model, or none.
        HubError: if it isn't there, or the Hub can't be reached.
    """
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    info = find_model(api, model_id, revision)
    if info is None:
        raise ModelNotFound(f"no model {model_id} is on the Hub, or this token may not read it")
    commit, there = str(info.sha), {file.rfilename for file in info.siblings or []}
    if missing := [name for name in (CONFIG_FILE, WEIGHTS_FILE) if name not in there]:
        raise NotACharLSTM(f"{model_id} is no CharLSTM model: it has no {missing[0]}")
    try:
        config = ModelConfig.from_json(text_there(api, model_id, CONFIG_FILE, commit), CONFIG_FILE)
    except ConfigError as error:
        raise NotACharLSTM(f"{model_id} is no CharLSTM model that can be used: {error}") from error
    files = tuple(name for name in FILES if name in there)
    return SpaceModel(model_id, commit, config, bool(info.private or info.gated), files)


def space_files(settings: SpaceSettings, model: SpaceModel) -> dict[str, bytes]:
    """All that a new Space would hold, by path. Raises OSError if ours can't be read."""
    hardware = settings.hardware or hub_facts.ZERO_GPU
    return _files(settings, model, hardware=hardware, trains=bool(settings.training))


def plan_space(site: SpaceSite, model: SpaceModel) -> SpacePlan:
    """What publishing would change at a site. Raises OSError if our own files can't be read."""
    files = _files(
        site.settings,
        model,
        hardware=site.hardware,
        trains=site.trains,
        readme=site.readme if site.marker else "",
        is_edited=readme_is_edited(site),
    )
    different = changed_files(files, site.files)
    wanted = space_variables(site, model.commit)
    ours = site.marker.files if site.marker else {}
    return SpacePlan(
        site=site,
        model=model,
        files=files,
        added=tuple(path for path in different if path not in site.files),
        changed=tuple(path for path in different if path in site.files),
        removed=tuple(path for path in sorted(ours) if path in site.files and path not in files),
        variables={k: v for k, v in wanted.items() if site.variables.get(k) != v},
    )


def space_variables(site: SpaceSite, commit: str | None) -> dict[str, str]:
    """The variables that a Space is to have; without the revision as long as none is known."""
    variables = {MODEL_ID: site.settings.model_id}
    if commit is not None:
        variables[MODEL_REVISION] = commit
    if site.settings.training:
        variables[TRAINING] = "on"
    elif site.settings.training is False and TRAINING in site.variables:
        variables[TRAINING] = "off"
    return variables


def _files(
    settings: SpaceSettings,
    model: SpaceModel,
    *,
    hardware: str,
    trains: bool,
    readme: str = "",
    is_edited: bool = False,
) -> dict[str, bytes]:
    licence = model.config.training.get("license")
    facts = SpaceFacts(
        model_id=model.model_id,
        revision=model.commit,
        preload=() if model.needs_token else model.files,
        corpus=str(model.config.training.get("corpus") or ""),
        license=str(licence) if licence else None,
        title=settings.title,
        emoji=settings.emoji,
        trains=trains or hardware == hub_facts.ZERO_GPU,
    )
    files = project_files()
    files[README_FILE] = space_readme(facts, readme, is_edited=is_edited).encode("utf-8")
    files[REQUIREMENTS_FILE] = requirements(hardware=hardware, training=trains).encode("utf-8")
    return with_marker(files, settings.space_id, kept=(README_FILE,) if is_edited else ())
