"""The model folder: config.json, model.safetensors, README.md, laid out as its Hub repo is.

Loading is strict and checks every size before memory is taken. Saving writes a new folder beside
the old one and swaps them. Knows nothing about the Hub or about training.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from model.config import ConfigError, ModelConfig
from model.schema import MOST_BYTES, one_line

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "README.md"
PLOT_FILE = "loss.png"

BUNDLED_MODEL = Path(__file__).parent / "pretrained"
BASE_MODEL = Path(__file__).parent / "base"
"""One that has read much English, for runs on little of it to start from."""

_MAX_HEADER_BYTES = 2**20  # of the weights; ours take less than 10,000


class ModelFolderError(Exception):
    """A model folder can't be used; the message names the file and what is wrong with it."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message)[:500])  # it may quote what a stranger wrote


@dataclass(frozen=True)
class Model:
    """A config and its float32 weights under PyTorch's names, of `config.parameter_shapes()`."""

    config: ModelConfig
    weights: dict[str, np.ndarray]


def find_model_folder(path: str | Path) -> Path:
    """The model folder that `path` means: itself, or, for a run's folder, the `model` in it.

    Raises:
        ModelFolderError: if there is neither.
    """
    folder = Path(path)
    for candidate in (folder, folder / "model"):
        if (candidate / CONFIG_FILE).is_file():
            return candidate
    if not folder.exists():
        raise ModelFolderError(f"{folder} doesn't exist")
    if (folder / "settings.json").is_file():
        raise ModelFolderError(f"the run {folder} has not written a model yet")
    raise ModelFolderError(f"{folder} is not a model folder: it has no {CONFIG_FILE}")


def load_model(path: str | Path) -> Model:
    """Load a model folder (or the model in a run's folder), strictly.

    Raises:
        ModelFolderError: if a file is missing or damaged, a tensor is missing, left over, of
            another shape or type than the config says, or not finite.
    """
    folder = find_model_folder(path)
    try:
        text = _beginning(folder / CONFIG_FILE, MOST_BYTES + 1)
        config = ModelConfig.from_json(text, str(folder / CONFIG_FILE))
    except ConfigError as error:
        raise ModelFolderError(str(error)) from error
    return Model(config, _read_weights(folder / WEIGHTS_FILE, config.parameter_shapes()))


def save_model(
    path: str | Path, model: Model, files: Mapping[str, bytes | str] | None = None
) -> None:
    """Write a model folder: whole, beside `path`, then swapped with what was there.

    What a killed writer left beside it is removed by the next save.

    Args:
        path: the model folder to write; an older model there is replaced as a whole.
        model: what to write.
        files: further files by name, such as the card and the plot; text is written as UTF-8.

    Raises:
        ModelFolderError: if `path` holds something that isn't a model.
        OSError: if the disk is full or not writable; an older model stays as it was.
    """
    folder = Path(path)
    if folder.exists() and not (folder / CONFIG_FILE).is_file() and any(folder.iterdir()):
        raise ModelFolderError(f"{folder} is in the way: it holds files but no model")
    weights = {k: np.ascontiguousarray(v, np.float32) for k, v in model.weights.items()}
    contents: dict[str, bytes | str] = {
        CONFIG_FILE: model.config.to_json(),
        WEIGHTS_FILE: serialize(weights, metadata={"format": "pt"}),
        **(files or {}),
    }
    new, old = (folder.with_name(f".{folder.name}.{kind}") for kind in ("new", "old"))
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        for name, content in contents.items():
            data = content.encode("utf-8") if isinstance(content, str) else content
            _write_durably(new / name, data)
        sync_folder(new)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable, where the system can open folders (not Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_durably(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _beginning(path: Path, size: int) -> bytes:
    """The first `size` bytes of a file: of no device, and of none of /proc, which are "empty"."""
    try:
        if not path.is_file() or path.stat().st_size == 0:
            raise ModelFolderError(f"{path} is missing or empty")
        with open(path, "rb") as file:
            return file.read(size)
    except OSError as error:
        raise ModelFolderError(f"{path} can't be read: {error.strerror}") from error


def _read_weights(path: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    header = int.from_bytes(_beginning(path, 8), "little")
    if header > _MAX_HEADER_BYTES:
        raise ModelFolderError(f"{path} is damaged or not a safetensors file: a head of {header:,}")
    try:
        with safe_open(path, framework="np") as file:
            # The file's head says what is in it: all of it is checked before anything is read.
            found = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            for name in sorted(shapes.keys() ^ found.keys()):
                what = "lacks the tensor" if name in shapes else "holds an unknown tensor:"
                raise ModelFolderError(f"{path} {what} {name}")
            for name, tensor in found.items():
                kind, shape = tensor.get_dtype(), tuple(tensor.get_shape())
                if (kind, shape) != ("F32", shapes[name]):
                    raise ModelFolderError(
                        f"{path}: {name} is {kind} {shape}, the config wants F32 {shapes[name]}"
                    )
            weights = {name: np.array(file.get_tensor(name)) for name in shapes}
    except (SafetensorError, OSError) as error:
        raise ModelFolderError(f"{path} is damaged or not a safetensors file: {error}") from error
    for name, weight in weights.items():
        if not np.isfinite(weight).all():
            raise ModelFolderError(f"{path}: {name} holds values that are not finite")
    return weights
