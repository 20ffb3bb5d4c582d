"""CharLSTM: the seed's model, grown up."""

from __future__ import annotations

import pytest
import torch

from model.char_lstm import CharLSTM


def test_indices_and_one_hot_rows_are_the_same_input() -> None:
    torch.manual_seed(0)
    for embedding_size in (0, 3):
        model = CharLSTM(5, 8, num_layers=2, embedding_size=embedding_size)
        indices = torch.tensor([[0, 4, 2], [1, 1, 3]])
        one_hot = torch.nn.functional.one_hot(indices, 5).float()
        from_indices, (h, c) = model(indices)
        from_rows, _ = model(one_hot)
        assert from_indices.shape == (2, 3, 5)
        assert h.shape == c.shape == (2, 2, 8)
        torch.testing.assert_close(from_indices, from_rows)
        first, state = model(indices[:, :1])  # a carried state makes two halves one whole
        second, _ = model(indices[:, 1:], state)
        torch.testing.assert_close(torch.cat([first, second], dim=1), from_indices)


def test_dropout_draws_one_mask_for_all_steps_and_none_when_evaluating() -> None:
    torch.manual_seed(0)
    model = CharLSTM(5, 64, dropout=0.5)
    seen: list[torch.Tensor] = []
    model.fc.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(torch.randint(5, (3, 10)))
    dropped = seen[0] == 0
    assert 0.3 < dropped.float().mean() < 0.7
    assert (dropped == dropped[:, :1]).all()
    model.eval()
    model(torch.randint(5, (3, 10)))
    assert not (seen[1] == 0).any()


@pytest.mark.parametrize("layers", [1, 2])
def test_the_same_generator_state_gives_the_same_masks_whatever_the_global_one(layers: int) -> None:
    model = CharLSTM(5, 16, layers, dropout=0.5, input_dropout=0.2)
    indices = torch.randint(5, (3, 10))

    def logits(global_seed: int) -> torch.Tensor:
        torch.manual_seed(global_seed)
        result: torch.Tensor = model(indices, None, torch.Generator().manual_seed(1))[0]
        return result

    torch.testing.assert_close(logits(1), logits(2), rtol=0, atol=0)


def test_masks_between_layers_leave_the_network_what_it_is() -> None:
    torch.manual_seed(0)
    model = CharLSTM(5, 16, 3, dropout=1e-9)
    indices = torch.randint(5, (2, 10))
    layer_by_layer, state = model(indices)
    as_one, state_of_one = model.eval()(indices)
    torch.testing.assert_close(layer_by_layer, as_one)
    torch.testing.assert_close(state, state_of_one)
