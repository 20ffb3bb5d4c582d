"""python -m training: teach a CharLSTM a text, from the command line.

One caller of `train(settings, folder)` among others: it draws what it reads in the run's folder,
and its Ctrl-C is a stop request left there. Its flags are the fields of `Settings`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

from model.config import ModelConfig
from model.hub import HubError
from publish import __main__ as publish
from publish.hub import CPU_BASIC, HARDWARE, ZERO_GPU
from training.pretrained import AUTO, NONE, load_pretrained, shown_name
from training.progress import Progress, command_line, say
from training.run import (
    LOCK_FILE,
    SETTINGS_FILE,
    STOP_FILE,
    Run,
    RunError,
    has_begun,
    is_being_written,
    read_run,
    read_settings,
    request_stop,
    restart,
    stop_requested,
    withdraw_stop,
)
from training.settings import Settings, TrainingError, options
from training.text.corpus import DESCRIPTION_FILE, read_corpus

STDIN_FILE = "stdin.txt"
"""In a run's folder: what was read from standard input."""

_EPILOG = """examples:
  python -m training novel.txt --minutes 10
  python -m training recipes/ letters.txt --output runs/kitchen
  python -m training --resume runs/novel
  python -m training --resume runs/novel --minutes 10    (a finished run: train it longer)
  python -m training letters.txt --init_from runs/novel
  python -m training novel.txt --push_to_hub --hub_model_id user/novel --hub_space_id user/chat
  torchrun --nproc_per_node 2 -m training novel.txt

Hyperparameters are chosen from the minutes, the text and the speed of this machine; a flag
overrides each. Ctrl-C stops cleanly: the best weights are kept, and --resume continues.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line's arguments; a flag that wasn't given is None."""
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
    parser.add_argument("--resume", metavar="FOLDER", help="continue a run that was interrupted")
    for title, members in groupby(options(), lambda option: option.metadata["group"]):
        group = parser.add_argument_group(title)
        for option in members:
            about = option.metadata
            default = "" if option.default is None else f" (default: {option.default})"
            group.add_argument(
                f"--{option.name}",
                type=about["kind"],
                choices=about["choices"] or None,
                help=about["help"] + default,
            )
    hub = parser.add_argument_group("publishing on the Hugging Face Hub")
    hub.add_argument("--push_to_hub", action="store_true", help="publish the model at the end")
    hub.add_argument("--hub_model_id", metavar="USER/NAME", help="the repo; created if need be")
    hub.add_argument("--hub_private_repo", action="store_true", help="only you will see it")
    hub.add_argument("--hub_revision", metavar="BRANCH", help="branch to publish on")
    hub.add_argument(
        "--hub_space_id", metavar="USER/SPACE", help="a Space that serves it; created if need be"
    )
    hub.add_argument(
        "--hub_space_hardware",
        choices=HARDWARE,
        help=f"of the Space: {ZERO_GPU} is free (the default), {CPU_BASIC} needs PRO",
    )
    hub.add_argument("--hub_token", help="better: HF_TOKEN in the environment, or a saved login")
    hub.add_argument("--yes", action="store_true", help="agree beforehand to what becomes public")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Raises SystemExit with one clear line on errors."""
    for name in ("stdout", "stderr"):
        getattr(sys, name).reconfigure(encoding="utf-8", errors="backslashreplace")
    folder: Path | None = None
    try:
        if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK", "0") != "0":
            from training.train import follow

            follow()
            return
        arguments = sys.argv[1:] if arguments is None else arguments
        parsed = build_parser().parse_args(arguments)
        _check_flags(parsed)
        if parsed.hub_token:
            os.environ["HF_TOKEN"] = parsed.hub_token
        settings, folder = _resumed(parsed) if parsed.resume else _new(parsed, arguments)
        words = _publishing(parsed, folder) if parsed.push_to_hub else []
        if words:
            _check_publishing(words, settings, folder)
        _train(settings, folder)
        if words and read_run(folder).has_model:
            _publish(words, folder)
    except (TrainingError, RunError, HubError) as error:
        raise SystemExit(f"error: {error}") from None
    except ModuleNotFoundError as error:
        needed = f"training needs {error.name}: pip install -r requirements.txt"
        raise SystemExit(f"error: {needed} (the README names torch's build for CPUs)") from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise SystemExit(f"error: {error.strerror or error}{where}.{_way_back(folder)}") from None
    except KeyboardInterrupt:
        say(f"Left.{_way_back(folder)}")
        raise SystemExit(130) from None


def _new(parsed: argparse.Namespace, arguments: Sequence[str]) -> tuple[Settings, Path]:
    """Settings and folder of a new run; what can't be used is refused before anything is made."""
    if not parsed.corpus:
        raise TrainingError("name a CORPUS to learn, or a run to --resume (see --help)")
    corpus = [path and str(Path(path).expanduser()) for path in parsed.corpus]
    for path in corpus:
        if path != "-" and not (path and Path(path).exists()):
            raise TrainingError(f"{path!r} doesn't exist: name a text file, or a folder of them")
    settings = Settings(tuple(corpus), shown_command(arguments), **_given(parsed))
    if settings.init_from not in (AUTO, NONE):
        load_pretrained(settings.init_from).fit(settings)
    folder = Path(parsed.output) if parsed.output else _free_folder(corpus[0])
    if has_begun(folder):
        raise RunError(f"{folder} holds a run already: --resume {folder}, or another --output")
    if is_being_written(folder):
        raise RunError(f"another process is training in {folder}")
    inside = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if inside - {STDIN_FILE, LOCK_FILE} and SETTINGS_FILE not in inside:
        raise RunError(f"{folder} isn't empty, and isn't a run's folder: choose another --output")
    # A command that failed has left it there; the text may have changed since.
    (folder / DESCRIPTION_FILE).unlink(missing_ok=True)
    if "-" in corpus:
        say("Reading standard input ...")
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / STDIN_FILE, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        read = (str(folder / STDIN_FILE) if path == "-" else path for path in corpus)
        settings = replace(settings, corpus=tuple(read))
    return settings, folder


