"""python -m training: teach a CharLSTM a text, from the command line.

One caller of `train(settings, folder)` among others: it draws what it reads in the run's folder,
and its Ctrl-C is a stop request left there.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType

from training.fine_tuning import load_start, shown_name
from training.progress import Progress, command_line, say
from training.push_to_hub import add_arguments, check_arguments, prepare_push, push_model
from training.run import (
    DEVICES,
    PRECISIONS,
    SETTINGS_FILE,
    RunError,
    Settings,
    TrainingError,
    read_settings,
    read_state,
    remove_unplanned,
    request_stop,
)

_EPILOG = """examples:
  python -m training novel.txt --minutes 10
  python -m training recipes/ letters.txt --output runs/kitchen
  python -m training --resume runs/novel
  python -m training letters.txt --init_from runs/novel
  python -m training novel.txt --push_to_hub --hub_model_id user/novel
  python -m training novel.txt --push_to_hub --hub_model_id user/novel --hub_space_id user/chat
  torchrun --nproc_per_node 2 -m training novel.txt

Hyperparameters are chosen from the minutes, the text and the speed of this machine; a flag
overrides each. Ctrl-C stops cleanly: the best weights are kept, and --resume goes on.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line's arguments. A default of None leaves the choice to Settings or recipe."""
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Teach a character-level LSTM a text, in minutes, on an ordinary CPU.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "corpus",
        nargs="*",
        metavar="CORPUS",
        help="a text file, a folder of text files, or - for standard input; several are joined",
    )
    parser.add_argument("--output", metavar="FOLDER", help="the run's folder (default: runs/NAME)")
    parser.add_argument(
        "--init_from",
        metavar="MODEL",
        help="fine-tune a model: its folder, a run's folder, or its name on the Hub",
    )
    parser.add_argument("--resume", metavar="FOLDER", help="go on with a run that was interrupted")

    budget = parser.add_argument_group("how long")
    budget.add_argument("--minutes", type=float, help="wall time of the training loop (default: 5)")
    budget.add_argument("--steps", type=int, help="a number of steps instead: repeatable exactly")

    budget.add_argument(
        "--patience",
        type=int,
        help="end after so many scorings without a better held-out loss; 0: never (default: three "
        "tenths of those planned, at least 5)",
    )

    text = parser.add_argument_group("the text")
    text.add_argument("--encoding", help="of the files (default: utf-8; a byte order mark wins)")
    text.add_argument(
        "--errors",
        choices=("strict", "replace"),
        help="what to do about bytes that can't be decoded (default: strict)",
    )
    text.add_argument(
        "--held_out", type=float, help="share at the end to measure on, not to learn (default: 0.1)"
    )
    text.add_argument(
        "--min_count", type=int, help="fold characters rarer than this into one (default: 1)"
    )
    text.add_argument(
        "--dialogue",
        choices=("auto", "off"),
        help="keep the speakers of a play or chat log for the app's dialogue (default: auto)",
    )
    text.add_argument("--language", help="of the text, for the model card: en, de, zh, ...")
    text.add_argument("--credit", metavar="TEXT", help="whose text it is, for the model card")
    text.add_argument("--license", help="of the model, for its card: mit, cc0-1.0, ...")

    network = parser.add_argument_group("the network and its training (chosen by default)")
    network.add_argument("--hidden_size", type=int, help="width of a layer")
    network.add_argument("--num_layers", type=int, help="stacked LSTM layers (default: 1)")
    network.add_argument("--embedding_size", type=int, help="learned embedding; 0 for one-hot")
    network.add_argument("--batch_size", type=int, help="parallel streams through the text")
    network.add_argument("--sequence_length", type=int, help="characters of truncated BPTT")
    network.add_argument("--dropout", type=float, help="on the LSTM's output")
    network.add_argument("--input_dropout", type=float, help="on its input")
    network.add_argument(
        "--state_reset",
        type=float,
        help="probability that a stream begins a chunk without what it has read before",
    )
    network.add_argument("--muon_lr", type=float, help="learning rate of the recurrent matrices")
    network.add_argument("--adam_lr", type=float, help="learning rate of everything else")
    network.add_argument("--weight_decay", type=float, help="on the recurrent matrices")
    network.add_argument("--adam_weight_decay", type=float, help="on everything else")
    network.add_argument("--seed", type=int, help="of everything random (default: 1)")
    network.add_argument(
        "--threads", type=int, help="of the processor (default: all, or one where that is faster)"
    )
    network.add_argument(
        "--device",
        choices=DEVICES,
        help="to compute on (default: auto, a CUDA GPU if there is one, else the processor)",
    )
    network.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of products of matrices (default: auto, whichever is faster when timed)",
    )

    add_arguments(parser)
    return parser


