"""What the supervisor says when it cannot go on."""

from __future__ import annotations


class StartError(Exception):
    """Something an operator can put right; shown without a traceback.

    Args:
        problem: what is wrong, in one or two sentences.
        remedy: what to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n  {remedy}")
        self.problem = problem
        self.remedy = remedy
