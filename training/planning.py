"""Making the plan of a run: timing steps on throwaway networks, or taking the plan that is stored.

Knows the recipe's rule only as something to ask, and nothing of how a plan is carried out.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict

import numpy as np
import torch

from model.config import ConfigError
from training import recipe as recipes
from training.device import find_precision
from training.distributed import Group
from training.fine_tuning import Start
from training.learner import Learner
from training.plan import Plan, steps_a_minute
from training.recipe import Recipe
from training.run import PLAN_FILE, RunWriter, Settings, TrainingError, read_json, write_json
from training.text.corpus import INDICES_FILE, Corpus

_BLOCK = 2**24


def make_plan(
    settings: Settings,
    corpus: Corpus,
    writer: RunWriter,
    group: Group,
    device: torch.device,
    start: Start | None,
) -> Plan:
    """The stored plan of a run, or a new one, which is stored. All processes take part.

    Raises:
        TrainingError: if the folder's encoded corpus isn't the one that the plan was made for, its
            streams can't be divided among the processes, or the network would be too large.
    """
    all_threads = threads = torch.get_num_threads()
    may_choose = may_choose_threads(settings, group, device)
    rate = 0.0

    def timed(recipe: Recipe) -> float:
        """Characters a second, by as many threads as are best: two can be slower than one."""
        nonlocal threads, rate
        config = recipe.config(corpus.vocabulary)
        learner = Learner(recipe, config, corpus.train_part, 0, device, group)
        speeds = {}
        for count in {all_threads, 1} if may_choose else {all_threads}:
            torch.set_num_threads(count)
            speeds[count] = learner.characters_per_second(min(1.0, settings.minutes))
        threads = max(speeds, key=lambda count: speeds[count])
        rate = speeds[threads]
        return rate

    def speed(recipe: Recipe) -> float:
        group.refuse_uneven(recipe.batch_size)
        group.from_leader(lambda: recipe)
        with group.side_by_side():
            return timed(recipe)

    def make() -> Plan | Recipe:
        digest = corpus_digest(corpus)
        path = writer.folder / PLAN_FILE
        stored = read_json(path)
        if stored is not None:
            plan = Plan.from_json(stored)
            if plan.corpus_digest not in ("", digest):
                raise TrainingError(
                    f"{writer.folder / INDICES_FILE} and what describes it are not those that this "
                    "run was begun with: put them back, or start a run anew"
                )
            group.refuse_uneven(plan.recipe.batch_size)
            return plan
        writer.state("timing", characters=len(corpus.indices), notes=corpus.notes)
        try:
            recipe, steps = recipes.choose(
                settings if start is None else start.fit(settings),
                len(corpus.train_part),
                corpus.vocabulary,
                speed,
                find_precision(device, settings.precision),
                group.size,
            )
            parameters = recipe.config(corpus.vocabulary).parameters
        except ConfigError as error:
            raise TrainingError(f"{error}: choose a smaller --hidden_size") from error
        group.refuse_uneven(recipe.batch_size)
        plan = Plan(
            recipe,
            steps,
            threads=threads,
            timed=rate,
            checkpoint_every=steps_a_minute(recipe, parameters, device.type),
            corpus_digest=digest,
            init_from=None if start is None else start.facts(corpus.vocabulary),
        )
        write_json(path, asdict(plan))
        return plan

    while isinstance(plan := group.from_leader(make), Recipe):
        timed(plan)  # the leader times it too, and all are needed for that
    torch.set_num_threads(all_threads)
    return plan


def may_choose_threads(settings: Settings, group: Group, device: torch.device) -> bool:
    """Whether the number of threads is left to a run, and makes a difference to it."""
    return settings.threads is None and group.size == 1 and device.type == "cpu"


def corpus_digest(corpus: Corpus) -> str:
    """The sha256 of an encoded corpus: its characters, their indices, and where its parts lie."""
    digest = hashlib.sha256()
    digest.update("".join(corpus.vocabulary.characters).encode("utf-8", "surrogatepass"))
    digest.update(f"\0{len(corpus.indices)} {corpus.held_out}\0".encode())
    for start in range(0, len(corpus.indices), _BLOCK):
        digest.update(np.ascontiguousarray(corpus.indices[start : start + _BLOCK]).data)
    return digest.hexdigest()
