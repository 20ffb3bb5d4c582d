"""Which files of this project go into a Space, and what it asks pip for.

Knows nothing about the Hub.
"""

from __future__ import annotations

from pathlib import Path

from model.folder import (
    BASE_MODEL,
    BUNDLED_MODEL,
    CARD_FILE,
    CONFIG_FILE,
    PLOT_FILE,
    WEIGHTS_FILE,
)
from publish.hub import ZERO_GPU

ROOT = Path(__file__).parents[1]
"""The project, or the Space that this code runs in: both have all of it."""

_ALONE = ("app.py", "LICENSE")
_ROOMS = ("jobs", "model", "publish", "training", "ui")
_CODE = {".py", ".css", ".js", ".html", ".svg"}
_MODEL = (CONFIG_FILE, WEIGHTS_FILE, CARD_FILE, PLOT_FILE)

# Those of requirements-app.txt and requirements.txt (a test compares them) that a Space doesn't
# bring along. Written here, because a Space that makes another Space has neither file.
_SERVING = (
    *("charset-normalizer==3.5.2", "fastapi==0.165.0", "numpy==2.4.6", "safetensors==0.8.0"),
    "starlette==1.10.0",
)
_TRAINING = ("filelock==4.2.12", "matplotlib==3.11.2", "tqdm==4.70.1")
_TORCH = "torch>=2.8,<=2.13.0"


def requirements(*, hardware: str, training: bool) -> str:
    """The text of requirements.txt; `training` is whether a Space without ZeroGPU trains, too."""
    is_zero = hardware == ZERO_GPU
    lines = ["# The platform brings gradio, huggingface_hub and spaces, and on ZeroGPU torch."]
    lines += sorted((*_SERVING, *(_TRAINING if is_zero or training else ())))
    lines += [_TORCH] if training and not is_zero else []
    return "\n".join(lines) + "\n"


def project_files(root: Path = ROOT) -> dict[str, bytes]:
    """The app, its packages and the bundled models, by their paths from the root with "/"."""
    found = [root / name for name in _ALONE]
    for model in (BUNDLED_MODEL, BASE_MODEL):
        found += [root / model.relative_to(ROOT) / name for name in _MODEL]
    # By their kinds: a text or a model that somebody keeps in there isn't ours to publish.
    found += [p for room in _ROOMS for p in (root / room).rglob("*") if p.suffix in _CODE]
    paths = {path.relative_to(root): path for path in sorted(found) if path.is_file()}
    return {
        inside.as_posix(): path.read_bytes()
        for inside, path in paths.items()
        if not any(part.startswith(".") for part in inside.parts)
    }


def is_in_our_folders(path: str) -> bool:
    """Whether a path in a Space of ours is this project's, not its owner's."""
    return path in _ALONE or path.split("/")[0] in _ROOMS
