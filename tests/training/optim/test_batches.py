"""Batches: everything is read, in the order of the text."""

from __future__ import annotations

import numpy as np

from tests.reference import ITEMS, LIST
from training.optim.batches import Batches


def test_every_stream_continues_where_it_was_and_targets_are_one_ahead() -> None:
    batches = Batches(np.arange(1000), batch_size=4, sequence_length=10, seed=1)
    assert batches.steps_per_epoch == 25
    assert [step for step in range(60) if batches.begins_epoch(step)] == [0, 25, 50]
    before, _ = batches.chunk(30)
    after, targets = batches.chunk(31)
    assert after.shape == targets.shape == (4, 10)
    np.testing.assert_array_equal((before[:, -1] + 1) % 1000, after[:, 0])
    np.testing.assert_array_equal((after + 1) % 1000, targets)


def test_an_epoch_reads_everything_once_and_the_next_breaks_it_elsewhere() -> None:
    batches = Batches(np.arange(1000), batch_size=4, sequence_length=10, seed=1)
    for epoch in (0, 1, 2):
        seen = np.concatenate([batches.chunk(epoch * 25 + i)[0].ravel() for i in range(25)])
        assert sorted(seen) == list(range(1000))
    starts = {int(batches.chunk(epoch * 25)[0][0, 0]) for epoch in range(4)}
    assert len(starts) == 4


def test_an_epoch_of_a_list_has_each_item_once_in_an_order_of_its_own() -> None:
    text = np.frombuffer(LIST[: LIST.index("\n", 2_000) + 1].encode(), np.uint8)
    streams, length = 4, 10
    steps = len(text) // (streams * length)

    def positions(epoch: int, batches: Batches) -> np.ndarray:
        """Where an epoch's characters stand in the text, in the order that they are read in."""
        chunks = [batches.positions(epoch * steps + step)[:, :-1] for step in range(steps)]
        return np.concatenate(chunks, axis=1)

    batches = Batches(text, streams, length, seed=1, line_break=ord("\n"))
    orders = [positions(epoch, batches) for epoch in range(3)]
    for order in orders:
        assert len(np.unique(order)) == order.size > len(text) - streams * length
        runs = text[order].tobytes().split(b"\n")[1:-1]
        whole = [item.decode() for item in runs if item.decode() in ITEMS]
        assert len(whole) > 0.9 * len(runs)  # all but those between two streams
    assert not np.array_equal(orders[0], orders[1])
    again = Batches(text, streams, length, seed=1, line_break=ord("\n"))
    np.testing.assert_array_equal(positions(2, again), orders[2])
    np.testing.assert_array_equal(positions(0, batches), orders[0])
    inputs, targets = batches.chunk(5)
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])


def test_a_text_shorter_than_a_chunk_is_read_round_and_round() -> None:
    inputs, targets = Batches(np.arange(3), 1, 2, seed=1).chunk(0)
    assert (inputs.tolist(), targets.tolist()) == ([[0, 1]], [[1, 2]])
