"""From finished runs to a sheet of items to judge."""

from pathlib import Path

import numpy as np

from cleanbench.annotate_next import sheet
from cleanbench.annotate_next.design import LEAST, draw, strata_of
from cleanbench.annotate_next.frame import Frame, frame_of
from cleanbench.annotate_next.sheet import BEFORE, Line
from cleanbench.core import Issue, UserError
from cleanbench.datasets.tables import count
from cleanbench.datasets.truth_tables import FILES
from cleanbench.pairs import pair_count
from cleanbench.settings import seed_number


def ask(runs: Path, issue: Issue, budget: int, outside: float, to: Path | None, seed: int) -> list[str]:
    """Write the sheet and return what there is to tell, in lines.

    What is judged already is certain to be in the sample; a draw is made of the rest only. So each draw may look at
    the answers to those before it, and the sheet of the last one is by itself a truth with inclusion probabilities.

    Args:
        runs: The folder of a data set's runs.
        issue: What is to be judged.
        budget: How many items are drawn.
        outside: Of pairs, the share of the budget for those that no method retrieved.
        to: The sheet; None for one beside the runs.
        seed: Of the draw.

    Raises:
        UserError: If a setting makes no sense, or there is nothing to draw from.
    """
    if budget < 1:
        raise UserError(f"budget={budget} must be at least 1: the number of items to ask")
    if not 0 < outside < 1:
        raise UserError(
            f"outside={outside} must be above 0 and below 1: without pairs that no method retrieved nothing can be "
            "said about all pairs"
        )
    seed_number(seed)
    path = runs / "to_judge" / FILES[issue] if to is None else to
    before = sheet.read(path, issue) if path.exists() else None
    if before is not None and (left := [line for line in before if line.label is None]):
        return [
            f"{path}: {count(len(left), 'item')} of the last draw still to be judged; nothing was drawn.",
            "Fill in their labels (1 faulty, 0 not), then draw again.",
        ]
    judged = None if before is None else {line.item: bool(line.label) for line in before}
    frame = frame_of(runs, issue, judged)
    lines = [Line(item, faulty, 1.0, BEFORE) for item, faulty in sorted(frame.judged.items())]
    drawn, strata = _drawn(frame, budget, outside, np.random.default_rng(seed))
    sheet.write(path, issue, [*drawn, *lines])
    noun = "pair" if issue.ranks_pairs else "image"
    stands = pair_count(len(frame.ids)) if issue.ranks_pairs else len(frame.items) + len(lines)
    return [
        f"{path}: {count(len(drawn), noun)} to judge, {len(lines):,} judged before; together they stand for "
        f"{count(stands, noun)}.",
        *strata,
        "",
        "Fill in the column label (1 faulty, 0 not) and leave the other columns and rows as they are; the order of the "
        "rows is random, and says nothing.",
        f"Then put the file beside the images as {FILES[issue]}, and run the methods again: their numbers will be "
        "estimates for all items, not the shares among those that were picked.",
    ]


def _drawn(frame: Frame, budget: int, outside: float, rng: np.random.Generator) -> tuple[list[Line], list[str]]:
    """Return the rows to judge, in random order, and a line about each stratum."""
    beyond = min(frame.outside, max(LEAST, round(outside * budget))) if frame.outside else 0
    inside = budget - beyond
    if inside < LEAST:
        raise UserError(f"budget={budget} leaves {inside} for what methods retrieved; ask at least {beyond + LEAST}")
    strata = strata_of(frame.weights, inside)
    sample = draw(strata, rng)
    lines = [
        Line(frame.items[item], None, float(share), frame.reasons[item])
        for item, share in zip(sample.items.tolist(), sample.inclusion.tolist(), strict=True)
    ]
    told = [f"  {drawn:>6,} of {len(members):,}" for members, drawn in strata]
    if beyond:
        share = _apart(beyond / frame.outside, {line.inclusion for line in lines})
        others = frame.draw_outside(beyond, rng)
        lines += [Line(item, None, share, "a pair that no method retrieved") for item in others]
        told.append(f"  {beyond:>6,} of {frame.outside:,} pairs that no method retrieved")
    return [lines[place] for place in rng.permutation(len(lines))], told


def _apart(share: float, others: set[float]) -> float:
    """Return a share by which a stratum is told from others: the next number where it would be one of theirs."""
    while share in others and share < 1:
        share = float(np.nextafter(share, 0))
    return share
