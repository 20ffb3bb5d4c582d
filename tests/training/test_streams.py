"""Streams: everything is read, in the order of the text."""

from __future__ import annotations

import numpy as np

from training.streams import Streams


def test_every_stream_goes_on_where_it_was_and_targets_are_one_ahead() -> None:
    indices = np.arange(1000)
    streams = Streams(indices, batch_size=4, sequence_length=10, seed=1)
    assert streams.steps_per_epoch == 25
    assert streams.begins_epoch(0)
    assert not streams.begins_epoch(1)
    before, _ = streams.chunk(30)
    after, targets = streams.chunk(31)
    assert after.shape == targets.shape == (4, 10)
    np.testing.assert_array_equal((before[:, -1] + 1) % 1000, after[:, 0])
    np.testing.assert_array_equal((after + 1) % 1000, targets)


def test_an_epoch_reads_everything_once_and_the_next_breaks_it_elsewhere() -> None:
    streams = Streams(np.arange(1000), batch_size=4, sequence_length=10, seed=1)
    for epoch in (0, 1, 2):
        seen = np.concatenate([streams.chunk(epoch * 25 + i)[0].ravel() for i in range(25)])
        assert sorted(seen) == list(range(1000))
    starts = {int(streams.chunk(epoch * 25)[0][0, 0]) for epoch in range(4)}
    assert len(starts) == 4


def test_a_text_shorter_than_a_chunk_goes_round() -> None:
    inputs, targets = Streams(np.arange(3), 1, 2, seed=1).chunk(0)
    assert inputs.tolist() == [[0, 1]]
    assert targets.tolist() == [[1, 2]]
