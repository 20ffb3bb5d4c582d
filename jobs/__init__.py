"""What visitors of a page ask for: whose it is, what is allowed, where it runs, what is published.

Knows nothing about components.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from model.folder import ModelFolderError
from model.hub import HubError
from training.run import RunError
from training.settings import TrainingError


class JobError(Exception):
    """What a visitor asked for can't be done; whole sentences that say why and what to do."""


def sentence(clause: str) -> str:
    """What an error or a note says in a clause, as a sentence."""
    return f"{clause[:1].upper()}{clause[1:].rstrip('.')}."


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Tell a visitor what the Hub, the training or the system refuses."""
    try:
        yield
    except (HubError, RunError, TrainingError) as error:
        raise JobError(sentence(str(error))) from error
    except ModelFolderError as error:  # whose words name a folder of this machine
        raise JobError("There is no model yet, or it is just being replaced.") from error
    except OSError as error:
        raise JobError(
            f"This page's machine refuses it: {error.strerror or 'no reason'}."
        ) from error
