"""The program in a card writes what we write, and needs nothing but the three packages it names."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from model.folder import load_model
from model.generator import Generator
from model.hub import resolve_model
from model.sampling import SamplingParams
from publish.model import publish_model
from tests.publish.test_card import snippet_of
from tests.random_model import saved_model

PROMPT = "The while statement is used for "


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_layers": 3, "hidden_size": 16},
        {"embedding_size": 8, "has_unknown": True},
        {"num_layers": 2, "has_unknown": True},
    ],
)
@pytest.mark.usefixtures("hub")
def test_the_program_in_the_card_writes_what_we_write(
    repo_id: str, tmp_path: Path, settings: dict[str, Any]
) -> None:
    program: dict[str, Any] = {}
    exec(published_program(repo_id, tmp_path, **settings), program)
    theirs = [program["generate"](prompt, 60, 0) for prompt in (PROMPT, "", "x")]
    generator, params = Generator(load_model(tmp_path)), SamplingParams(length=60, temperature=0)
    assert theirs == [generator.generate(prompt, params) for prompt in (PROMPT, "", "x")]
    assert len(set("".join(theirs))) > 8
    assert "\ufffd" not in program["generate"](PROMPT, 500, 5.0)


@pytest.mark.usefixtures("hub")
def test_the_program_in_the_card_needs_nothing_else(repo_id: str, tmp_path: Path) -> None:
    program = published_program(repo_id, tmp_path, num_layers=2)
    # The child runs apart from this project (-I) and finds no package but those named and theirs.
    child = f"""
import sys
class OnlyThese:
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        if top not in {importable("numpy", "safetensors", "huggingface_hub")!r} and (
            top not in sys.stdlib_module_names
        ):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, OnlyThese())
exec(sys.stdin.read())
import json
print(json.dumps(generate({PROMPT!r}, 60, 0)))
"""
    command = [sys.executable, "-I", "-c", child]
    result = subprocess.run(
        command, input=program, capture_output=True, encoding="utf-8", check=False
    )
    assert result.returncode == 0, result.stderr
    ours = Generator(load_model(tmp_path)).generate(
        PROMPT, SamplingParams(length=60, temperature=0)
    )
    assert json.loads(result.stdout.splitlines()[-1]) == ours


def published_program(repo_id: str, folder: Path, **settings: Any) -> str:
    """The program in the card of a random model, as it lies on the Hub."""
    publish_model(saved_model(folder, **settings), repo_id)
    return snippet_of((resolve_model(repo_id) / "README.md").read_text(encoding="utf-8"))


def importable(*distributions: str) -> set[str]:
    """What can be imported of these distributions and all that they need."""
    needed, waiting = set(), list(distributions)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in needed:
            needed.add(name)
            wanted = [Requirement(line) for line in requires(name) or []]
            waiting += [r.name for r in wanted if not r.marker or r.marker.evaluate({"extra": ""})]
    return {
        module
        for module, owners in packages_distributions().items()
        if any(owner.lower().replace("_", "-") in needed for owner in owners)
    }
