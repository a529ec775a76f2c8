"""What a submission is about: a data set at hand, or a board, which has the truth but not the images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleanbench.core import Issue, UserError
from cleanbench.datasets.tables import some
from cleanbench.image_set import ImageSet
from cleanbench.leaderboard.board import Board, boards, truth_of
from cleanbench.leaderboard.evidence import Judgements
from cleanbench.readable import unreadable_reasons
from cleanbench.records import Terms, TruthName
from cleanbench.score.findings import shown
from cleanbench.score.standing import Standing
from cleanbench.spelling import nearest
from cleanbench.store import Store


@dataclass(frozen=True, eq=False)
class Known:
    """A data set as far as scoring needs it.

    Attributes:
        dataset: Its name.
        fingerprint: SHA-256 of ids, image bytes and labels.
        images: How many it has.
        unreadable: How many of them cannot be decoded.
        ids: Those that are known to be of it; all of them, unless it is only known from a board.
        truths: By issue: how the truth is called, and what it judges.
        seed: Of the data set.
        terms: By issue, what must stand beside its numbers.
    """

    dataset: str
    fingerprint: str
    images: int
    unreadable: int
    ids: frozenset[str]
    truths: Mapping[Issue, tuple[TruthName, Judgements]]
    seed: int | None
    terms: Mapping[Issue, Terms | None]

    @classmethod
    def of(cls, image_set: ImageSet, seed: int | None = None) -> "Known":
        """Return what is known of a data set at hand."""
        truths, terms = {}, {}
        for issue in Issue:
            truth = image_set.truth(issue)
            terms[issue] = Terms.of(image_set.card, truth)
            name = TruthName.of(truth, image_set.truth_revision)
            if truth is not None and name is not None:
                items = [tuple(image_set.ids[part] for part in np.atleast_1d(item)) for item in truth.items]
                truths[issue] = (
                    name,
                    Judgements(items, truth.items, truth.labels, truth.revision, truth.probability, truth.inclusion),
                )
        return cls(
            dataset=image_set.name,
            fingerprint=image_set.fingerprint,
            images=len(image_set),
            unreadable=sum(map(bool, unreadable_reasons(image_set, Store.default()))),
            ids=frozenset(image_set.ids),
            truths=truths,
            seed=seed,
            terms=terms,
        )

    @classmethod
    def on(cls, board: Board, standing: Standing) -> "Known":
        """Return what a board knows of its data set.

        Raises:
            UserError: If the board has no records that can be read.
        """
        records = standing.records(board)
        if not records:
            raise UserError(f"{board.folder} has no records, so its data set is not known")
        first = records[0]
        truths = {}
        for record in records:
            if record.issue not in truths and (truth := standing.truth(board, record.issue)) is not None:
                truths[record.issue] = truth_of(record), truth
        ids = standing.ids(board)
        return cls(
            dataset=first.dataset,
            fingerprint=first.fingerprint,
            images=first.images,
            unreadable=first.unreadable,
            ids=ids,
            truths=truths,
            seed=first.seeds.dataset,
            terms={record.issue: record.terms for record in records},
        )

    @property
    def knows_all(self) -> bool:
        """Whether `ids` are all that the data set has."""
        return len(self.ids) >= self.images

    @property
    def set_revision(self) -> str:
        """The revision of the truth as a whole."""
        return next((name.set_revision for name, _ in self.truths.values()), "")


def board_of(root: Path, dataset: str, revision: str) -> Board:
    """Return the board of a data set whose truth revision starts as given.

    Raises:
        UserError: If there is none, or several.
    """
    sets = sorted({board.folder.parent.name for board in boards(root)})
    # A name from a manifest leads nowhere but to a folder of boards.
    if dataset not in sets:
        raise UserError(f"{root} has no boards of {some([dataset])}.{nearest(dataset[:100], sets)}")
    of_set = [board for board in boards(root) if board.folder.parent.name == dataset]
    found = [board for board in of_set if _starts_alike(revision, board.folder.name)]
    if len(found) != 1:
        known = ", ".join(board.folder.name for board in of_set)
        raise UserError(
            f"{root} has {'no' if not found else 'several'} boards of {some([dataset])} with truth revision "
            f"{shown(revision) or 'not stated'}; there are: {known}. State truth_revision in the manifest"
        )
    return found[0]


def _starts_alike(revision: str, name: str) -> bool:
    return revision.startswith(name) or name.startswith(revision)
