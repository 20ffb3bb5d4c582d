"""Generator: a prompt and SamplingParams become a stream of text.

Only the last 1,000 to 2,000 characters of a long prompt are fed. The fed part starts at a multiple
of 1,000, so it depends on the text alone, and states are cached by that exact text: the next turn
of a conversation feeds only what is new. Knows nothing about pages.
"""

from __future__ import annotations

import threading
from collections import abc
from dataclasses import replace
from pathlib import Path

import numpy as np

from model.chat.dialogue import unfinished_stop
from model.config import ModelConfig
from model.decoder import Decoder, State
from model.folder import Model, load_model
from model.hub import resolve_model
from model.sampling import SamplingParams, sample
from model.vocabulary import Vocabulary

BLOCK = 1_000
"""Characters: the fed part of a text starts at a multiple of this."""

CACHED_STATES = 256
"""States after texts that a generator remembers."""

_ENCODED_BLOCKS = 20  # of a long prompt: enough to be fed, whatever characters are left out
_ATTEMPTS = 50  # at a line that there isn't yet
_BYTES = 4  # of an index in a key


def fed_from(length: int) -> int:
    """Where the fed part of a text of `length` characters starts."""
    return max(0, (length // BLOCK - 1) * BLOCK)


class Generator:
    """A loaded model that continues texts. Thread-safe.

    Example:
        >>> generator = Generator.from_pretrained("model/pretrained")
        >>> for text in generator.stream("ROMEO:", SamplingParams(length=200)):
        ...     print(text, end="")
    """

    def __init__(self, model: Model, folder: Path | None = None) -> None:
        self.config: ModelConfig = model.config
        self.folder = folder  # that the model came from, if it is known
        self.vocabulary: Vocabulary = model.config.vocabulary
        self._decoder = Decoder(model)
        # After recently fed texts, the least recently used first.
        self._states: dict[bytes, State] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_pretrained(
        cls, model: str | Path, revision: str | None = None, token: str | None = None
    ) -> Generator:
        """Load a model folder, a run's folder, or a repo of the Hub.

        Args:
            model: a folder, or a Hub id such as "user/name".
            revision: branch, tag or commit sha of a Hub repo.
            token: a Hub token; by default `HF_TOKEN` or the saved login.

        Raises:
            ModelFolderError: if the folder can't be used.
            HubError: if the Hub doesn't give the model.
        """
        folder = resolve_model(model, revision, token)
        return cls(load_model(folder), folder)

    def stream(
        self, prompt: str = "", params: SamplingParams | None = None
    ) -> abc.Generator[str, None, None]:
        """Generate a continuation of `prompt`, lazily, one or a few characters at a time.

        Closing the iterator ends the work. Text that may be the beginning of a stop string is held
        back until that is decided; a stop string may begin at the end of the prompt. An empty
        prompt begins a new text, as if after a line break.
        """
        params = params or SamplingParams()
        rng, unknown = np.random.default_rng(params.seed), self.vocabulary.unknown_index
        # What comes before can't be read, and takes time to encode.
        start = max(0, (len(prompt) // BLOCK - _ENCODED_BLOCKS) * BLOCK)
        indices = self.vocabulary.encode(prompt[start:]).indices
        if len(indices) == 0 and "\n" in self.vocabulary:
            indices = np.array([self.vocabulary.index("\n")])
        fed = indices[fed_from(len(indices)) :]
        state = self._state_after(fed)
        generated: list[int] = []
        text = prompt[len(prompt) - unfinished_stop(prompt, params.stop) :]
        shown = len(text)  # characters of `text` that aren't to be yielded
        try:
            for _ in range(params.length):
                logits = self._decoder.logits(state)
                if unknown is not None and len(self.vocabulary) > 1:
                    logits[unknown] = -np.inf
                index = sample(logits, params, rng)
                state = self._decoder.feed((index,), state)
                generated.append(index)
                text += self.vocabulary.characters[index]
                ready, stopped = _ready(text, params.stop)
                if ready > shown:
                    yield text[shown:ready]
                if stopped:
                    return
                text, shown = text[ready:], max(0, shown - ready)
            if len(text) > shown:
                yield text[shown:]
        finally:
            # The next turn of a conversation usually starts from the whole text so far.
            if generated and fed_from(len(indices) + len(generated)) == fed_from(len(indices)):
                self._remember(_key(np.concatenate([fed, generated])), state)

    def generate(self, prompt: str = "", params: SamplingParams | None = None) -> str:
        """The whole continuation as one string."""
        return "".join(self.stream(prompt, params))

    def lines(
        self, count: int, params: SamplingParams | None = None, prompt: str = ""
    ) -> abc.Generator[str, None, None]:
        """Generate distinct whole lines, lazily: new items of a list.

        Each begins anew, after a line break, with what `prompt` has in its last line. It has at
        most `params.length` characters more; a blank one and one that would be longer are left out.
        There may be fewer than `count`: after 50 attempts in a row that bring nothing new it ends.
        """
        params = params or SamplingParams()
        rng, begun = np.random.default_rng(params.seed), prompt.rpartition("\n")[2]
        known: set[str] = set()
        in_vain = 0
        while len(known) < count and in_vain < _ATTEMPTS:
            seed = int(rng.integers(2**63))
            once = replace(params, seed=seed, stop=(*params.stop, "\n"), length=params.length + 1)
            written = self.generate(f"\n{begun}", once)
            line, in_vain = begun + written, in_vain + 1
            if len(written) <= params.length and line.strip() and line not in known:
                known.add(line)
                in_vain = 0
                yield line

    def _state_after(self, indices: np.ndarray) -> State:
        """The state after these indices, from that after their longest known beginning."""
        key = _key(indices)
        with self._lock:
            known = max(filter(key.startswith, self._states), key=len, default=b"")
            state = self._states.get(known)
        if state is None:
            state = self._decoder.initial_state()
        state = self._decoder.feed(indices[len(known) // _BYTES :], state)
        self._remember(key, state)
        return state

    def _remember(self, fed: bytes, state: State) -> None:
        with self._lock:
            self._states.pop(fed, None)
            self._states[fed] = state
            if len(self._states) > CACHED_STATES:
                del self._states[next(iter(self._states))]


def _key(indices: np.ndarray) -> bytes:
    return indices.astype(f"<i{_BYTES}").tobytes()


def _ready(text: str, stop: tuple[str, ...]) -> tuple[int, bool]:
    """How many characters may be shown, and whether a stop string follows them."""
    hits = [text.index(string) for string in stop if string in text]
    return (min(hits), True) if hits else (len(text) - unfinished_stop(text, stop), False)
