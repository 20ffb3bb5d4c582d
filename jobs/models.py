"""The models that a visitor can chat with: the page's, their own, and on one's own computer any.

Knows nothing about sessions or pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from jobs import JobError, sentence
from jobs.generators import MOST_BYTES, Generators
from jobs.service import TrainingService
from model.config import ModelConfig
from model.facts import corpus_title
from model.folder import BUNDLED_MODEL, ModelFolderError, find_model_folder
from model.generator import Generator
from model.hub import HubError, resolve_model

PAGE_MODEL = "(page)"
"""The key of the model that the page was started with."""

_RUN = "run "  # before the id of a visitor's run, in a key
_BUNDLED = "model/pretrained"  # as one names it in the project's folder


@dataclass(frozen=True)
class ChosenModel:
    """A model to chat with: not itself, which would stay in memory with whoever has chosen it."""

    find: Callable[[], Generator]  # ask at each answer; raises JobError when it is gone
    config: ModelConfig
    key: str = PAGE_MODEL
    name: str | None = None  # by which `python -m model` finds it
    revision: str | None = None  # its commit, if it came from the Hub

    def __deepcopy__(self, memo: object) -> ChosenModel:
        return self  # for Gradio, which copies what a session begins with

    @property
    def hub_id(self) -> str | None:
        """The repo that it came from."""
        return self.name if self.revision else None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.hub_id or corpus_title(self.config.training) or self.name or "this page's model"


def page_model(generator: Generator, model: str | Path | None = None) -> ChosenModel:
    """A model that stays in memory: that of a page, which was started with `model`."""
    name, revision = _known_as(generator, model)
    return ChosenModel(lambda: generator, generator.config, PAGE_MODEL, name, revision)


def run_key(run_id: str | None) -> str:
    """The key of a visitor's run."""
    return f"{_RUN}{run_id}"


def _known_as(generator: Generator, model: str | Path | None) -> tuple[str | None, str | None]:
    """The name by which a model was asked for, and the commit that the Hub gave."""
    if model is None or Path(model) == BUNDLED_MODEL:
        return _BUNDLED, None
    is_here, folder = Path(model).exists(), generator.folder
    return str(model), folder.name if folder and not is_here else None  # the cache names it so


class Models:
    """Lists and finds them.

    Args:
        page: the page's model.
        is_shared: others than the owner reach the page: each finds the page's and their own.
        service: keeps visitors' runs; None where nothing is trained.
        folder: of runs, whose models are offered on one's own computer.
    """

    def __init__(
        self,
        page: ChosenModel,
        is_shared: bool,
        service: TrainingService | None = None,
        folder: Path = Path("runs"),
    ) -> None:
        if is_shared and not page.revision and page.name != _BUNDLED:
            page = replace(page, name=None)  # a path of this machine
        self.page, self.is_shared = page, is_shared
        self._service, self._folder = service, folder
        self._generators = Generators()

    def choices(self, secret: str | None) -> list[tuple[str, str]]:
        """What a visitor can choose: what to call it, and its key."""
        found = [(self.page.title, PAGE_MODEL)]
        if not self.is_shared:
            if self.page.name != _BUNDLED:
                found.append(("The bundled model", _BUNDLED))
            found += ((path.as_posix(), path.as_posix()) for path in self._runs())
        for run in self._service.runs(secret) if self._service else []:
            if run.status.has_model and not run.is_active:
                found.append((run.title, run_key(run.id)))
        return found

    def find(self, secret: str | None, key: str) -> ChosenModel:
        """The model that a key means, or a Hub id; the latter may take a while.

        Raises:
            JobError: if it can't be had; a sentence for the visitor.
        """
        if key == PAGE_MODEL:
            return self.page
        if key.startswith(_RUN) and self._service:
            run_id = key.removeprefix(_RUN)
            find = partial(self._service.generator, secret, run_id)
            config = find().config
            folder = self._service.found(secret, run_id).folder
            return ChosenModel(find, config, key, None if self.is_shared else str(folder))
        if self.is_shared:
            raise JobError("This page has no such model.")
        path = BUNDLED_MODEL if key == _BUNDLED else key
        try:
            folder = resolve_model(path, most_bytes=MOST_BYTES)
        except (HubError, ModelFolderError) as error:
            raise JobError(f"{key} can't be used: {error}.") from error
        find = partial(self._generator, folder)
        generator = find()
        return ChosenModel(find, generator.config, key, *_known_as(generator, path))

    def _generator(self, folder: Path) -> Generator:
        try:
            return self._generators.find(folder)
        except ModelFolderError as error:
            raise JobError(sentence(str(error))) from error

    def _runs(self) -> Iterator[Path]:
        for path in sorted(self._folder.glob("*/")):
            try:
                find_model_folder(path)
            except ModelFolderError:
                continue
            yield path
