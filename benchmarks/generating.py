"""Characters a second, one stream, one thread: our numpy decoder beside nn.LSTM step by step.

    python -m benchmarks.generating [--model MODEL] [--characters 2000]

Both sample at temperature 0.8, without min-p, from the same weights, in turns; medians of five.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

# Before numpy is imported: one stream of small products gains nothing from BLAS's own threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch
from threadpoolctl import threadpool_info

from model.char_lstm import CharLSTM, LSTMState
from model.folder import BUNDLED_MODEL, load_model
from model.generator import Generator
from model.hub import resolve_model
from model.sampling import SamplingParams

TEMPERATURE = 0.8
TURNS = 5


def by_torch(network: CharLSTM, characters: int) -> None:
    """The usual loop: one call of the module a character, multinomial sampling."""
    index = torch.zeros((1, 1), dtype=torch.long)
    state: LSTMState | None = None
    with torch.inference_mode():
        for _ in range(characters):
            logits, state = network(index, state)
            index = torch.multinomial(torch.softmax(logits[0, -1] / TEMPERATURE, 0), 1)[None]


def speed(generate: Callable[[], object], characters: int) -> float:
    """Characters a second of one call."""
    start = time.perf_counter()
    generate()
    return characters / (time.perf_counter() - start)


def main() -> None:
    """Run both in turns and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--model", default=str(BUNDLED_MODEL))
    parser.add_argument("--characters", type=int, default=2_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(resolve_model(arguments.model))
    generator = Generator(model)
    network = CharLSTM.from_config(model.config).eval()
    network.load_state_dict({name: torch.from_numpy(w) for name, w in model.weights.items()})
    params = SamplingParams(length=arguments.characters, temperature=TEMPERATURE, min_p=0)
    ours, theirs = [], []
    for _ in range(TURNS):
        ours.append(speed(lambda: generator.generate("", params), arguments.characters))
        theirs.append(speed(lambda: by_torch(network, arguments.characters), arguments.characters))
    kernels = {info["architecture"] for info in threadpool_info() if "architecture" in info}
    config = model.config
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, torch "
        f"{torch.__version__}, BLAS kernels {', '.join(sorted(kernels))}; "
        f"{config.num_layers} x {config.hidden_size}, one thread"
    )
    print(f"Generator        {statistics.median(ours):8,.0f} characters a second")
    print(f"nn.LSTM by steps {statistics.median(theirs):8,.0f} characters a second")
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    print(f"ratio            {statistics.median(ratios):8.1f}")


if __name__ == "__main__":
    main()
