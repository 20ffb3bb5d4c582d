"""ModelConfig: the contents of config.json: sizes, vocabulary, chat template, training facts.

Knows neither torch nor files; `model.folder` reads and writes it.

Format policy: `format_version` is raised only when an older reader would misread the folder, not
for additions that it may ignore. A reader opens every older version (`from_json` upgrades the data)
and refuses a newer one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from model.dialogue import ChatTemplate
from model.vocabulary import Vocabulary

MODEL_TYPE = "char-lstm"
FORMAT_VERSION = 1

MAX_VOCAB_SIZE = 65_536
MAX_HIDDEN_SIZE = 8_192
MAX_LAYERS = 16
MAX_PARAMETERS = 500_000_000


class ConfigError(ValueError):
    """config.json can't be used; the message names the file and what is wrong."""


@dataclass(frozen=True)
class ModelConfig:
    """Everything about a model but its weights.

    Args:
        vocabulary: the characters in index order.
        hidden_size: width of every LSTM layer.
        num_layers: number of stacked LSTM layers.
        embedding_size: width of the learned embedding; 0 means one-hot input.
        chat_template: how turns become text; None for plain joining.
        training: how it was trained, as plain JSON data.

    Raises:
        ConfigError: if a size is outside the limits.
    """

    vocabulary: Vocabulary
    hidden_size: int
    num_layers: int = 1
    embedding_size: int = 0
    chat_template: ChatTemplate | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_size("vocab_size", len(self.vocabulary), 1, MAX_VOCAB_SIZE)
        _check_size("hidden_size", self.hidden_size, 1, MAX_HIDDEN_SIZE)
        _check_size("num_layers", self.num_layers, 1, MAX_LAYERS)
        _check_size("embedding_size", self.embedding_size, 0, MAX_HIDDEN_SIZE)
        if self.parameters > MAX_PARAMETERS:
            raise ConfigError(
                f"these sizes make {self.parameters:,} parameters; the limit is {MAX_PARAMETERS:,}"
            )

    @property
    def vocab_size(self) -> int:
        """Number of characters in the vocabulary."""
        return len(self.vocabulary)

    @property
    def input_size(self) -> int:
        """Width of the first layer's input."""
        return self.embedding_size or self.vocab_size

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor, under PyTorch's own names."""
        gates = 4 * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {}
        if self.embedding_size:
            shapes["embedding.weight"] = (self.vocab_size, self.embedding_size)
        for layer in range(self.num_layers):
            width = self.input_size if layer == 0 else self.hidden_size
            shapes[f"lstm.weight_ih_l{layer}"] = (gates, width)
            shapes[f"lstm.weight_hh_l{layer}"] = (gates, self.hidden_size)
            shapes[f"lstm.bias_ih_l{layer}"] = (gates,)
            shapes[f"lstm.bias_hh_l{layer}"] = (gates,)
        shapes["fc.weight"] = (self.vocab_size, self.hidden_size)
        shapes["fc.bias"] = (self.vocab_size,)
        return shapes

    def to_json(self) -> str:
        """The text of config.json."""
        data = {
            "model_type": MODEL_TYPE,
            "format_version": FORMAT_VERSION,
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "num_layers": self.num_layers,
            "embedding_size": self.embedding_size,
            "vocabulary": list(self.vocabulary.characters),
            "chat_template": None if self.chat_template is None else asdict(self.chat_template),
            "training": dict(self.training),
        }
        return json.dumps(data, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str = "config.json") -> ModelConfig:
        """Read the text of a config.json.

        Raises:
            ConfigError: with `source` named, if anything is missing, wrong or too new.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{source} is not valid JSON: {error}") from error
        if not isinstance(data, dict) or data.get("model_type") != MODEL_TYPE:
            found = data.get("model_type") if isinstance(data, dict) else None
            raise ConfigError(
                f"{source} doesn't describe a CharLSTM model: model_type is {found!r}, "
                f"expected {MODEL_TYPE!r}"
            )
        version = data.get("format_version")
        if type(version) is not int or version < 1:
            raise ConfigError(f"{source} has no usable format_version (found {version!r})")
        if version > FORMAT_VERSION:
            raise ConfigError(
                f"{source} has format_version {version}, newer than this program reads "
                f"({FORMAT_VERSION}): update CharLSTM"
            )
        template, training = data.get("chat_template"), data.get("training") or {}
        if not isinstance(training, dict):
            raise ConfigError(f"{source}: training must be an object")
        try:
            config = cls(
                vocabulary=_vocabulary(data["vocabulary"]),
                hidden_size=data["hidden_size"],
                num_layers=data["num_layers"],
                embedding_size=data["embedding_size"],
                chat_template=None if template is None else ChatTemplate.from_json(template),
                training=training,
            )
        except KeyError as error:
            raise ConfigError(f"{source} lacks {error.args[0]!r}") from error
        except ValueError as error:
            raise ConfigError(f"{source}: {error}") from error
        if data.get("vocab_size", config.vocab_size) != config.vocab_size:
            raise ConfigError(
                f"{source}: vocab_size is {data['vocab_size']!r}, but the vocabulary has "
                f"{config.vocab_size} characters"
            )
        return config


def _check_size(name: str, value: object, smallest: int, largest: int) -> None:
    if type(value) is not int or not smallest <= value <= largest:
        raise ConfigError(f"{name} must be a number from {smallest} to {largest:,}, not {value!r}")


def _vocabulary(characters: object) -> Vocabulary:
    if not isinstance(characters, list) or not all(isinstance(c, str) for c in characters):
        raise ConfigError("vocabulary must be a list of strings")
    return Vocabulary(tuple(characters))
