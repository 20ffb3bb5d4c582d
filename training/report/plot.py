"""tmp"""

from __future__ import annotations
from io import BytesIO


def loss_plot(train, held_out):
    train = list(train)
    held_out = list(held_out)
    if not train:
        return None
    # The object interface draws without a display and leaves pyplot's global state alone.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*zip(*train, strict=True), color="#8a8f98", linewidth=1.2, label="train (running)")
    if held_out:
        axes.plot(*zip(*held_out, strict=True), "o-", color="#c2410c", ms=3.5, label="held out")
    axes.set_xlabel("step")
    axes.set_ylabel("loss, nats per character")
    lowest = min(loss for _, loss in train + held_out)
    typical = sorted(loss for _, loss in train)[int(0.95 * len(train))]
    axes.set_ylim(max(0.0, lowest - 0.1), max(typical, lowest + 0.5) + 0.1)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
