"""A finished run as a report reads it: its records, rankings and truths, from its folder alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import Bools, Floats, Ints, Issue, UserError
from cleanbench.leaderboard.evidence import read_truth
from cleanbench.metrics import Levels
from cleanbench.queues import read_queue
from cleanbench.rankings import align, read_flags, read_table
from cleanbench.records import Record, RunFile, read_run
from cleanbench.sampled import SAMPLED
from cleanbench.verification import defect, refusal

COMMAND = "# python -m cleanbench"  # how the first line of a run's config.yaml begins
FAULTY, CLEAN, NOT_JUDGED = 1, 0, -1

Item = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Judged:
    """A truth by ids.

    Attributes:
        items: The judged images or pairs.
        labels: True for faulty, shape ``(M,)``.
        probability: That each item is faulty, shape ``(M,)``; None if that is not known.
    """

    items: Sequence[Item]
    labels: Bools
    probability: Floats | None = None

    @cached_property
    def positions(self) -> Ints:
        """The items as numbers of the images that occur in them, shape ``(M,)``, or ``(M, 2)`` for pairs."""
        return self.located(sorted({part for item in self.items for part in item}))

    def located(self, ids: Sequence[str]) -> Ints:
        """Return the items as positions in ids, which are sorted; shape ``(M,)``, or ``(M, 2)`` for pairs.

        Raises:
            UserError: If an image is not among the ids.
        """
        place = {name: position for position, name in enumerate(ids)}
        try:
            found = np.array([[place[part] for part in item] for item in self.items], dtype=np.int64)
        except KeyError as error:
            raise UserError(f"the truth judges {error}, which the data set does not have: it is other data") from error
        return found[:, 0] if found.shape[1:] == (1,) else found.reshape(len(self.items), -1)

    @cached_property
    def by_item(self) -> Mapping[Item, bool]:
        """The labels by item."""
        return dict(zip(self.items, self.labels.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Ranked:
    """One issue of a run.

    Attributes:
        record: What the run says of it.
        items: What was ranked, the most suspicious first; tied ones in the order of their ids.
        scores: Shape ``(L,)``, descending; ``-inf`` for what got no score.
        judged: The truth; None if there is none.
        flags: The method's own decision on the judged items, in their order, shape ``(M,)``; None if it makes none.
        queue: Of pairs, the most suspicious of all pairs, where ``items`` are those that were asked for; None if it is
            not known.
    """

    record: Record
    items: Sequence[Item]
    scores: Floats
    judged: Judged | None
    flags: Bools | None = None
    queue: "Ranked | None" = None

    @property
    def issue(self) -> Issue:
        """What was ranked."""
        return self.record.issue

    @cached_property
    def judgements(self) -> Ints:
        """`FAULTY`, `CLEAN` or `NOT_JUDGED` for each ranked item, shape ``(L,)``."""
        known = {} if self.judged is None else self.judged.by_item
        return np.array([int(known[item]) if item in known else NOT_JUDGED for item in self.items], dtype=np.int64)

    @cached_property
    def judged_scores(self) -> Floats:
        """The scores of the judged items, in the order of the truth, shape ``(M,)``."""
        return align(() if self.judged is None else self.judged.items, self.items, self.scores)

    @cached_property
    def levels(self) -> Levels:
        """Counts of judged items at distinct scores."""
        labels = np.zeros(0, dtype=bool) if self.judged is None else self.judged.labels
        return Levels.of(labels, self.judged_scores)

    @property
    def has_curves(self) -> bool:
        """Whether both faulty and clean items were judged, all that were to be: else a curve says nothing."""
        return not self.is_sample and 0 < self.record.faulty < self.record.items

    @property
    def is_sample(self) -> bool:
        """Whether the judged items are a sample that stands for others: counting them alone would mislead."""
        return SAMPLED in self.record.notes

    def ranks(self, position: int) -> tuple[int, int]:
        """Return the first and the last rank that an item may have: they differ where items tie.

        Args:
            position: Of the item in ``items``.
        """
        rising = -self.scores
        score = rising[position]
        return int(np.searchsorted(rising, score, "left")) + 1, int(np.searchsorted(rising, score, "right"))


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished run.

    Attributes:
        folder: Its run folder.
        run: Its records, and the issues without one.
        ranked: By issue.
        settings: The resolved configuration; empty where none was kept.
        command: What repeats the run; empty where that was not kept.
    """

    folder: Path
    run: RunFile
    ranked: Mapping[Issue, Ranked]
    settings: Mapping[str, Any]
    command: str

    @property
    def first(self) -> Record:
        """Any of its records, for what they share."""
        return self.run.records[0]


def read(folder: Path) -> Finished:
    """Read a run folder.

    Raises:
        UserError: If it is none, a file of it is missing or damaged, or its numbers do not follow from its files.
    """
    if not (folder / "record.json").exists():
        raise UserError(
            f"{folder} is no folder of a finished run: it holds no record.json; runs are in <output>/<dataset>/"
        )
    run = read_run(folder / "record.json")
    if not run.records:
        raise UserError(f"the run in {folder} ranked nothing, so there is nothing to report")
    if reason := next(filter(None, (defect(folder, record) for record in run.records)), ""):
        raise UserError(refusal(folder, reason))
    ranked = {record.issue: ranked_of(folder, record) for record in run.records}
    settings, command = settings_of(folder)
    return Finished(folder, run, ranked, settings, command)


def ranked_of(folder: Path, record: Record, truths: "dict[str, Judged] | None" = None) -> Ranked:
    """Read the ranking of a record, and its truth.

    Args:
        folder: The run folder.
        record: One of its records.
        truths: What was read of truths before, by revision; runs of one data set share them.

    Raises:
        UserError: If a file is missing or damaged.
    """
    path = folder / "rankings" / f"{record.issue}.parquet"
    items, scores = read_table(path, record.issue, "score")
    scores = scores.astype(np.float64)
    if np.isnan(scores).any() or np.isposinf(scores).any():
        raise UserError(f"{path} has scores that are NaN or +inf; repeat the run with force=true")
    order = np.argsort(-scores, kind="stable")  # files of other tools may be in any order
    judged = None
    if record.truth is not None:
        truths = {} if truths is None else truths
        if record.truth.revision not in truths:
            place = folder.parent / "truth" / record.truth.set_revision[:8] / f"{record.issue}.parquet"
            truth = read_truth(place, record.issue)
            truths[record.truth.revision] = Judged(truth.items, truth.labels, truth.probability)
        judged = truths[record.truth.revision]
    flags = None
    if judged is not None and (decided := read_flags(path, record.issue)) is not None:
        flags = align(judged.items, decided[0], decided[1].astype(np.float64)) > 0
    queued = read_queue(path) if judged is not None and record.issue.ranks_pairs else None
    queue = None if queued is None else Ranked(record, queued.items, queued.scores, judged)
    return Ranked(record, [items[place] for place in order], scores[order], judged, flags, queue)


def settings_of(folder: Path) -> tuple[Mapping[str, Any], str]:
    """Return the configuration that a run kept, and its command; both empty where it is not there."""
    import yaml

    try:
        text = (folder / "config.yaml").read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}, ""  # a report without its settings is better than none
    first = text.partition("\n")[0]
    return content if isinstance(content, dict) else {}, first.removeprefix("# ") if first.startswith(COMMAND) else ""
