"""What visitors of a page ask for: whose it is, what is allowed, where it runs, what is published.

Knows nothing about components.
"""


class JobError(Exception):
    """What a visitor asked for can't be done; whole sentences that say why and what to do."""

    @classmethod
    def of(cls, error: Exception) -> "JobError":
        """What another error says in a clause, as a sentence."""
        words = str(error).rstrip(".")
        return cls(f"{words[:1].upper()}{words[1:]}.")
