"""The house's rules, read from its own files: imports, lengths, pins, front matter.

Looks at the syntax tree of each file and runs none of them. Knows nothing of what the code does.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import metadata_load

ROOT = Path(__file__).parents[1]
# Each room may import itself and those before it, never one after it.
ROOMS = ("model", "publish", "training", "jobs", "ui", "app")
MAY_IMPORT_TORCH = {
    "model/char_lstm.py",
    "training/evaluate.py",
    "training/hello.py",
    "training/loop.py",
    "training/plan.py",
    "training/train.py",
}  # and training/optim/
MOST_LINES = 400
MOST_FILES = 13  # of Python directly in one folder, with its __init__.py
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def project_files(*suffixes: str) -> list[Path]:
    """The project's own files, without environments, caches and runs."""
    found = []
    for top in ROOT.iterdir():
        if top.is_file():
            found.append(top)
        elif not (top.name.startswith(".") or top.name == "runs" or (top / "pyvenv.cfg").exists()):
            found.extend(path for path in top.rglob("*") if path.is_file())
    return sorted(path for path in found if path.suffix in suffixes)


def trees(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    """(path from the root, syntax tree) of each Python file in these rooms, or of all files."""
    for path in project_files(".py"):
        name = path.relative_to(ROOT).as_posix()
        if not rooms or name.removesuffix(".py").split("/")[0] in rooms:
            yield name, ast.parse(path.read_text(encoding="utf-8"), filename=name)


def imports(tree: ast.AST) -> set[str]:
    """What a tree imports, as dotted names: `from a.b import c` is `a.b.c`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update(
                f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names
            )
    return found


def is_in(name: str, module: str) -> bool:
    """Whether a dotted name is a module or lies in it."""
    return name == module or name.startswith(f"{module}.")


def test_no_room_imports_one_to_its_left() -> None:
    wrong = []
    for position, room in enumerate(ROOMS):
        for name, tree in trees(room):
            to_the_left = (*ROOMS[position + 1 :], "tests", "benchmarks")
            wrong += [
                f"{name} imports {imported}"
                for imported in imports(tree)
                if any(is_in(imported, other) for other in to_the_left)
            ]
    assert wrong == []


def test_torch_is_imported_only_where_a_network_is_trained() -> None:
    importing = {
        name for name, tree in trees(*ROOMS) if any(is_in(i, "torch") for i in imports(tree))
    }
    optim = {name for name in importing if name.startswith("training/optim/")}
    assert importing - optim == MAY_IMPORT_TORCH


def test_the_page_starts_without_torch() -> None:
    code = "import sys, app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_imports_are_found_wherever_they_stand() -> None:
    tree = ast.parse(
        "import torch.nn as nn\nfrom ui import chat\ndef f():\n    from training.run import Run"
    )
    assert imports(tree) == {"torch.nn", "ui.chat", "training.run.Run"}
    assert is_in("torch.nn", "torch")
    assert not is_in("torchvision", "torch")


def test_no_file_has_outgrown_one_idea() -> None:
    files = [*project_files(".py", ".js", ".css", ".md", ".toml"), ROOT / "Makefile"]
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in files
    }
    assert "app.py" in lengths
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_folder_has_too_many_files_to_find_ones_way_in() -> None:
    folders = Counter(
        path.parent.relative_to(ROOT).as_posix()
        for path in project_files(".py")
        if path.relative_to(ROOT).parts[0] in ROOMS
    )
    assert "training" in folders
    assert {name: count for name, count in folders.items() if count > MOST_FILES} == {}


def test_the_readme_makes_this_folder_a_space_that_the_hub_accepts() -> None:
    front_matter = metadata_load(ROOT / "README.md")
    assert front_matter is not None
    assert front_matter["title"]
    assert front_matter["emoji"]
    assert {front_matter["colorFrom"], front_matter["colorTo"]} <= COLOURS
    assert front_matter["sdk"] == "gradio"
    assert front_matter["python_version"] == "3.12.12"  # ZeroGPU's other one is older than ours
    assert (ROOT / front_matter["app_file"]).is_file()
    assert front_matter["license"] == "mit"
    assert len(front_matter["short_description"]) <= 60


def test_the_space_runs_the_gradio_that_is_pinned() -> None:
    front_matter = metadata_load(ROOT / "README.md")
    requirements = (ROOT / "requirements-app.txt").read_text(encoding="utf-8")
    pinned = re.search(r"^gradio==(\S+)$", requirements, flags=re.MULTILINE)
    assert front_matter is not None
    assert pinned is not None
    assert front_matter["sdk_version"] == pinned[1]


def test_what_ci_installs_is_pinned_with_hashes_and_is_what_is_asked_for() -> None:
    lock = (ROOT / "requirements-lock.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^(\S+)==(\S+) \\\n    --hash=sha256:", lock, flags=re.MULTILINE))
    assert len(locked) == len(re.findall(r"^\w", lock, flags=re.MULTILINE)) > 50
    for name in ("-app", "", "-dev"):
        asked = (ROOT / f"requirements{name}.txt").read_text(encoding="utf-8")
        for package, version in re.findall(r"^([\w-]+)==(\S+)$", asked, flags=re.MULTILINE):
            assert locked[package.replace("_", "-").lower()] == version
