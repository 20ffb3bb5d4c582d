"""Which files make up a Space: this project's app and packages, its requirements, a marker.

By the marker a later run tells a Space that was made here from any other, and its own files in it
from its owner's. Knows nothing about the Hub.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from model.folder import BUNDLED_MODEL, CARD_FILE, CONFIG_FILE, PLOT_FILE, WEIGHTS_FILE
from model.hub import blob_digest
from publish import hub_facts

ROOT = Path(__file__).parents[1]
"""The project, or the Space that this code runs in: both have all of it."""

README_FILE = "README.md"
REQUIREMENTS_FILE = "requirements.txt"
MARKER_FILE = "charlstm-space.json"

_ALONE = ("app.py", "LICENSE")
_ROOMS = ("jobs", "model", "publish", "training", "ui")
_CODE = {".py", ".css", ".js", ".html", ".svg"}
_MODEL = (CONFIG_FILE, WEIGHTS_FILE, CARD_FILE, PLOT_FILE)

# Those of requirements-app.txt and requirements.txt (a test compares them) that a Space doesn't
# bring along. Written here, because a Space that makes another Space has neither file.
_SERVING = ("charset-normalizer==3.5.2", "numpy==2.4.6", "safetensors==0.8.0")
_TRAINING = ("filelock==4.2.12", "matplotlib==3.11.2", "tqdm==4.70.1")
_TORCH = "torch>=2.8,<=2.13.0"


class FolderInTheWay(Exception):
    """What is to be written into a folder would mix with what is there."""


@dataclass(frozen=True)
class Marker:
    """What the marker in a Space says.

    Args:
        space_id: the Space that it was written for; a duplicate keeps the original's.
        files: the path of each file that was put there, and git's digest of it; "" for one that
            its owner has edited and that was kept.
    """

    space_id: str
    files: Mapping[str, str]


def requirements(*, hardware: str, training: bool) -> str:
    """The text of requirements.txt: without what the platform installs itself.

    Args:
        hardware: ZeroGPU brings torch.
        training: whether a Space without ZeroGPU trains, too; then pip brings torch, gigabytes.
    """
    is_zero = hardware == hub_facts.ZERO_GPU
    lines = ["# The platform brings gradio, huggingface_hub and spaces, and on ZeroGPU torch."]
    lines += sorted((*_SERVING, *(_TRAINING if is_zero or training else ())))
    lines += [_TORCH] if training and not is_zero else []
    return "\n".join(lines) + "\n"


def project_files(root: Path = ROOT) -> dict[str, bytes]:
    """The app, its packages and the bundled model, by their paths from the root with "/".

    Raises:
        OSError: if one can't be read.
    """
    found = (path for path in _project_paths(root) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def _project_paths(root: Path) -> Iterator[Path]:
    yield from (root / name for name in _ALONE)
    for room in _ROOMS:
        # By their kinds: a text or a model that somebody keeps in there isn't ours to publish.
        for path in sorted((root / room).rglob("*")):
            is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
            if path.suffix in _CODE and not is_hidden:
                yield path
    yield from (root / BUNDLED_MODEL.relative_to(ROOT) / name for name in _MODEL)


def with_marker(
    files: Mapping[str, bytes], space_id: str, *, kept: Collection[str] = ()
) -> dict[str, bytes]:
    """`files` and the marker that lists them; those `kept` are their owner's, and stay so."""
    digests = {
        path: "" if path in kept else blob_digest(data, is_lfs=False)
        for path, data in sorted(files.items())
    }
    data = {"written_by": "python -m publish space", "space": space_id, "files": digests}
    return {**files, MARKER_FILE: (json.dumps(data, indent=1) + "\n").encode("utf-8")}


def read_marker(text: str) -> Marker | None:
    """What a marker says; None if that isn't one."""
    try:
        data = json.loads(text)
        files = {str(path): str(digest) for path, digest in data["files"].items()}
        return Marker(str(data["space"]), files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into an empty or a new folder.

    Raises:
        FolderInTheWay: if something is there.
        OSError: if it can't be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderInTheWay(f"{folder} isn't an empty folder: name another one to write into")
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
