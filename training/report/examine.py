"""tmp"""


def examine(network, model, corpus, training, *, was_stopped, minutes, val_losses):
    return {"judgement": ["tmp"], "val_loss_reset_256": None, "baselines": None}
