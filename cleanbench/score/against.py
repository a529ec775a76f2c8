"""What a submission is about: a data set at hand, or a board, which has the truth but not the images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleanbench.core import Issue, UserError
from cleanbench.datasets.tables import some
from cleanbench.image_set import ImageSet
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.evidence import Judgements, read_truth
from cleanbench.readable import unreadable_reasons
from cleanbench.records import Terms, TruthName
from cleanbench.store import Store


@dataclass(frozen=True, eq=False)
class Known:
    """A data set as far as scoring needs it.

    Attributes:
        dataset: Its name.
        fingerprint: SHA-256 of ids, image bytes and labels.
        images: How many it has.
        unreadable: How many of them cannot be decoded.
        ids: All of them; None where they are not known.
        truths: By issue: how the truth is called, and what it judges.
        seed: Of the data set.
        terms: By issue, what must stand beside its numbers.
    """

    dataset: str
    fingerprint: str
    images: int
    unreadable: int
    ids: frozenset[str] | None
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
    def on(cls, board: Board) -> "Known":
        """Return what a board knows of its data set.

        Raises:
            UserError: If the board has no records, or its truth is damaged.
        """
        records = board.records()
        if not records:
            raise UserError(f"{board.folder} has no records, so its data set is not known")
        first = records[0]
        truths = {}
        for record in records:
            if record.issue not in truths:
                truths[record.issue] = truth_of(record), read_truth(board.truth(record.issue), record.issue)
        return cls(
            dataset=first.dataset,
            fingerprint=first.fingerprint,
            images=first.images,
            unreadable=first.unreadable,
            ids=None,
            truths=truths,
            seed=first.seeds.dataset,
            terms={record.issue: record.terms for record in records},
        )

    @property
    def set_revision(self) -> str:
        """The revision of the truth as a whole."""
        return next((name.set_revision for name, _ in self.truths.values()), "")


def board_of(root: Path, dataset: str, revision: str) -> Board:
    """Return the board of a data set whose truth revision starts as given.

    Raises:
        UserError: If there is none, or several.
    """
    # A name from a manifest leads nowhere but to a folder of boards.
    there = dataset in {path.name for path in root.iterdir()}
    of_set = sorted(path for path in (root / dataset).glob("*") if path.is_dir()) if there else []
    found = [path for path in of_set if revision.startswith(path.name) or path.name.startswith(revision)]
    if len(found) != 1:
        known = ", ".join(path.name for path in of_set) or "none"
        raise UserError(
            f"{root} has {'no' if not found else 'several'} boards of {some([dataset])} with truth revision "
            f"{revision or 'not stated'}; there are: {known}. State truth_revision in the manifest"
        )
    return Board(found[0])
