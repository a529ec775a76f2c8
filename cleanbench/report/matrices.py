"""Matrices of a comparison: how much tops have in common, and how methods serve the parts of a data set."""

from collections.abc import Iterable

from cleanbench.audit.slice_tables import JUDGED_BY, slices_by
from cleanbench.audit.tables import heading
from cleanbench.core import Bools, Floats, Ints, Issue
from cleanbench.image_set import ImageSet
from cleanbench.metrics import evaluate
from cleanbench.records import Measured
from cleanbench.report.compared import Compared, name_of
from cleanbench.report.page import Column, Html, folded, table
from cleanbench.slices import by_slice
from cleanbench.tops import overlap

MOST_IN_MATRIX = 40  # rankings


def overlap_matrix(compared: Compared, budget: int) -> Html:
    """Return a matrix of how much the tops have in common; nothing where it would be too large to be read."""
    rows = compared.rows
    if not 2 <= len(rows) <= MOST_IN_MATRIX:
        return Html("")
    scores = [compared.run_of(row).scores for row in rows]
    cells = [
        [f"{place} {name_of(row)}", *("" if one is other else _heat(overlap(one, other, budget)) for other in scores)]
        for place, (row, one) in enumerate(zip(rows, scores, strict=True), start=1)
    ]
    caption = (
        f"Of the items among the first {budget:,} of either ranking, the share that both have there; ties are broken "
        "at random, in each ranking by itself. Columns are numbered as rows."
    )
    columns = [Column(str(place)) for place in range(1, len(rows) + 1)]
    return Html(f'<div class="tables">{table(["", *columns], cells, caption)}</div>')


def slice_matrix(compared: Compared, image_set: ImageSet, fact: str) -> Iterable[Html]:
    """Return a matrix of rows and slices; nothing where only one slice is judged."""
    audit = compared.audit
    slices = slices_by(audit, image_set, fact)
    found = {
        name_of(row): by_slice(audit.items, audit.labels, compared.run_of(row).scores, slices, _by_slice)
        for row in compared.rows
    }
    told = [place for place, part in enumerate(slices) if 0 < audit.labels[part.members].sum() < part.members.sum()]
    if len(told) < 2:
        return []
    head: list[str | Column] = ["Method", *(Column(slices[place].name) for place in told)]
    counts = [
        f"{int(audit.labels[slices[place].members].sum())} of {int(slices[place].members.sum())}" for place in told
    ]
    rows = [["faulty", *counts]]
    rows += [
        [name, *(_heat(parts[place].metrics[JUDGED_BY].value, 0.5) for place in told)] for name, parts in found.items()
    ]
    noun = " A pair counts in the parts of both of its images." if compared.issue is Issue.NEAR_DUPLICATE else ""
    caption = (
        f"{heading(audit)}: {JUDGED_BY} by {fact}, of each part alone; the darker, the further above 0.5. With few "
        f"faulty ones a value says little.{noun}"
    )
    return [folded(f"By {fact}", Html(f'<div class="tables">{table(head, rows, caption)}</div>'))]


def _by_slice(_: Ints, labels: Bools, scores: Floats) -> dict[str, Measured]:
    (found,) = evaluate(labels, scores, [JUDGED_BY]).values()
    return {JUDGED_BY: Measured(value=found.value, reason=found.reason)}


def _heat(found: float | None, least: float = 0.0) -> Html:
    """Return a number on a ground that is the darker, the further it is from the least to 1."""
    if found is None:
        return Html("–")
    strength = max(0.0, (found - least) / (1 - least))
    return Html(f'<span class="heat" style="--h: {60 * strength:.0f}%">{found:.3f}</span>')
