"""What a ranking is worth to somebody who reviews it: items and hours, the method's own cut, and who waits for whom."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cleanbench.audit.budgets import RECALLS, effort
from cleanbench.audit.cuts import Cut, measured
from cleanbench.audit.reviewer import Reviewer, review
from cleanbench.audit.slice_tables import CLASS, JUDGED_BY, facts_of
from cleanbench.audit.stopping import chance_of_a_run, clean_needed, stop
from cleanbench.core import Bools, Floats, Ints
from cleanbench.image_set import ImageSet
from cleanbench.records import Measured
from cleanbench.report import sentences
from cleanbench.report.finished import Ranked
from cleanbench.report.page import Column, Html, folded, paragraph, table
from cleanbench.report.values import number, value
from cleanbench.scoring import score
from cleanbench.slices import ANY, LEAST_FAULTY, by_slice, served, slices_of, worst

BUDGET = 0.1  # of the judged items, for what is told by slice
SHARE = 0.05  # of faulty items that the stopping rule is to rule out
REVIEWS, MANY = 20, 5000  # simulated; beyond so many items, whose means vary less, fewer
REPLICATES = 400  # for intervals of slices


def review_parts(ranked: Ranked) -> list[Html]:
    """Return what a review from the top takes; nothing where no judged item is faulty."""
    record = ranked.record
    if ranked.judged is None or not record.faulty or ranked.is_sample:
        return []
    parts: list[Html] = [Html("<h3>What a review takes</h3>"), _efforts(ranked), paragraph(_stopping(ranked))]
    if ranked.flags is not None:
        parts.append(paragraph(_cut(ranked.judged.labels, ranked.flags, ranked)))
    return parts


def slice_parts(ranked: Ranked, image_set: ImageSet) -> list[Html]:
    """Return how the ranking serves the classes and other parts of a data set; nothing where there are none.

    Raises:
        UserError: If the ranking names images that the data set does not have.
    """
    if ranked.judged is None or not ranked.has_curves:
        return []
    items = ranked.judged.located(image_set.ids)
    parts: list[Html] = []
    for fact in telling_facts(image_set):
        parts += _slices(ranked, items, ranked.judged.labels, fact, values_of(image_set, fact))
    return [Html("<h3>By part of the data</h3>"), *parts] if parts else []


def reviews_of(items: int) -> int:
    """Return how many reviews of a ranking are simulated.

    Example:
        >>> reviews_of(100), reviews_of(20_000), reviews_of(10**6)
        (20, 5, 2)
    """
    return min(REVIEWS, max(2, REVIEWS * MANY // max(1, items)))


def telling_facts(image_set: ImageSet) -> list[str]:
    """Return the facts that cut a data set into parts; of several that cut it alike, the first."""
    cuts = set()
    telling = []
    for fact in facts_of(image_set, None):
        _, first, part = np.unique(values_of(image_set, fact).astype(str), return_index=True, return_inverse=True)
        cut = first[part].tobytes()  # each image by the first one of its part: what the parts are called does not count
        if cut not in cuts:
            cuts.add(cut)
            telling.append(fact)
    return telling


def values_of(image_set: ImageSet, fact: str) -> npt.NDArray[np.object_]:
    """Return a fact of each image: its given class, or an attribute."""
    if fact != CLASS or image_set.labels is None:
        return image_set.attributes[fact].astype(object)
    classes = np.array([*image_set.classes, ""], dtype=object)  # an image without a label has -1
    return classes[image_set.labels]


def _efforts(ranked: Ranked) -> Html:
    assert ranked.judged is not None  # `review_parts` looked
    labels, scores = ranked.judged.labels, ranked.judged_scores
    pairs = ranked.judged.positions if ranked.issue.ranks_pairs else None
    reviewer = Reviewer()
    taken = review(labels, scores, reviewer, pairs, reviews_of(len(labels)))
    rows: list[list[str | int]] = []
    for each in effort(ranked.levels, RECALLS, int(np.count_nonzero(np.isneginf(scores)))):
        hours = taken.hours_to(each.recall)
        rows.append(
            [
                f"{each.recall:.0%}",
                each.target,
                f"{each.items:,.0f}{'' if each.scored else ' *'}",
                sentences.share(each.share),
                f"{each.random:,.0f}",
                f"{each.saved:.0%}",
                "–" if hours is None else f"{hours:.2f}",
            ]
        )
    noun = "pairs" if ranked.issue.ranks_pairs else "images"
    head: list[str | Column] = [
        "Recall",
        *map(Column, ("Faults", noun.capitalize(), "Of those judged", "At random", "Saved", "Hours")),
    ]
    seconds = (
        f"{reviewer.seconds_per_pair:g} s a pair and {reviewer.seconds_per_clique:g} s a look at a group found before"
        if ranked.issue.ranks_pairs
        else f"{reviewer.seconds_per_image:g} s an image"
    )
    caption = (
        f"Expected number of judged {noun} to review until a share of the faults is found, beside that in a random "
        f"order. Hours assume {seconds}, and a reviewer who never errs and knows when to stop."
    )
    if any("*" in str(row[2]) for row in rows):
        caption += f" * Reached only among {noun} without a score, in random order."
    return table(head, rows, caption)


def _stopping(ranked: Ranked) -> str:
    assert ranked.judged is not None  # `review_parts` looked
    needed, items = clean_needed(SHARE), ranked.record.items
    found = stop(ranked.judged.labels, ranked.judged_scores, SHARE)
    nouns = sentences.NOUNS[ranked.issue.ranks_pairs][1]
    # In whole per cent, as in an audit: the order of ties is drawn.
    recall = f"{found.recall:.0%}" if 0.005 <= found.recall < 0.995 else sentences.share(found.recall)
    rule = f"{needed} clean {nouns} in a row are taken as a sign that less than {SHARE:.0%} of the rest is faulty"
    if found.never == 1:
        return f"{rule}: whoever stops then never stops here, since so many never come in a row."
    often = chance_of_a_run(items, needed, SHARE)
    return (
        f"{rule}: whoever stops then stops here after {found.reviewed:,.0f} of {items:,}, with "
        f"{recall} of the faults found. The sign holds for a single look: among {items:,} "
        f"{nouns} of which {SHARE:.0%} are faulty, so many come in a row somewhere with a chance of "
        f"{sentences.share(often)}."
    )


def _cut(labels: Bools, flags: Bools, ranked: Ranked) -> str:
    cut = Cut.of(labels, flags)
    found = measured(cut, ranked.issue)
    flagged = f"By itself the method flags {sentences.counted(cut.flagged, ranked.issue)} of those judged"
    if not cut.flagged:
        return f"{flagged}, and so finds none of the {ranked.record.faulty:,} faulty ones."
    return (
        f"{flagged}, of which {cut.found:,} {'is' if cut.found == 1 else 'are'} faulty: precision "
        f"{value(found['precision'])}, recall {value(found['recall'])}, F1 {value(found['f1'])}."
    )


def _slices(ranked: Ranked, items: Ints, labels: Bools, fact: str, values: npt.NDArray[np.object_]) -> Sequence[Html]:
    slices = slices_of(values, items, ANY)
    if len(slices) < 2:
        return []
    budget = max(1, round(BUDGET * len(labels)))
    scores = ranked.judged_scores
    own = by_slice(items, labels, scores, slices, _with_intervals)
    queue = served(labels, scores, slices, budget, not ranked.issue.ranks_pairs)
    rows: list[list[str | int]] = [
        [
            part.name,
            part.items,
            part.faulty,
            value(part.metrics[JUDGED_BY]),
            value(there.recall),
            number(there.extra, 0),
            value(there.false_positives),
        ]
        for part, there in zip(own, queue, strict=True)
    ]
    columns = ("Judged", "Faulty", JUDGED_BY, f"Recall at {budget:,}", "Extra", "False alarms")
    caption = (
        f"By {fact}. {JUDGED_BY}: of the part alone. Recall and false alarms: share of its faulty and of its clean "
        f"ones among the first {budget:,} of one common queue; extra: how many more of the part must be reviewed until "
        "its recall is that of the whole set."
    )
    if ranked.issue.ranks_pairs:
        caption += " A pair counts in the parts of both of its images."
    said: list[Html] = []
    large = [part for part in own if min(part.faulty, part.items - part.faulty) >= LEAST_FAULTY]
    if len(large) > 1 and (least := worst(large, JUDGED_BY)) is not None:
        whole = ranked.record.metrics[JUDGED_BY].value or 0.0
        said.append(
            paragraph(
                f"By {fact}, the ranking does worst in {least.name}: {JUDGED_BY} {value(least.metrics[JUDGED_BY])}, "
                f"where the whole set has {whole:.3f}. The worst was chosen after looking, among the {len(large)} "
                f"parts with at least {LEAST_FAULTY} faulty and as many clean ones."
            )
        )
    return [*said, folded(f"All {len(slices)} parts by {fact}", table([fact, *map(Column, columns)], rows, caption))]


def _with_intervals(items: Ints, labels: Bools, scores: Floats) -> dict[str, Measured]:
    return score(items, labels, scores, REPLICATES).metrics
