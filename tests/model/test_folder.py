"""The model folder: strict when it is read, whole when it is written."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.chat.dialogue import ChatTemplate
from model.config import FORMAT_VERSION
from model.folder import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    ModelFolderError,
    find_model_folder,
    load_model,
    save_model,
)
from tests.random_model import random_model, saved_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return saved_model(tmp_path / "run" / "model", num_layers=2, embedding_size=8)


def refuse(folder: Path, message: str) -> None:
    """The model is refused in one line that names the folder."""
    with pytest.raises(ModelFolderError, match=message) as error:
        load_model(folder)
    assert str(error.value).isprintable()
    assert str(folder) in str(error.value)
    assert len(str(error.value)) <= 500


def test_a_model_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    model = random_model(num_layers=2, embedding_size=8)
    template = ChatTemplate(user_suffix="\n", speakers=("ROMEO",), stop=("\n\n",))
    model = replace(model, config=replace(model.config, chat_template=template, training={"x": 1}))
    save_model(tmp_path / "m", model, {"README.md": "# é", "loss.png": b"\x89PNG"})
    loaded = load_model(tmp_path / "m")
    assert loaded.config == model.config
    np.testing.assert_equal(loaded.weights, model.weights)
    assert (tmp_path / "m" / "README.md").read_bytes() == "# é".encode()


def test_a_run_folder_means_the_model_in_it_and_one_without_is_called_so(folder: Path) -> None:
    run = folder.parent
    assert find_model_folder(run) == folder
    (folder / CONFIG_FILE).unlink()
    refuse(folder, r"no config\.json")
    refuse(folder / "nowhere", "doesn't exist")
    (run / "settings.json").touch()
    refuse(run, "has not written a model yet")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "gpt2"}, "not a CharLSTM model"),
        ({"format_version": FORMAT_VERSION + 1}, "newer than this program reads"),
        ({"format_version": None}, "no usable format_version"),
        ({"hidden_size": 10**9}, "hidden_size must be"),
        ({"hidden_size": "32"}, "hidden_size must be"),
        ({"num_layers": 0}, "num_layers must be"),
        ({"hidden_size": 8192, "num_layers": 16}, "parameters; the limit is"),
        ({"vocab_size": 3}, "vocab_size is 3, but there are"),
        ({"vocabulary": ["a", "a"]}, "twice"),
        ({"vocabulary": ["a", 5]}, "one Unicode code point"),
        ({"vocabulary": "abc"}, "list of strings"),
        ({"hidden_size": 33}, r"is F32 .* the config wants F32"),
        ({"num_layers": 1}, "holds an unknown tensor"),
        ({"num_layers": 3}, "lacks the tensor"),
        ({"chat_template": {"stop": "x"}}, r"chat_template\.stop"),
        ({"training": 5}, "training must be an object"),
    ],
)
def test_a_wrong_config_is_refused(folder: Path, values: dict[str, object], message: str) -> None:
    path = folder / CONFIG_FILE
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(data | values), encoding="utf-8")
    refuse(folder, message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b"9" * 5_000, r"no number can be 9{20}\.\.\. \(5,000 characters"),
        (b"[1e999]", "no number can be 1e999"),
        (b'["\\ud800"]', "surrogates not allowed"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[" * 50 + b"]" * 50, "nested more than 20 deep"),
        (b" " * 3_000_000, "more than 2,097,152 bytes"),
        (b'{"model_type": "char-lstm", "format_version": 1}', "lacks 'vocabulary'"),
    ],
)
def test_a_file_that_is_no_config_is_refused(folder: Path, content: bytes, message: str) -> None:
    (folder / CONFIG_FILE).write_bytes(content)
    refuse(folder, rf"config\.json.*{message}")


def test_wrong_torn_or_missing_weights_are_refused(folder: Path) -> None:
    path, name = folder / WEIGHTS_FILE, "lstm.weight_hh_l0"
    weights = load_file(path)
    for wrong, message in (
        (weights[name].astype(np.float16), "weight_hh_l0 is F16 .* the config wants F32"),
        (np.full_like(weights[name], np.nan), "not finite"),
    ):
        save_file({**weights, name: wrong}, path)
        refuse(folder, message)
    path.write_bytes(path.read_bytes()[:-100])
    refuse(folder, "damaged or not a safetensors file")
    path.write_bytes((2**40).to_bytes(8, "little") + b"{")  # nobody waits for a head of this size
    refuse(folder, "damaged or not a safetensors file: a head of 1,099,511,627,776")
    save_file({"\x1b[2J" * 1_000: weights[name]}, path)
    refuse(folder, r"lacks the tensor|holds an unknown tensor: \[2J")
    path.unlink()
    refuse(folder, "is missing")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/stdin", "/proc/self/environ"])
def test_what_is_no_file_is_not_read(folder: Path, device: str) -> None:
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        (folder / name).unlink()
        (folder / name).symlink_to(device)
        refuse(folder, rf"{name} is missing or empty|it has no {name}")


def test_of_what_is_told_about_training_only_what_fits_is_kept(folder: Path) -> None:
    path = folder / CONFIG_FILE
    data = json.loads(path.read_text(encoding="utf-8"))
    data["training"] = {
        "corpus": "\x1b[2Jmy\nnovel" + "l" * 20_000,
        "steps": -1,
        "val_loss": math.nan,
        "judgement": ["Good.", 5, ["x"]] + ["More."] * 200,
        "samples": [{"text": "a\nb", "prompt": None}, "x"],
        "longest_copy": [],
        "later": {"unknown": [1]},
    }
    path.write_text(json.dumps(data), encoding="utf-8")
    told = dict(load_model(folder).config.training)
    assert told.pop("corpus").startswith("[2Jmy novelll")
    assert told.pop("judgement")[:3] == ["Good.", "More.", "More."]
    assert told == {
        "steps": None,
        "val_loss": None,
        "samples": [{"text": "a\nb", "prompt": None}],
        "longest_copy": None,
        "later": {"unknown": [1]},
    }
    assert len(load_model(folder).config.training["corpus"]) < 11_000


def test_saving_never_overwrites_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ModelFolderError, match="in the way"):
        save_model(tmp_path, random_model())
    assert (tmp_path / "thesis.txt").exists()


def test_a_save_that_fails_leaves_the_old_model(folder: Path) -> None:
    model = load_model(folder)
    with pytest.raises(OSError, match="no/such"):
        save_model(folder, random_model(), {"no/such/place": b""})
    assert load_model(folder).config == model.config
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_the_next_save_tidies_up_after_a_writer_that_was_killed(folder: Path) -> None:
    model = load_model(folder)
    folder.rename(folder.with_name(".model.old"))  # it died between its two renames
    folder.with_name(".model.new").mkdir()
    save_model(folder, model)
    assert load_model(folder).config == model.config
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
