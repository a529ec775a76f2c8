"""What the author of a method writes: a `Detector`."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from cleanbench.core import Bools, Floats, Ints, Issue, Need, Ranking, read_only
from cleanbench.view import NotApplicable, View


class Detector:
    """A method that ranks what a human should look at first. Override what you solve.

    Scores are floats; **higher is more suspicious**. `issues` follows from what is overridden.

    Attributes:
        needs: What the method reads, for all issues or per issue.
        requires: Optional distributions without which it cannot run, such as ``("fastdup",)``.
        stochastic: Whether another seed gives other scores.
        paper_encoder: The encoder that its paper uses, by configuration name; tables say so where another one was used.
        exempt: Checks of the contract that do not apply, by name, each with its reason.
    """

    needs: ClassVar[Need | Mapping[Issue, Need]] = Need(0)
    requires: ClassVar[tuple[str, ...]] = ()
    stochastic: ClassVar[bool] = False
    paper_encoder: ClassVar[str | None] = None
    exempt: ClassVar[Mapping[str, str]] = {}

    def fit(self, data: View) -> None:
        """Do work that all issues share, timed apart; ``data`` offers what all issues need in common."""

    def off_topic(self, data: View) -> Floats:
        """Score every image: does it not belong here? Shape ``(N,)``."""
        raise UnsolvedIssue(type(self), Issue.OFF_TOPIC)

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        """Score pairs ``(M, 2)``: do both show the same? Shape ``(M,)``; symmetric, each pair on its own."""
        raise UnsolvedIssue(type(self), Issue.NEAR_DUPLICATE)

    def label_errors(self, data: View) -> Floats:
        """Score every image: is its given label wrong? Shape ``(N,)``."""
        raise UnsolvedIssue(type(self), Issue.LABEL_ERROR)

    def retrieve(self, data: View, limit: int) -> Ranking:
        """Return the ``limit`` most suspicious of all pairs, best first.

        The default asks `near_duplicates` for every pair, block by block, which is exact, needs little
        memory and grows with the square of the number of images; override it where there is a faster way.

        Raises:
            TooCostly: If a few pairs tell that all would take more CPU time than the run allows.
        """
        from cleanbench.pairs import cost_of_all, most_suspicious

        def score(pairs: Ints) -> Floats:
            return self.near_duplicates(data, pairs)

        if data.cpu_limit is not None:
            data.afford(cost_of_all(score, len(data)))
        return most_suspicious(score, len(data), limit)

    def flags(self, issue: Issue, data: View, ranking: Ranking) -> Bools | None:
        """Return the method's own decision on what it has ranked: is it faulty? Shape ``(L,)``; None: it has none.

        Override it where the method's definition says where to cut. It is asked right after the ranking, on the same
        instance, and must not change a score.

        Args:
            issue: What was ranked.
            data: What the ranking was made from.
            ranking: All images in their order, or the pairs that were asked for or retrieved.

        Raises:
            NotApplicable: With the reason why the method cannot decide here.
        """
        return None

    @classmethod
    def issues(cls) -> tuple[Issue, ...]:
        """Return the issues it solves: those whose method it overrides."""
        return tuple(issue for issue, name in SOLVED_BY.items() if getattr(cls, name) is not getattr(Detector, name))

    @classmethod
    def needs_for(cls, issue: Issue) -> Need:
        """Return what it reads to solve ``issue``."""
        return cls.needs if isinstance(cls.needs, Need) else cls.needs.get(issue, Need(0))

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """Return the distributions it requires that are not installed."""
        return tuple(name for name in cls.requires if not _installed(name))

    @final
    def rank(self, issue: Issue, data: View, items: npt.ArrayLike | None = None) -> Ranking:
        """Rank ``items`` (all images, if not given; pairs must be given), best evidence first in no order.

        Args:
            issue: What to look for.
            data: The data set; the method sees only what it declares for ``issue``.
            items: Positions ``(L,)``, or pairs ``(L, 2)`` with ``i < j``.

        Raises:
            ValueError: If the method's answer is no valid ranking.
            UndeclaredNeed: If it reads what it does not declare.
            NotApplicable: If the data set lacks what it needs.
        """
        view = data.restricted(self.needs_for(issue))
        if issue.ranks_pairs:
            pairs = read_only(np.asarray([] if items is None else items, dtype=np.int64).reshape(-1, 2))
            return Ranking(issue, pairs, self._checked(issue, self.near_duplicates(view, pairs), len(pairs)))
        scores = self.off_topic(view) if issue is Issue.OFF_TOPIC else self.label_errors(view)
        every = self._checked(issue, scores, len(data))
        chosen = np.arange(len(data)) if items is None else np.asarray(items, dtype=np.int64)
        return Ranking(issue, chosen, every[chosen])

    @final
    def decided(self, data: View, ranking: Ranking) -> Ranking:
        """Return a ranking of this method with its `flags`, or with a note why it cannot decide.

        Raises:
            ValueError: If the flags are not one bool for each score.
        """
        if not len(ranking):
            return ranking
        try:
            flags = self.flags(ranking.issue, data.restricted(self.needs_for(ranking.issue)), ranking)
        except NotApplicable as reason:
            return replace(ranking, notes={**ranking.notes, "undecided": str(reason)})
        return ranking if flags is None else replace(ranking, flags=flags)

    def _checked(self, issue: Issue, scores: Any, expected: int) -> Floats:
        array: npt.NDArray[Any] = np.asarray(scores)
        if array.shape != (expected,):
            raise ValueError(f"{type(self).__name__}.{SOLVED_BY[issue]} returned {array.shape}, expected ({expected},)")
        return array


class UnsolvedIssue(Exception):
    """A method is asked for an issue that it does not solve."""

    def __init__(self, method: type[Detector], issue: Issue) -> None:
        solved = ", ".join(method.issues()) or "none"
        super().__init__(f"{method.__name__} does not solve {issue}; it solves {solved}")


SOLVED_BY: Mapping[Issue, str] = {
    Issue.OFF_TOPIC: "off_topic",
    Issue.NEAR_DUPLICATE: "near_duplicates",
    Issue.LABEL_ERROR: "label_errors",
}


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