def settings_from(parsed: argparse.Namespace, corpus: Sequence[str], command: str) -> Settings:
    """The settings that the parsed arguments ask for. Raises TrainingError if out of range."""
    names = {entry.name for entry in fields(Settings)} - {"corpus", "command"}
    given = {name: getattr(parsed, name) for name in names if getattr(parsed, name) is not None}
    return Settings(corpus=tuple(corpus), command=command, **given)


def shown_command(arguments: Sequence[str]) -> str:
    """The command line for the model card: names instead of paths, and nothing about the Hub."""
    parser = build_parser()
    parsed = parser.parse_args(arguments)
    words = ["python", "-m", "training", *map(_shown_corpus, parsed.corpus)]
    for entry in fields(Settings):
        value = getattr(parsed, entry.name, None)
        if entry.name == "init_from" and value is not None:
            value = shown_name(value)
        if entry.name != "corpus" and value is not None:
            words += [f"--{entry.name}", str(value)]
    return shlex.join(words)


def _shown_corpus(corpus: str) -> str:
    path = Path(corpus)
    return "-" if corpus == "-" else path.name or path.resolve().name or "corpus"  # "." has none


def free_folder(corpus: str) -> Path:
    """runs/NAME after the corpus, or runs/NAME-2 and so on where that is taken."""
    path = Path(corpus)
    has_name = path.is_file() or path.is_dir()  # standard input has none, nor has a pipe
    name = (path.resolve().stem or "corpus") if has_name else "stdin"
    candidate, number = Path("runs") / name, 2
    while candidate.exists():
        candidate, number = Path("runs") / f"{name}-{number}", number + 1
    return candidate


def new_run(parsed: argparse.Namespace, arguments: Sequence[str]) -> tuple[Settings, Path]:
    """Settings and folder of a run that begins."""
    if not parsed.corpus:
        raise TrainingError("name a CORPUS to learn, or a run to --resume (see --help)")
    if not all(parsed.corpus):
        raise TrainingError("the name of a CORPUS is empty: a variable that isn't set?")
    folder = Path(parsed.output) if parsed.output else free_folder(parsed.corpus[0])
    if (folder / SETTINGS_FILE).exists():
        raise RunError(f"{folder} holds a run already: --resume {folder}, or another --output")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} exists and is no run's folder: choose another --output")
    corpus = [str(Path(path).expanduser()) for path in parsed.corpus]
    settings = settings_from(parsed, corpus, shown_command(arguments))
    for path in corpus:
        if path != "-" and not Path(path).exists():
            raise TrainingError(f"{path} doesn't exist")
    if settings.init_from is not None:
        load_start(settings.init_from).fit(settings)
    return settings, folder


