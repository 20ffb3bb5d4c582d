"""A peer for benchmarks.training: a small transformer trained as nanoGPT's README does on a CPU.

GPT-2 of the transformers package (pip install transformers): 4 layers, 4 heads, 128 wide, context
64, batches of 12, 2,000 steps, no dropout, AdamW 1e-3 falling to 1e-4 by a cosine after 100 steps
of warm-up, betas 0.9 and 0.99, weight decay 0.1 on matrices, gradients clipped at 1, as in
https://github.com/karpathy/nanoGPT, "I only have a macbook". On tiny Shakespeare a loss above 1.92
means that it was not set up right.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from training.text.corpus import Corpus

CONTEXT, BATCH, STEPS, WARM_UP = 64, 12, 2_000, 100
LR, LOWEST_LR = 1e-3, 1e-4


def train_transformer(corpus: Corpus, seed: int = 1337) -> Callable[[], float]:
    """Train it; what comes back computes its loss on the held-out part, with a sliding window."""
    torch.manual_seed(seed)
    model = _model(len(corpus.vocabulary))
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=LR,
        betas=(0.9, 0.99),
    )
    random = np.random.default_rng(seed)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = _lr(step)
        starts = random.integers(len(corpus.train) - CONTEXT, size=BATCH)
        windows = corpus.train[starts[:, None] + np.arange(CONTEXT + 1)].astype(np.int64)
        logits = model(torch.from_numpy(windows[:, :-1]), use_cache=False).logits
        targets = torch.from_numpy(windows[:, 1:])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return lambda: _sliding_loss(model.train(False), corpus)


def _model(vocab_size: int) -> GPT2LMHeadModel:
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab_size,
            n_positions=CONTEXT,
            n_embd=128,
            n_layer=4,
            n_head=4,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
        )
    )


def _lr(step: int) -> float:
    if step < WARM_UP:
        return LR * (step + 1) / (WARM_UP + 1)
    share = (step - WARM_UP) / (STEPS - WARM_UP)
    return LOWEST_LR + 0.5 * (1 + math.cos(math.pi * share)) * (LR - LOWEST_LR)


def _sliding_loss(model: GPT2LMHeadModel, corpus: Corpus) -> float:
    """Mean loss over the held-out part, each character after the whole context before it."""
    positions = np.arange(len(corpus.train) + 1, len(corpus.indices))
    total = 0.0
    with torch.inference_mode():
        for block in np.array_split(positions, math.ceil(len(positions) / 256)):
            windows = corpus.indices[block[:, None] + np.arange(-CONTEXT, 0)].astype(np.int64)
            logits = model(torch.from_numpy(windows), use_cache=False, logits_to_keep=1).logits
            targets = torch.from_numpy(corpus.indices[block].astype(np.int64))
            total += nn.functional.cross_entropy(logits[:, -1], targets, reduction="sum").item()
    return total / len(positions)
