"""The models in this process: one generator each, however many chat with it.

Whoever chats asks at each answer, and keeps no generator: what isn't asked for goes, so that all of
them together take no more memory than they may. Knows nothing about visitors.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path

from model.folder import WEIGHTS_FILE, ModelFolderError, find_model_folder, load_model
from model.generator import Generator

MOST_BYTES = 500e6
_BYTES = 4  # of a float

Loading = Future[Generator]
_Key = tuple[Path, int]  # a folder, and the version of its weights


class Generators:
    """Loads each version of a model once, and forgets the least recently used. Thread-safe.

    Args:
        most_bytes: of all models together; a single larger one is kept until the next.
    """

    def __init__(self, most_bytes: float = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._known: dict[_Key, Loading] = {}  # the least recently used first

    def find(self, folder: Path) -> Generator:
        """That of the model in a model's or a run's folder, as it is now.

        Raises:
            ModelFolderError: if there is none.
        """
        version = _version(folder)
        if version is None:
            raise ModelFolderError(f"{folder} holds no model")
        key = (folder, version)
        with self._lock:
            known = self._known.pop(key, None)
            loading: Loading = known or Future()
            self._known[key] = loading
        if known is None:
            try:
                loading.set_result(Generator(load_model(folder), folder))
            except BaseException as error:  # whatever it is, others wait for it
                loading.set_exception(error)
                raise
            finally:
                self.forget()
        return loading.result()

    def forget(self) -> None:
        """Let go of models that are gone, replaced or damaged, and of those that are too many."""
        with self._lock:
            for key, loading in list(self._known.items()):
                failed = loading.done() and loading.exception() is not None
                if failed or _version(key[0]) != key[1]:
                    del self._known[key]
            loaded = {
                key: loading.result() for key, loading in self._known.items() if loading.done()
            }
            sizes = {key: g.config.served_numbers * _BYTES for key, g in loaded.items()}
            while sum(sizes.values()) > self._most_bytes and len(sizes) > 1:
                oldest = next(iter(sizes))
                del sizes[oldest], self._known[oldest]


def _version(folder: Path) -> int | None:
    try:
        return (find_model_folder(folder) / WEIGHTS_FILE).stat().st_mtime_ns
    except (OSError, ModelFolderError):
        return None
