"""Settings: what a run is asked for. Each option is described once, here.

The command line makes its flags from these fields, the run's folder stores them, the page fills in
a few. Knows nothing about how any of it is used.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any

LEAST_MINUTES = 0.01

_LENGTH, _TEXT = "how long", "the text"
_NETWORK, _RARE = "the network (chosen by default)", "rarely needed"


class TrainingError(Exception):
    """Training can't start or continue; one sentence that says why and what to do."""


def _number(
    group: str,
    low: float,
    high: float,
    help_: str,
    default: float | None = None,
    kind: type = float,
) -> Any:
    """A field with the flag of a number from `low` to `high`."""
    about = {"group": group, "help": help_, "kind": kind, "between": (low, high)}
    return field(default=default, metadata=about)


def _whole(group: str, low: int, high: int, help_: str, default: int | None = None) -> Any:
    return _number(group, low, high, help_, default, int)


def _word(group: str, help_: str, default: str | None = None, choices: tuple[str, ...] = ()) -> Any:
    """A field with the flag of a word, one of `choices` if there are any."""
    about = {"group": group, "help": help_, "kind": str, "choices": choices}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Settings:
    """What a run was asked for, as plain data. None leaves a choice to `training.recipe`.

    `corpus` are the files or folders of text, in order; `command` is how the run was started,
    without paths, for the model card. The other fields say themselves what they are.

    Raises:
        TrainingError: if a value is out of range.
    """

    corpus: tuple[str, ...]
    command: str = ""

    minutes: float = _number(_LENGTH, LEAST_MINUTES, 100_000, "how long to train", 5.0)
    steps: int | None = _whole(
        _LENGTH,
        1,
        10**9,
        "a number of steps instead: repeatable with the same precision and threads",
    )
    patience: int | None = _whole(
        _LENGTH, 0, 10**9, "end after so many evaluations without a better held-out loss; 0: never"
    )

    encoding: str = _word(_TEXT, "of the files; a byte order mark wins", "utf-8")
    errors: str = _word(
        _TEXT, "what to do about bytes that can't be decoded", "strict", ("strict", "replace")
    )
    held_out: float = _number(
        _TEXT, 0, 0.5, "share at the end that is measured on, not learnt; 0: nothing", 0.1
    )
    min_count: int = _whole(_TEXT, 1, 10**9, "fold rarer characters into one unknown one", 1)
    dialogue: str = _word(
        _TEXT, "look for the speakers of a play or a chat log", "auto", ("auto", "off")
    )
    language: str | None = _word(_TEXT, "of the text, for the model card: en, de, ...")
    credit: str | None = _word(_TEXT, "whose text it is, for the model card")
    license: str | None = _word(_TEXT, "of the model, for its card: mit, cc0-1.0, ...")

    init_from: str | None = _word(
        _NETWORK, "fine-tune a model: its folder, a run's folder, or its name on the Hub"
    )
    hidden_size: int | None = _whole(_NETWORK, 1, 8_192, "width of a layer")
    num_layers: int | None = _whole(_NETWORK, 1, 16, "stacked LSTM layers (default: 1)")
    dropout: float | None = _number(_NETWORK, 0, 0.95, "on the LSTM's output")
    seed: int = _whole(_NETWORK, 0, 2**31 - 1, "of everything random", 1)
    threads: int | None = _whole(
        _NETWORK, 1, 1_024, "of the processor (default: all, or one where that is faster)"
    )
    device: str = _word(
        _NETWORK, "auto: a CUDA GPU where there is one", "auto", ("auto", "cpu", "cuda", "mps")
    )

    embedding_size: int | None = _whole(_RARE, 0, 8_192, "learned embedding; 0: one-hot")
    batch_size: int | None = _whole(_RARE, 1, 65_536, "parallel streams through the text")
    sequence_length: int | None = _whole(_RARE, 1, 65_536, "characters of truncated BPTT")
    input_dropout: float | None = _number(_RARE, 0, 0.95, "on the LSTM's input")
    state_reset: float | None = _number(
        _RARE, 0, 1, "probability that a stream forgets its state before a step"
    )
    muon_lr: float | None = _number(_RARE, 0, 10, "learning rate of the recurrent matrices")
    adam_lr: float | None = _number(_RARE, 0, 10, "learning rate of everything else")
    weight_decay: float | None = _number(
        _RARE, 0, 100, "of the recurrent matrices, in e-foldings over the run"
    )
    adam_weight_decay: float | None = _number(_RARE, 0, 100, "the same of everything else")
    precision: str = _word(
        _RARE,
        "of matrix products; auto: the fastest",
        "auto",
        ("auto", "float32", "bfloat16", "tf32"),
    )

    def __post_init__(self) -> None:
        if not self.corpus:
            raise TrainingError("name at least one text to learn")
        for option in options():
            name, value = option.name, getattr(self, option.name)
            choices, between = option.metadata.get("choices"), option.metadata.get("between")
            if choices and value not in choices:
                raise TrainingError(f"{name} must be {' or '.join(choices)}, not {value!r}")
            if between and value is not None and not between[0] <= value <= between[1]:
                low, high = (f"{bound:,.10g}" for bound in between)
                raise TrainingError(f"{name} must be from {low} to {high}, not {value:,}")


def options() -> list[Field[Any]]:
    """The fields of `Settings` that have a flag, described in their metadata."""
    return [entry for entry in fields(Settings) if entry.metadata]
