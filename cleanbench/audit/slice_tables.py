"""The tables of an audit by slice, and of what one issue's ranking finds of another's faults."""

from collections.abc import Sequence

import numpy as np

from cleanbench.audit.listing import Cell, Listing, numbers, text
from cleanbench.audit.runs import Audit, Audited
from cleanbench.audit.tables import heading, named, names_of
from cleanbench.core import GroundTruth, UserError
from cleanbench.cross_issue import crossing
from cleanbench.image_set import ImageSet
from cleanbench.metrics import METRICS
from cleanbench.slices import (
    ANY,
    LEAST_FAULTY,
    Served,
    Slice,
    Sliced,
    by_slice,
    flagged_rates,
    served,
    slices_of,
    worst,
)

CLASS = "class"
MOST = 50  # values of a fact beyond which it names images rather than parts of a set
JUDGED_BY = "AUROC"  # does not depend on the prevalence, which differs between slices


def facts_of(image_set: ImageSet, wanted: str | None) -> list[str]:
    """Return the facts to slice by: those that are wanted, by name, or all that have 2 to `MOST` values.

    Of several facts that cut the set into the same slices (a class and its name, say) only the first is taken.

    Raises:
        UserError: If the data set has no fact of a name.
    """
    known = ([CLASS] if image_set.labels is not None else []) + sorted(set(image_set.attributes) - {CLASS})
    if wanted is None:
        taken: dict[bytes, str] = {}
        for name in known:
            values, first, codes = np.unique(
                _values(image_set, name).astype(str), return_index=True, return_inverse=True
            )
            if 2 <= len(values) <= MOST:
                taken.setdefault(np.argsort(np.argsort(first))[codes].tobytes(), name)  # numbered as they appear
        return list(taken.values())
    names = [name.strip() for name in wanted.split(",")]
    for name in names:
        if name not in known:
            raise UserError(
                f"{image_set.name!r} knows no {name!r} of its images; by= can be {', '.join(known) or 'none'}"
            )
    return names


def slice_tables(audit: Audit, image_set: ImageSet, fact: str, budget: int) -> list[Listing]:
    """Return, by a fact, the slice that each run serves worst, and everything about every slice.

    Args:
        audit: Of an issue.
        image_set: The data set that it is about.
        fact: `CLASS`, by the given label, or the name of an attribute.
        budget: Items of the common queue.
    """
    slices = slices_by(audit, image_set, fact)
    short: list[tuple[Cell, ...]] = []
    queue: list[tuple[Cell, ...]] = []
    every: list[tuple[Cell, ...]] = []
    for run in audit.runs:
        name = named(audit, run)
        measured = by_slice(audit.items, audit.labels, run.scores, slices)
        reached = served(audit.labels, run.scores, slices, budget, audit.independent)
        short.append((*name, *_worst(measured), *_waiting(reached)))
        queue += [(*name, *row) for row in _queue(audit, run, slices, reached)]
        every += [
            (*name, part.name, part.items, part.faulty, metric, found.value, found.low, found.high, found.reason)
            for part in measured
            for metric, found in part.metrics.items()
        ]
    title = f"{heading(audit)}: by {fact}, {len(slices)} slices"
    noun = "A pair counts in the slices of both of its images. " if audit.issue.ranks_pairs else ""
    several = ("from", "to")
    return [
        Listing(
            f"worst-{audit.issue}-{fact}",
            title,
            (
                *names_of(audit),
                *text(f"Worst {JUDGED_BY} in"),
                *numbers(3, JUDGED_BY),
                *numbers(3, *several, printed=False),
                *text("Least recall in"),
                *numbers(3, f"Recall at {budget:,}"),
                *numbers(0, "Extra items"),
                *text("Most false alarms in"),
                *numbers(3, "False alarms"),
            ),
            short,
            (
                f"{noun}Slices with at least {LEAST_FAULTY} faulty and as many clean items take part in the worst "
                f"{JUDGED_BY}, with {LEAST_FAULTY} of the kind in the other two. The worst of several was chosen after "
                "looking, which its 95 % interval (from, to in the CSV) does not know.",
                f"Recall: of the slice's faulty items, in one common queue of which {budget:,} are reviewed; extra "
                "items: how many more of the slice have to be, in the order of the queue, until it is that of the "
                "whole set. False alarms: share of the slice's clean items among those reviewed.",
            ),
        ),
        Listing(
            f"queue-{audit.issue}-{fact}",
            title,
            (
                *names_of(audit),
                *text(fact),
                *numbers(0, "items", "faulty"),
                *numbers(1, "reviewed"),
                *numbers(3, f"recall at {budget}", *several),
                *numbers(1, "extra items"),
                *numbers(3, "false alarms", *several, "flagged of clean", *several),
            ),
            queue,
            printed=False,
        ),
        Listing(
            f"metrics-{audit.issue}-{fact}",
            title,
            (
                *names_of(audit),
                *text(fact),
                *numbers(0, "items", "faulty"),
                *text("metric"),
                *numbers(3, "value", *several),
                *text("reason"),
            ),
            every,
            printed=False,
        ),
    ]


