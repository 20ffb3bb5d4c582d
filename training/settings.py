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


def _option(
    group: str,
    help_: str,
    between: tuple[float, float] | None = None,
    default: float | str | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field with a flag: a number of its limits' type, a word, or one of some (the first)."""
    kind = type(between[1]) if between else str
    about = {"group": group, "help": help_, "kind": kind, "between": between, "choices": choices}
    return field(default=choices[0] if choices else default, metadata=about)


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

    minutes: float = _option(_LENGTH, "how long to train", (LEAST_MINUTES, 100_000.0), 5.0)
    steps: int | None = _option(
        _LENGTH,
        "a number of steps instead: repeatable with the same precision and threads",
        (1, 10**9),
    )
    patience: int | None = _option(
        _LENGTH,
        "end after so many evaluations without a better held-out loss; 0: never",
        (0, 10**9),
    )
    teachers: int | None = _option(
        _LENGTH,
        "networks trained before the one that is kept, of which each teaches the next; 0: none "
        "(default: as many as there is time for, at most 2; in a run of steps none)",
        (0, 100),
    )

    encoding: str = _option(_TEXT, "of the files; a byte order mark wins", default="utf-8")
    errors: str = _option(
        _TEXT, "what to do about bytes that can't be decoded", choices=("strict", "replace")
    )
    held_out: float = _option(
        _TEXT, "share at the end that is measured on, not learnt; 0: nothing", (0, 0.5), 0.1
    )
    min_count: int = _option(_TEXT, "fold rarer characters into one unknown one", (1, 10**9), 1)
    dialogue: str = _option(
        _TEXT, "look for the speakers of a play or a chat log", choices=("auto", "off")
    )
    as_list: str = _option(
        _TEXT,
        "learn each line as an item by itself, in random order: names, titles",
        choices=("auto", "on", "off"),
    )
    title: str | None = _option(
        _TEXT, "what it is, as people say: Shakespeare (default: what its file is called)"
    )
    language: str | None = _option(_TEXT, "of the text, for the model card: en, de, ...")
    credit: str | None = _option(_TEXT, "whose text it is, for the model card")
    license: str | None = _option(_TEXT, "of the model, for its card: mit, cc0-1.0, ...")

    init_from: str = _option(
        _NETWORK,
        "a model to start from: its folder, a run's folder, or its name on the Hub; auto: the "
        "bundled model of English, where a short text gains by it; none: new weights",
        default="auto",
    )
    hidden_size: int | None = _option(_NETWORK, "width of a layer", (1, 8_192))
    num_layers: int | None = _option(_NETWORK, "stacked LSTM layers (default: 1)", (1, 16))
    dropout: float | None = _option(_NETWORK, "on the LSTM's output", (0, 0.95))
    seed: int = _option(_NETWORK, "of everything random", (0, 2**31 - 1), 1)
    threads: int | None = _option(
        _NETWORK, "of the processor (default: all, or one where that is faster)", (1, 1_024)
    )
    device: str = _option(
        _NETWORK, "auto: a CUDA GPU where there is one", choices=("auto", "cpu", "cuda")
    )

    embedding_size: int | None = _option(_RARE, "learned embedding; 0: one-hot", (0, 8_192))
    batch_size: int | None = _option(_RARE, "parallel streams through the text", (1, 65_536))
    sequence_length: int | None = _option(_RARE, "characters of truncated BPTT", (1, 65_536))
    input_dropout: float | None = _option(_RARE, "on the LSTM's input", (0, 0.95))
    state_reset: float | None = _option(
        _RARE, "probability that a stream forgets its state before a step", (0, 1.0)
    )
    muon_lr: float | None = _option(_RARE, "learning rate of the recurrent matrices", (0, 10.0))
    adam_lr: float | None = _option(_RARE, "learning rate of everything else", (0, 10.0))
    weight_decay: float | None = _option(
        _RARE, "of the recurrent matrices, in e-foldings over the run", (0, 100.0)
    )
    adam_weight_decay: float | None = _option(_RARE, "the same of everything else", (0, 100.0))
    precision: str = _option(
        _RARE,
        "of matrix products; auto: the fastest",
        choices=("auto", "float32", "bfloat16", "tf32"),
    )

    def __post_init__(self) -> None:
        if not self.corpus:
            raise TrainingError("name at least one text to learn")
        for option in options():
            name, value = option.name, getattr(self, option.name)
            choices, between = option.metadata["choices"], option.metadata["between"]
            if choices and value not in choices:
                raise TrainingError(f"{name} must be {' or '.join(choices)}, not {value!r}")
            if between and value is not None and not between[0] <= value <= between[1]:
                low, high = (f"{bound:,.10g}" for bound in between)
                raise TrainingError(f"{name} must be from {low} to {high}, not {value:,}")


def options() -> list[Field[Any]]:
    """The fields of `Settings` that have a flag, described in their metadata."""
    return [entry for entry in fields(Settings) if entry.metadata]
