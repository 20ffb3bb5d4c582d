"""The loss plot of a run."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO


def loss_plot(
    train_losses: Sequence[tuple[int, float]], val_losses: Sequence[tuple[int, float]]
) -> bytes | None:
    """A PNG of the losses over the steps; None if nothing was logged.

    Args:
        train_losses: (step, nats per character), running means.
        val_losses: the same on the held-out part.
    """
    if not train_losses:
        return None
    # The object interface draws without a display and leaves pyplot's global state alone.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*zip(*train_losses, strict=True), color="#8a8f98", lw=1.2, label="train (running)")
    if val_losses:
        axes.plot(*zip(*val_losses, strict=True), "o-", color="#c2410c", ms=3.5, label="held out")
    axes.set_xlabel("step")
    axes.set_ylabel("loss, nats per character")
    lowest = min(loss for _, loss in (*train_losses, *val_losses))
    typical = sorted(loss for _, loss in train_losses)[int(0.95 * len(train_losses))]
    axes.set_ylim(max(0.0, lowest - 0.1), max(typical, lowest + 0.5) + 0.1)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