def slices_by(audit: Audit, image_set: ImageSet, fact: str) -> list[Slice]:
    """Return the slices of the annotated items by a fact."""
    place = {key: position for position, key in enumerate(image_set.ids)}
    values = _values(image_set, fact)[[place[key] for key in audit.ids]]
    return slices_of(values, audit.items, ANY)


def crossing_table(audits: Sequence[Audit], top: int) -> Listing:
    """Return what the top of every run's ranking has of every issue's faults."""
    ids = tuple(sorted({key for audit in audits for key in audit.ids}))
    place = {key: position for position, key in enumerate(ids)}
    truths = {audit.issue: _moved(audit, place) for audit in audits}
    rows: list[tuple[Cell, ...]] = []
    for audit in audits:
        here = np.array([place[key] for key in audit.ids])
        for run in audit.runs:
            ranking = run.ranking
            moved = type(ranking)(ranking.issue, here[ranking.items], ranking.scores)
            for issue, truth in truths.items():
                found = crossing(moved, truth, len(ids), top)
                rows.append(
                    (
                        *(name or None for name in run.names),
                        audit.issue.heading,
                        issue.heading,
                        found.judged,
                        found.faulty,
                        found.share.value,
                        found.usual,
                    )
                )
    return Listing(
        "crossings",
        f"What the first {top:,} of each ranking have of every issue's faults",
        (
            *text("Method", "Encoder", "Seed", "Ranked by", "Faults"),
            *numbers(1, "Judged", "Faulty"),
            *numbers(3, "Share", "Usual"),
        ),
        rows,
        (
            "Of all that was ranked, annotated or not. Share: faulty of those that the truth judges; usual: the same "
            "over the whole ranking, as a random order has it. A pair is faulty by a truth of images if either image "
            "is; an image by a truth of pairs if it is in a faulty one.",
        ),
        printed=False,
    )


def _queue(audit: Audit, run: Audited, slices: Sequence[Slice], reached: Sequence[Served]) -> list[tuple[Cell, ...]]:
    rates: list[tuple[Cell, ...]] = [(None, None, None)] * len(slices)
    if run.flags is not None:
        found = flagged_rates(audit.labels, run.flags, slices, audit.independent)
        rates = [(share.value, share.low, share.high) for _, _, share in found]
    rows: list[tuple[Cell, ...]] = []
    for part, rate in zip(reached, rates, strict=True):
        recall, false = part.recall, part.false_positives
        ends = (recall.value, recall.low, recall.high, part.extra, false.value, false.low, false.high)
        rows.append((part.name, part.items, part.faulty, part.reviewed, *ends, *rate))
    return rows


def _worst(measured: Sequence[Sliced]) -> tuple[Cell, ...]:
    found = worst(measured, JUDGED_BY, higher_is_better=METRICS[JUDGED_BY].higher_is_better)
    if found is None:
        return None, None, None, None
    share = found.metrics[JUDGED_BY]
    return found.name, share.value, share.low, share.high


def _waiting(reached: Sequence[Served]) -> tuple[Cell, ...]:
    """Return the slice of least recall with what it lacks, and that with the most false alarms."""
    faulty = [part for part in reached if part.faulty >= LEAST_FAULTY]
    clean = [part for part in reached if part.items - part.faulty >= LEAST_FAULTY]
    least = min(faulty, key=lambda part: part.recall.value or 0.0, default=None)
    most = max(clean, key=lambda part: part.false_positives.value or 0.0, default=None)
    return (
        *((None, None, None) if least is None else (least.name, least.recall.value, least.extra)),
        *((None, None) if most is None else (most.name, most.false_positives.value)),
    )


def _values(image_set: ImageSet, fact: str) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    if fact != CLASS:
        return image_set.attributes[fact].astype(object)
    names = np.array([*image_set.classes, ""], dtype=object)  # an image without a label has -1
    assert image_set.labels is not None  # `facts_of` names classes only where there are labels
    return names[image_set.labels]


def _moved(audit: Audit, place: dict[str, int]) -> GroundTruth:
    here = np.array([place[key] for key in audit.ids])
    truth = audit.truth
    return GroundTruth.of(
        audit.issue,
        tuple(place),
        here[truth.items],
        truth.labels,
        name=truth.name,
        kind=truth.kind,
        presumed=truth.presumed,
    )
