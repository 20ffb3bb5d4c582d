"""ModelConfig: the contents of config.json: sizes, vocabulary, kind of text, training facts.

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

from model.chat.dialogue import ChatTemplate
from model.schema import fitted, one_line, read_json
from model.vocabulary import Vocabulary

MODEL_TYPE = "char-lstm"
FORMAT_VERSION = 1

MAX_PARAMETERS = 500_000_000

_LIMITS = {
    "vocab_size": (1, 65_536),
    "hidden_size": (1, 8_192),
    "num_layers": (1, 16),
    "embedding_size": (0, 8_192),
}


class ConfigError(ValueError):
    """config.json can't be used; the message names the file and what is wrong."""


@dataclass(frozen=True)
class ModelConfig:
    """Everything about a model but its weights.

    Raises:
        ConfigError: if a size is outside the limits.
    """

    vocabulary: Vocabulary
    hidden_size: int  # of every LSTM layer
    num_layers: int = 1  # stacked LSTM layers
    embedding_size: int = 0  # 0 for one-hot input
    chat_template: ChatTemplate | None = None  # None: turns are joined as they are
    # how it was trained: JSON data, of which what doesn't fit `model.schema.TRAINING` is left out
    training: Mapping[str, Any] = field(default_factory=dict)
    is_list: bool = False  # of items, one a line: it is asked for whole ones

    def __post_init__(self) -> None:
        object.__setattr__(self, "training", fitted(dict(self.training)))
        for name, (least, most) in _LIMITS.items():
            size = getattr(self, name)
            if type(size) is not int or not least <= size <= most:
                raise ConfigError(f"{name} must be a number from {least} to {most:,}, not {size!r}")
        if self.served_numbers > MAX_PARAMETERS:
            raise ConfigError(
                f"these sizes make {self.served_numbers:,} numbers of {self.parameters:,} "
                f"parameters; the limit is {MAX_PARAMETERS:,}"
            )

    @property
    def vocab_size(self) -> int:
        """Number of characters in the vocabulary."""
        return len(self.vocabulary)

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    @property
    def served_numbers(self) -> int:
        """Floats that `model.decoder` keeps: with an embedding, a row of gates a character, too."""
        table = 4 * self.hidden_size * self.vocab_size if self.embedding_size else 0
        return self.parameters + table

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor, under PyTorch's own names."""
        gates = 4 * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {}
        if self.embedding_size:
            shapes["embedding.weight"] = (self.vocab_size, self.embedding_size)
        width = self.embedding_size or self.vocab_size
        for layer in range(self.num_layers):
            shapes[f"lstm.weight_ih_l{layer}"] = (gates, width)
            shapes[f"lstm.weight_hh_l{layer}"] = (gates, self.hidden_size)
            shapes[f"lstm.bias_ih_l{layer}"] = (gates,)
            shapes[f"lstm.bias_hh_l{layer}"] = (gates,)
            width = self.hidden_size
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
            "is_list": self.is_list,
            "training": dict(self.training),
        }
        return json.dumps(data, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, source: str = "config.json") -> ModelConfig:
        """Read the text of a config.json.

        Raises:
            ConfigError: with `source` named, if anything is missing, wrong or too new.
        """
        try:
            return _config(read_json(text))
        except KeyError as error:
            raise ConfigError(f"{source} lacks {error.args[0]!r}") from error
        except ValueError as error:
            raise ConfigError(f"{source}: {one_line(str(error))[:300]}") from error


def _config(data: Any) -> ModelConfig:
    found = data.get("model_type") if isinstance(data, dict) else None
    if found != MODEL_TYPE:
        raise ConfigError(f"not a CharLSTM model: model_type is {found!r}, not {MODEL_TYPE!r}")
    version = data.get("format_version")
    if type(version) is not int or version < 1:
        raise ConfigError(f"no usable format_version (found {version!r})")
    if version > FORMAT_VERSION:
        raise ConfigError(
            f"format_version {version} is newer than this program reads ({FORMAT_VERSION}): "
            "update CharLSTM"
        )
    characters, template = data["vocabulary"], data.get("chat_template")
    training = data.get("training") or {}
    if not isinstance(characters, list):
        raise ConfigError("vocabulary must be a list of strings")
    if type(is_list := data.get("is_list", False)) is not bool:
        raise ConfigError("is_list must be true or false")
    if not isinstance(training, dict):
        raise ConfigError("training must be an object")
    config = ModelConfig(
        Vocabulary(tuple(characters)),
        hidden_size=data["hidden_size"],
        num_layers=data["num_layers"],
        embedding_size=data["embedding_size"],
        chat_template=None if template is None else ChatTemplate.from_json(template),
        training=training,
        is_list=is_list,
    )
    size = data.get("vocab_size", config.vocab_size)
    if size != config.vocab_size:
        raise ConfigError(f"vocab_size is {size!r}, but there are {config.vocab_size} characters")
    return config
