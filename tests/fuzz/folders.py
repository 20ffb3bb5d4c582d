"""Hostile model folders: each is refused in a sentence, or all that is made of a model is sound."""

from __future__ import annotations

import json
import random
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

from huggingface_hub import RepoCard

from model.__main__ import main as model_command
from model.config import ModelConfig
from model.folder import (
    BUNDLED_MODEL,
    CONFIG_FILE,
    WEIGHTS_FILE,
    ModelFolderError,
    load_model,
    save_model,
)
from model.generator import Generator
from model.sampling import SamplingParams
from publish.card import model_card
from publish.model import what_becomes_public
from publish.space_card import ServedModel, space_readme
from tests.fuzz.mutations import mutated_bytes, mutated_json, to_json
from tests.random_model import random_model
from ui.about import describe_model, examples, heading
from ui.run_view import describe_result

SLOW_S = 2.0
"""No folder of the size of a small model may take longer than this, on a busy machine."""


def fuzz_config(rng: random.Random, folder: Path, good: Path) -> str:
    """Mutate config.json. Returns what became of it; raises AssertionError for a fault."""
    data = json.loads((good / CONFIG_FILE).read_bytes())
    kind = rng.random()
    if kind < 0.4:
        data["training"] = mutated_json(rng, data["training"])
        content = to_json(data).encode("utf-8", "surrogatepass")
    elif kind < 0.8:
        content = to_json(mutated_json(rng, data)).encode("utf-8", "surrogatepass")
    else:
        content = mutated_bytes(rng, to_json(data).encode("utf-8"))
    (folder / CONFIG_FILE).write_bytes(content)
    (folder / WEIGHTS_FILE).write_bytes((good / WEIGHTS_FILE).read_bytes())
    return _tried(folder)


def fuzz_weights(rng: random.Random, folder: Path, good: Path) -> str:
    """Mutate model.safetensors, its header as JSON or its bytes."""
    content = (good / WEIGHTS_FILE).read_bytes()
    size = int.from_bytes(content[:8], "little")
    if rng.random() < 0.5:
        header = to_json(mutated_json(rng, json.loads(content[8 : 8 + size])))
        told = header.encode("utf-8", "surrogatepass")
        content = len(told).to_bytes(8, "little") + told + content[8 + size :]
    else:
        content = mutated_bytes(rng, content)
    (folder / CONFIG_FILE).write_bytes((good / CONFIG_FILE).read_bytes())
    (folder / WEIGHTS_FILE).write_bytes(content)
    return _tried(folder)


FOLDERS: dict[str, Callable[[random.Random, Path, Path], str]] = {
    "config.json": fuzz_config,
    "model.safetensors": fuzz_weights,
}


def good_folder(path: Path) -> Path:
    """A small model that has all that a config tells of training and of a dialogue."""
    config = load_model(BUNDLED_MODEL).config
    model = random_model(template=config.chat_template, training=config.training)
    save_model(path, model)
    return path


def _tried(folder: Path) -> str:
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            _use(folder)
        became = "used"
    except ModelFolderError as error:
        told = str(error)
        assert len(told) < 1_000, f"{len(told):,} characters are no sentence"
        assert told.isprintable(), f"can't be printed: {told!r}"
        became = "refused"
    spent = time.process_time() - began
    assert spent < SLOW_S, f"took {spent:.1f} s of processor time"
    return became


def _use(folder: Path) -> None:
    """All that is made of a model by the command line, the card, the page and the Hub."""
    model = load_model(folder)
    config = model.config
    said = TextIOWrapper(BytesIO(), encoding="utf-8", newline="")
    with redirect_stdout(said):
        try:
            model_command(["info", str(folder)])
        except SystemExit as end:
            raise AssertionError(f"it was loaded, and info says: {end}") from end
    said.seek(0)
    for line in said.read().splitlines():
        assert line.isprintable(), f"info prints {line!r}"
    for line in "\n".join(what_becomes_public(config, "user/name")).splitlines():
        assert line.isprintable(), f"publishing prints {line!r}"
    for page in (describe_model(config, None), heading(config), describe_result(config.training)):
        assert "<img" not in page, f"markup on the page: {page[:300]}"
    served = ServedModel("user/name", config, "0" * 40)
    card = model_card(config, repo_id="user/name", has_plot=False)
    for text in (card, space_readme(served, trains=False)):
        RepoCard(text)  # as the Hub reads it: its front matter is YAML
    examples(config, config.chat_template)
    assert ModelConfig.from_json(config.to_json()) == config
    Generator(model).generate("a", SamplingParams(length=3, seed=1))


def run_folders(seeds: range, scratch: Path, good: Path) -> tuple[Counter[str], list[str]]:
    """Try these seeds on each file. What became of how many, and the faults in a line each."""
    became: Counter[str] = Counter()
    faults = []
    folder = scratch / "folder"
    folder.mkdir(exist_ok=True)
    for seed in seeds:
        for name, fuzz in FOLDERS.items():
            try:
                became[f"{name}: {fuzz(random.Random(seed), folder, good)}"] += 1
            except Exception as error:  # noqa: BLE001  # the fault that is looked for
                faults.append(f"{name}, seed {seed}: {type(error).__name__}: {str(error)[:300]}")
    return became, faults
