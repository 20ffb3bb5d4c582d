"""Baselines: how well methods without a network predict the held-out part, given the train part.

Uniform guessing, single characters, a 5-gram with back-off, and the xz compressor, in nats per
character of the same split that the network is scored on. Knows nothing about networks. The n-grams
are interpolated by Witten and Bell's rule (The zero-frequency problem, IEEE Transactions on
Information Theory 37, 1991; as in Chen and Goodman, 1998, section 2.4).
"""

from __future__ import annotations

import lzma
import math
from dataclasses import dataclass

import numpy as np

from model.vocabulary import Vocabulary

ORDER = 5
COUNTED_AT_MOST = 5_000_000
"""Characters: of a longer train part, the last ones are counted (memory, and seconds)."""

_XZ_READS_BYTES = 4 * 2**20  # of the train part; xz itself never looks back further than 8 MiB
_XZ_SCORES = 500_000  # characters of the held-out part: xz takes a second a megabyte
_XZ_NEEDS = 200  # characters: a few bytes more or less would decide about a shorter part
_XZ = [{"id": lzma.FILTER_LZMA2, "preset": 6}]  # what `xz` does, without the container's padding


@dataclass(frozen=True)
class Baselines:
    """Losses on the held-out part, in nats per character."""

    uniform: float  # every character of the vocabulary is equally likely
    unigram: float  # by how often single characters occur
    five_gram: float  # by the four characters before, backing off to fewer
    # the bytes that the held-out part adds to the compressed train part; None where it is too short
    # to be weighed in bytes
    xz: float | None
    counted: int  # characters of the train part that the n-grams have seen, its last ones


def measure_baselines(train: np.ndarray, held_out: np.ndarray, vocabulary: Vocabulary) -> Baselines:
    """What simple methods reach on all of `held_out` but its first character.

    Args:
        train: indices of shape `(characters,)`; the last 5 million are counted.
        held_out: indices of the text behind it, at least 2.
        vocabulary: of both.
    """
    counted = train[-COUNTED_AT_MOST:]
    losses = ngram_losses(counted, held_out, len(vocabulary), ORDER)
    return Baselines(
        uniform=math.log(len(vocabulary)),
        unigram=losses[0],
        five_gram=losses[-1],
        xz=_xz_loss(counted, held_out[:_XZ_SCORES], vocabulary),
        counted=len(counted),
    )


def ngram_losses(
    train: np.ndarray, held_out: np.ndarray, vocab_size: int, order: int
) -> list[float]:
    """Losses on `held_out` but its first character, of n-grams of length 1, 2, ... `order`.

    P(c | h) = (n(h, c) + T(h) P(c | h')) / (n(h) + T(h)): n counts in the train part, T(h) is how
    many different characters followed the context h there, h' is h without its oldest character.
    Below the unigram lies the uniform distribution, so nothing is impossible.

    Args:
        train: indices of shape `(characters,)`, less than 2**24 together with held_out's.
        held_out: indices of the text behind it, at least 2.
        vocab_size: number of different characters.
        order: of the longest n-gram.
    """
    text = np.concatenate([train, held_out])
    size = len(train)
    scored = slice(size + 1, None)
    # At each position the number of the context before it; the empty one at first.
    context = np.zeros(len(text), np.int32)
    probability = np.full(len(held_out) - 1, 1 / vocab_size)
    losses = []
    for _ in range(order):
        grams, owners = _numbered(context, text, vocab_size)
        contexts = int(context.max()) + 1
        follows = np.bincount(grams[:size], minlength=len(owners))  # n(h, c)
        total = np.bincount(context[:size], minlength=contexts)  # n(h)
        kinds = np.bincount(owners[follows > 0], minlength=contexts)  # T(h)
        h, g = context[scored], grams[scored]
        known = total[h] > 0
        backed_off = follows[g] + kinds[h] * probability
        np.divide(backed_off, total[h] + kinds[h], out=probability, where=known)
        losses.append(-float(np.log(probability).mean()))
        # This n-gram is the next position's context; before the first there is one of its own.
        context[1:] = grams[:-1]
        context[0] = len(owners)
    return losses


def _numbered(
    context: np.ndarray, text: np.ndarray, vocab_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Number the different pairs (context, character).

    Returns the number of the pair at each position, shape `(characters,)`, and the context of each
    number. One sort, in place, of pairs that carry their positions in their lowest bits: numpy's
    unique with its inverse takes five times as long and four times the memory.
    """
    bits = len(text).bit_length()
    keys = context.astype(np.uint64)
    keys *= np.uint64(vocab_size)
    keys += text.astype(np.uint64)
    keys <<= np.uint64(bits)
    keys |= np.arange(len(text), dtype=np.uint64)
    keys.sort()
    positions = (keys & np.uint64(2**bits - 1)).astype(np.int32)
    keys >>= np.uint64(bits)
    is_first = np.empty(len(text), bool)
    is_first[0] = True
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    owners = (keys[is_first] // np.uint64(vocab_size)).astype(np.int32)
    grams = np.empty(len(text), np.int32)
    grams[positions] = np.cumsum(is_first, dtype=np.int32) - 1
    return grams, owners


def _xz_loss(train: np.ndarray, held_out: np.ndarray, vocabulary: Vocabulary) -> float | None:
    """Nats per character that the held-out part adds to the compressed text, in UTF-8."""
    if len(held_out) < _XZ_NEEDS:
        return None
    before = vocabulary.decode(train[-_XZ_READS_BYTES:].tolist()).encode()[-_XZ_READS_BYTES:]
    after = vocabulary.decode(held_out.tolist()).encode()
    added = _compressed(before + after) - _compressed(before)
    return added * 8 * math.log(2) / len(held_out)


def _compressed(data: bytes) -> int:
    return len(lzma.compress(data, lzma.FORMAT_RAW, filters=_XZ))
