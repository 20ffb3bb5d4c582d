"""A page offers the models that its visitor may have, and fetches no more than it can hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import JobError
from jobs.limits import Limits
from jobs.models import PAGE_MODEL, Models, page_model, run_key
from jobs.service import TrainingService
from jobs.store import RunStore
from model.folder import BUNDLED_MODEL, CONFIG_FILE, WEIGHTS_FILE
from model.generator import Generator
from tests.finished_run import stored_run
from tests.hub_server import HubServer
from tests.random_model import random_model, saved_model

SECRET = "a visitor's own secret"
HUB_ID = "ann/novel"


def on_the_hub(hub: HubServer, folder: Path, more: bytes = b"") -> str:
    """A model's repo, and its commit."""
    hub.add_repo(HUB_ID)
    weights = (folder / WEIGHTS_FILE).read_bytes() + more
    files = {CONFIG_FILE: (folder / CONFIG_FILE).read_bytes(), WEIGHTS_FILE: weights}
    return hub.put(HUB_ID, files).oid


def page_of(tmp_path: Path) -> tuple[Path, Generator]:
    """The model that a page was started with."""
    folder = saved_model(tmp_path / "own", training={"title": "Own"})
    return folder, Generator.from_pretrained(folder)


def test_on_ones_own_computer_there_are_the_bundled_one_all_runs_and_any_of_the_hub(
    tmp_path: Path, hub: HubServer
) -> None:
    folder, generator = page_of(tmp_path)
    runs = tmp_path / "runs"
    saved_model(runs / "novel" / "model", training={"title": "A novel"}, seed=2)
    (runs / "unfinished").mkdir()
    models = Models(page_model(generator, folder), is_shared=False, folder=runs)
    assert models.choices("") == [
        ("Own", PAGE_MODEL),
        ("The bundled model", "model/pretrained"),
        (str(runs / "novel"), str(runs / "novel")),
    ]
    novel = models.find("", str(runs / "novel"))
    assert (novel.name, novel.revision, novel.title) == (str(runs / "novel"), None, "A novel")
    assert novel.find() is novel.find()
    assert models.find("", "model/pretrained").find().folder == BUNDLED_MODEL
    assert models.find("", PAGE_MODEL).find() is generator

    commit = on_the_hub(hub, folder)
    fetched = models.find("", HUB_ID)
    assert (fetched.name, fetched.revision, fetched.title) == (HUB_ID, commit, HUB_ID)
    assert fetched.find().generate("a") is not None
    requests = len(hub.requests)
    assert fetched.find() is fetched.find()
    assert len(hub.requests) == requests
    with pytest.raises(JobError, match=r"ann/nobody can't be used: .*check the spelling"):
        models.find("", "ann/nobody")


def test_what_is_too_large_is_refused_before_it_is_downloaded(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, generator = page_of(tmp_path)
    on_the_hub(hub, folder, more=bytes(2_000_000))
    monkeypatch.setattr("jobs.models.MOST_BYTES", 1e6)
    models = Models(page_model(generator, folder), is_shared=False)
    with pytest.raises(JobError, match=r"ann/novel has 2 MB, and here a model may have 1 MB"):
        models.find("", HUB_ID)
    assert not any("GET" in request and WEIGHTS_FILE in request for request in hub.requests)


def test_a_shared_page_has_its_own_model_and_each_visitors_and_names_no_path(
    tmp_path: Path, hub: HubServer
) -> None:
    folder, generator = page_of(tmp_path)
    limits = Limits.from_environment(
        {"TRAINING": "on", "TRAINING_FOLDER": str(tmp_path / "kept")}, "0.0.0.0"
    )
    run = stored_run(RunStore(limits), SECRET)
    service = TrainingService(limits, tmp_path / "uploads")
    models = Models(page_model(generator, folder), True, service, tmp_path)
    assert models.page.name is None
    assert models.choices(SECRET) == [("Own", PAGE_MODEL), ("My Novel", run_key(run.id))]
    assert models.find(SECRET, run_key(run.id)).name is None
    on_the_hub(hub, folder)
    for secret, key in (
        ("another visitor's secret", run_key(run.id)),
        (SECRET, str(folder)),
        (SECRET, HUB_ID),
        (SECRET, "model/pretrained"),
        (SECRET, run_key("../own")),
    ):
        with pytest.raises(JobError):
            models.find(secret, key)
    assert models.choices("another visitor's secret") == [("Own", PAGE_MODEL)]
    service.close()
    random = page_model(Generator(random_model()))  # as if it were the bundled one
    assert Models(random, is_shared=True).page.name == "model/pretrained"
