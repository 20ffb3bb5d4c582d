"""The pace at which generated text reaches a page.

Pull-based: a worker thread generates what the next update shows, and nothing more, so a visitor
who stops or leaves costs nothing. A newcomer's first character comes before the others' next ones.
All it knows about Gradio is that an update costs about 2 ms of one core: with many visitors the
updates become the bottleneck, so each visitor gets fewer.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import time
from collections import abc
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import PriorityQueue

CHARACTERS_PER_SECOND = 150
"""A page's default speed: a little faster than one can read."""

SHORTEST_INTERVAL_S = 1 / 15
"""Between two updates of a page; shorter ones look no smoother."""

LONGEST_INTERVAL_S = 0.5
"""Between two updates under load; a stopped or closed page is noticed at its next update."""

NEWCOMERS_AHEAD_S = 5.0
"""A stream's first pull goes before all others, but for those that have waited so long."""

_Pulled = tuple[str, bool, float]
_Waiting = tuple[float, int, Future[_Pulled], abc.Callable[[], _Pulled]]

# More threads than cores would only take turns. A pool by itself serves in order, where a newcomer
# waits behind everybody's next half second: here each of its threads takes the pull that is due
# first, whichever the thread was asked for.
_WORKERS = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="generate")
_WAITING: PriorityQueue[_Waiting] = PriorityQueue()
_NUMBERS = itertools.count()  # of pulls: those that are due at the same time go in order


def next_interval(interval: float, late: float) -> float:
    """The time until the next update, given the last one and how many seconds it came late.

    An update is late when it waited for the event loop, for a worker thread or for Gradio. Above
    half the interval, the machine is overloaded.
    """
    changed = interval * (1.5 if late > interval / 2 else 0.9)
    return min(LONGEST_INTERVAL_S, max(SHORTEST_INTERVAL_S, changed))


async def stream_updates(
    pieces: abc.Generator[str, None, None],
    characters_per_second: float = math.inf,
) -> abc.AsyncGenerator[str]:
    """Generate a text in updates of a few characters each.

    The first one comes as soon as there is a character. Closing or cancelling ends the work.

    Args:
        pieces: of the text; they are generated in a thread, at most one a core over all streams.
        characters_per_second: no faster than this.
    """
    loop = asyncio.get_running_loop()
    pull: asyncio.Future[_Pulled] | None = None
    interval, allowed, patience = SHORTEST_INTERVAL_S, 1.0, 0.0
    try:
        while True:
            began = loop.time()
            pull = _submit(partial(_pull, pieces, allowed, interval), began + patience)
            patience = NEWCOMERS_AHEAD_S
            text, ended, worked = await asyncio.shield(pull)
            if text:
                yield text
            if ended:
                return
            spent = loop.time() - began
            late = spent - worked
            if spent < interval:
                await asyncio.sleep(interval - spent)
                late += loop.time() - began - interval
            # A late update is made up for, by at most a second's worth of text.
            earned = (loop.time() - began) * characters_per_second
            allowed = min(allowed - len(text) + earned, characters_per_second)
            interval = next_interval(interval, late)
    finally:
        if pull is not None and not pull.done():
            await asyncio.wait([pull])  # a generator can't be closed while it runs
        pieces.close()


def _submit(pull: abc.Callable[[], _Pulled], due: float) -> asyncio.Future[_Pulled]:
    """Have a thread pull when there is nothing that is due earlier; `due` is the loop's time."""
    pulled: Future[_Pulled] = Future()
    _WAITING.put((due, next(_NUMBERS), pulled, pull))
    _WORKERS.submit(_pull_what_is_due)
    return asyncio.wrap_future(pulled)


def _pull_what_is_due() -> None:
    _, _, pulled, pull = _WAITING.get()
    try:
        pulled.set_result(pull())
    except BaseException as error:  # noqa: BLE001  # whoever waits for it gets it
        pulled.set_exception(error)


def _pull(pieces: abc.Iterator[str], characters: float, seconds: float) -> _Pulled:
    """About so many characters or seconds' worth; whether the text ended; seconds it took."""
    began = time.perf_counter()
    taken: list[str] = []
    while characters >= 1 and time.perf_counter() < began + seconds:
        piece = next(pieces, None)
        if piece is None:
            return "".join(taken), True, time.perf_counter() - began
        taken.append(piece)
        characters -= len(piece)
    return "".join(taken), False, time.perf_counter() - began