def _given(parsed: argparse.Namespace) -> dict[str, Any]:
    names = [option.name for option in options()]
    return {name: getattr(parsed, name) for name in names if getattr(parsed, name) is not None}


def shown_command(arguments: Sequence[str]) -> str:
    """The command line for the model card: names instead of paths, and nothing about the Hub."""
    parsed = build_parser().parse_args(arguments)
    words = ["python", "-m", "training"]
    words += [Path(corpus).absolute().name for corpus in parsed.corpus]
    for name, value in _given(parsed).items():
        words += [f"--{name}", shown_name(value) if name == "init_from" else str(value)]
    return shlex.join(words)


def _free_folder(corpus: str) -> Path:
    """runs/NAME after the corpus, or runs/NAME-2 and so on where that is taken."""
    path = Path(corpus).resolve()
    # Standard input has no name, nor has a pipe.
    name = path.stem if path.is_file() or path.is_dir() else "stdin"
    candidate, number = Path("runs") / name, 2
    while has_begun(candidate) or is_being_written(candidate):
        candidate, number = Path("runs") / f"{name}-{number}", number + 1
    return candidate


def _resumed(parsed: argparse.Namespace) -> tuple[Settings, Path]:
    """Settings and folder of a run that is continued, or, with --minutes, trained longer."""
    folder, given = Path(parsed.resume), _given(parsed)
    settings = read_settings(folder)
    is_done = read_run(folder).phase == "done"
    longer = {"minutes", "steps"} if is_done else set()
    surplus = [*parsed.corpus, *(["--output"] if parsed.output else [])]
    surplus += [f"--{name}" for name in given if name not in longer]
    if surplus:
        raise RunError(f"--resume takes everything from the run: leave out {' '.join(surplus)}")
    if is_done and not given:
        raise RunError(f"the run in {folder} is finished: to train it longer, add --minutes 10")
    if is_done:
        start = str(folder.resolve())
        settings = replace(settings, init_from=start, **{"steps": None, **given})
        restart(folder, settings)
    stop = folder / STOP_FILE
    if stop.exists() and stop.stat().st_mtime < time.time() - 10:  # an earlier process was asked
        withdraw_stop(folder)
    return settings, folder


def _train(settings: Settings, folder: Path) -> None:
    from training.train import train  # torch takes seconds to import: errors come first

    def stop(number: int, _: FrameType | None) -> None:
        """Ask for a clean stop; the next signal ends the process at once."""
        signal.signal(number, signal.default_int_handler)
        request_stop(folder)
        say("Stopping and keeping the best weights (again to leave at once) ...")

    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    with Progress(folder):
        try:
            train(settings, folder)
        finally:  # a signal that comes too late must not stop the run that resumes this one
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            withdraw_stop(folder)


def _check_flags(parsed: argparse.Namespace) -> None:
    if parsed.push_to_hub and not parsed.hub_model_id:
        raise TrainingError("--push_to_hub needs --hub_model_id USER/NAME")
    for name, value in vars(parsed).items():
        if value and not parsed.push_to_hub and (name.startswith("hub_") or name == "yes"):
            raise TrainingError(f"--{name} goes with --push_to_hub")
    if parsed.hub_space_hardware and not parsed.hub_space_id:
        raise TrainingError("--hub_space_hardware goes with --hub_space_id")


def _publishing(parsed: argparse.Namespace, folder: Path) -> list[str]:
    """The words for `python -m publish`."""
    words = ["model", str(folder), parsed.hub_model_id]
    if parsed.hub_space_id:
        words = ["space", str(folder), parsed.hub_space_id, "--model_id", parsed.hub_model_id]
    words += ["--revision", parsed.hub_revision] if parsed.hub_revision else []
    words += ["--hardware", parsed.hub_space_hardware] if parsed.hub_space_hardware else []
    words += ["--private"] if parsed.hub_private_repo else []
    return words + (["--yes"] if parsed.yes else [])


def _check_publishing(words: Sequence[str], settings: Settings, folder: Path) -> None:
    """Have refused what can be refused, and agreed to what becomes public, before training."""
    with Run(folder, settings):
        corpus = read_corpus(settings, folder, partial(stop_requested, folder))
    training: dict[str, Any] = {"corpus": corpus.name, "command": settings.command}
    if settings.init_from not in (AUTO, NONE):
        training["init_from"] = {"name": shown_name(settings.init_from)}
    template = corpus.chat_template
    config = ModelConfig(corpus.vocabulary, 1, chat_template=template, training=training)
    publish.publish(publish.build_parser().parse_args(words), config)


def _publish(words: Sequence[str], folder: Path) -> None:
    try:
        publish.main([*words, "--yes"])
    except SystemExit as error:
        if not isinstance(error.code, str):  # Ctrl-C
            raise
        again = command_line("-m", "publish", *words)
        raise SystemExit(f"{error}\nThe model is in {folder}. To try again: {again}") from None


def _way_back(folder: Path | None) -> str:
    """How to continue, where something of the run was kept."""
    if folder is None or not has_begun(folder):
        return ""
    command = command_line("-m", "training", "--resume", folder)
    return f" What was saved before is whole; {command} continues from there"


if __name__ == "__main__":
    try:
        main()
    finally:  # nothing is left but the interpreter's own end
        signal.signal(signal.SIGINT, signal.SIG_IGN)