def with_standard_input(settings: Settings, folder: Path) -> Settings:
    """The settings with a file in the run's folder in place of "-"; reads it, if there is one."""
    if "-" not in settings.corpus:
        return settings
    if sys.stdin is None:
        raise TrainingError("there is no standard input to read: it is closed")
    spooled = folder / "stdin.txt"
    say("Reading standard input ...")
    with open(spooled, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    paths = (str(spooled) if path == "-" else path for path in settings.corpus)
    return replace(settings, corpus=tuple(paths))


def resumed_run(parsed: argparse.Namespace) -> tuple[Settings, Path]:
    """Settings and folder of a run that is gone on with."""
    folder = Path(parsed.resume)
    settings = read_settings(folder)
    names = {entry.name for entry in fields(Settings)} - {"corpus", "command"}
    given = sorted(name for name in names if getattr(parsed, name) is not None)
    if parsed.corpus or parsed.output or given:
        what = f"--{given[0]}" if given else "a corpus or an output"
        raise RunError(f"--resume takes everything from the run; leave out {what}")
    if read_state(folder).get("phase") == "done":
        raise RunError(
            f"the run in {folder} is finished: there is nothing to resume; to learn for longer, "
            "start anew with more --minutes"
        )
    return settings, folder


def stop_on_signals(folder: Path) -> None:
    """Let the first Ctrl-C (or SIGTERM) ask for a clean stop, and the second end at once."""

    def handle(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        state = read_state(folder)
        if (state.get("phase"), state.get("pid")) != ("training", os.getpid()):
            raise KeyboardInterrupt
        request_stop(folder)
        say("Stopping after this step and keeping the best weights (again to leave at once) ...")

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Leave signals aside while something is done that takes no time."""
    handlers = {n: signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def follows() -> bool:
    """Whether torchrun has started this process beside the first, which does all the talking."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("RANK", "0")) > 0


def take_part() -> None:
    """Compute in the run of torchrun's first process. Raises SystemExit with one clear line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the first process stops, and so all

    def stop_with_the_first() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    try:
        from training.trainer import follow

        follow(stop_with_the_first)
    except (TrainingError, RunError, OSError) as error:
        raise SystemExit(f"error: process {os.environ['RANK']}: {error}") from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Raises SystemExit with one clear line on errors."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: or the next file opened would take its place
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        getattr(sys, name).reconfigure(encoding="utf-8", errors="backslashreplace")
    if follows():
        take_part()
        return
    arguments = sys.argv[1:] if arguments is None else arguments
    parsed = build_parser().parse_args(arguments)
    folder: Path | None = None
    try:
        check_arguments(parsed)
        settings, folder = resumed_run(parsed) if parsed.resume else new_run(parsed, arguments)
        made = [place for place in folder.parents if not place.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        try:
            settings = with_standard_input(settings, folder)
            destination = prepare_push(parsed, settings, folder) if parsed.push_to_hub else None
            _train(settings, folder)
        except BaseException as error:
            if not parsed.resume and not isinstance(error, RunError):
                with _uninterrupted(), suppress(OSError):  # a parent isn't empty any more
                    remove_unplanned(folder)  # the corrected command finds it free
                    for place in made:
                        place.rmdir()
            raise
        if destination is not None:
            push_model(destination, parsed, folder)
    except (TrainingError, RunError) as error:
        raise SystemExit(f"error: {error}") from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise SystemExit(f"error: {error.strerror or error}{where}.{_way_back(folder)}") from None
    except KeyboardInterrupt:
        say(f"Left.{_way_back(folder)}")
        raise SystemExit(130) from None


def _way_back(folder: Path | None) -> str:
    """How to go on, where something of the run was kept."""
    if folder is None or not folder.exists():
        return ""
    command = command_line("-m", "training", "--resume", folder)
    return f" What was saved before is whole; {command} goes on from there"


def _train(settings: Settings, folder: Path) -> None:
    try:
        from training.trainer import train  # torch takes seconds to import: errors come first
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise TrainingError(
            "training needs torch: pip install -r requirements.txt (the README says how to get "
            "the build for CPUs)"
        ) from None
    stop_on_signals(folder)
    with Progress(folder):
        train(settings, folder)


if __name__ == "__main__":
    try:
        main()
    finally:  # nothing is left but the interpreter's own end
        signal.signal(signal.SIGINT, signal.SIG_IGN)
