"""Settings: what a run is asked for. Each option is described once, here.

The command line makes its flags from these fields, the run's folder stores them, the page fills in
a few. Knows nothing about how any of it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "tf32")
LEAST_MINUTES = 0.01

LENGTH = "how long"
TEXT = "the text"
NETWORK = "the network (chosen by default)"
RARE = "rarely needed"


class TrainingError(Exception):
    """Training can't start or continue; one sentence that says why and what to do."""


def _option(
    group: str,
    help: str,  # noqa: A002  # argparse's word
    *,
    kind: type = float,
    default: Any = None,
    between: tuple[float, float] | None = None,
    choices: Sequence[str] = (),
    metavar: str | None = None,
) -> Any:
    """A field and its flag: `between` are the lowest and highest values that are allowed."""
    metadata = {
        "group": group,
        "help": help,
        "kind": kind,
        "between": between,
        "choices": tuple(choices),
        "metavar": metavar,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """What a run was asked for, as plain data. None leaves a choice to `training.recipe`.

    Args:
        corpus: files or folders of text, in order.
        command: how the run was started, without paths; for the model card.

    Raises:
        TrainingError: if a value is out of range.
    """

    corpus: tuple[str, ...]
    command: str = ""

    minutes: float = _option(
        LENGTH, "how long to train", default=5.0, between=(LEAST_MINUTES, 100_000)
    )
    steps: int | None = _option(
        LENGTH, "a number of steps instead: repeatable exactly", kind=int, between=(1, 10**9)
    )
    patience: int | None = _option(
        LENGTH,
        "evaluations without a better held-out loss before the run ends; 0: never (default: three "
        "tenths of them, at least 5)",
        kind=int,
        between=(0, 10**9),
    )

    encoding: str = _option(TEXT, "of the files; a byte order mark wins", kind=str, default="utf-8")
    errors: str = _option(
        TEXT,
        "what to do about bytes that can't be decoded",
        kind=str,
        default="strict",
        choices=("strict", "replace"),
    )
    held_out: float = _option(
        TEXT,
        "share at the end that is not learnt but measured on; 0 measures nothing",
        default=0.1,
        between=(0, 0.5),
    )
    min_count: int = _option(
        TEXT,
        "fold rarer characters into one unknown character",
        kind=int,
        default=1,
        between=(1, 10**9),
    )
    dialogue: str = _option(
        TEXT,
        "look for the speakers of a play or a chat log",
        kind=str,
        default="auto",
        choices=("auto", "off"),
    )
    language: str | None = _option(TEXT, "of the text, for the model card: en, de, ...", kind=str)
    credit: str | None = _option(
        TEXT, "whose text it is, for the model card", kind=str, metavar="TEXT"
    )
    license: str | None = _option(TEXT, "of the model, for its card: mit, cc0-1.0, ...", kind=str)

    init_from: str | None = _option(
        NETWORK,
        "fine-tune a model: its folder, a run's folder, or its name on the Hub",
        kind=str,
        metavar="MODEL",
    )
    hidden_size: int | None = _option(NETWORK, "width of a layer", kind=int, between=(1, 8_192))
    num_layers: int | None = _option(
        NETWORK, "stacked LSTM layers (default: 1)", kind=int, between=(1, 16)
    )
    dropout: float | None = _option(NETWORK, "on the LSTM's output", between=(0, 0.95))
    seed: int = _option(
        NETWORK, "of everything random", kind=int, default=1, between=(0, 2**31 - 1)
    )
    threads: int | None = _option(
        NETWORK,
        "of the processor (default: all, or one where that is faster)",
        kind=int,
        between=(1, 1_024),
    )
    device: str = _option(
        NETWORK,
        "to train on; auto takes a CUDA GPU where there is one",
        kind=str,
        default="auto",
        choices=DEVICES,
    )

    embedding_size: int | None = _option(
        RARE, "learned embedding; 0 for one-hot", kind=int, between=(0, 8_192)
    )
    batch_size: int | None = _option(
        RARE, "parallel streams through the text", kind=int, between=(1, 65_536)
    )
    sequence_length: int | None = _option(
        RARE, "characters of truncated BPTT", kind=int, between=(1, 65_536)
    )
    input_dropout: float | None = _option(RARE, "on the LSTM's input", between=(0, 0.95))
    state_reset: float | None = _option(
        RARE, "probability that a stream forgets its state before a step", between=(0, 1)
    )
    muon_lr: float | None = _option(RARE, "of the recurrent matrices", between=(0, 10))
    adam_lr: float | None = _option(RARE, "of everything else", between=(0, 10))
    weight_decay: float | None = _option(
        RARE, "e-foldings of the recurrent matrices over the run", between=(0, 100)
    )
    adam_weight_decay: float | None = _option(
        RARE, "e-foldings of everything else", between=(0, 100)
    )
    precision: str = _option(
        RARE,
        "of matrix products; auto takes the fastest",
        kind=str,
        default="auto",
        choices=PRECISIONS,
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


def options() -> list[Any]:
    """The fields of `Settings` that have a flag, with its description in their metadata."""
    return [entry for entry in fields(Settings) if entry.metadata]


def default_of(option: Any) -> Any:
    """The default of one of `options`; None where there is none."""
    return None if option.default is MISSING else option.default
