"""The tables of an audit of one issue: effort, stopping, hours, cuts, overlap and shares."""

from dataclasses import replace
from itertools import combinations

from cleanbench.audit.budgets import RECALLS, effort, recall_at_budgets
from cleanbench.audit.cuts import Cut, measured
from cleanbench.audit.listing import Cell, Column, Listing, numbers, text
from cleanbench.audit.reviewer import RECALLS as RECALLS_OF_REVIEW
from cleanbench.audit.reviewer import Reviewer, review
from cleanbench.audit.runs import Audit, Audited
from cleanbench.audit.stopping import ORDERS, chance_of_a_run, clean_needed, stop
from cleanbench.core import Issue
from cleanbench.metrics import Levels
from cleanbench.progress import progress
from cleanbench.shapley import EXACT, shares
from cleanbench.tops import overlap, rank_biased_overlap

RANDOM = "random order"
TOLD = 0.95  # the recall at which rankings are compared


def effort_table(audit: Audit, budget: int) -> Listing:
    """Return recall at the budget and the effort to reach recalls, beside those of a random order."""
    columns = [*names_of(audit), Column(f"Recall at {budget:,}", 3)]
    columns += [Column(f"Items to {recall:.0%}", 0) for recall in RECALLS]
    columns += [Column(f"Saved at {recall:.0%}", 3, recall == TOLD) for recall in RECALLS]
    columns += [Column(f"WSS@{100 * recall:.0f}", 3, recall == TOLD) for recall in RECALLS]
    columns += text("Without a score")
    rows = []
    for run in audit.runs:
        levels = audit.levels(run)
        rows.append(_effort_row(named(audit, run), levels, budget, run.unscored))
    tied = Levels.counted([len(audit.truth)], [audit.truth.faulty])
    blank = ("",) * (len(names_of(audit)) - 1)
    rows.append(_effort_row((RANDOM, *blank), tied, budget, 0))
    return Listing(
        f"effort-{audit.issue}",
        f"{heading(audit)}: what a review from the top finds, and what it takes to find a share of them",
        tuple(columns),
        rows,
        (
            "Items: expected number of annotated items to review; Saved: share of what a random order takes that is "
            "not needed; WSS: work saved over sampling, recall less the share reviewed (Cohen et al., JAMIA 2006). The "
            "reviewer never errs and knows when to stop.",
            "Without a score: recalls that are reached among items that the method did not retrieve, in random order.",
        ),
    )


def stopping_table(audit: Audit, share: float, chance: float, seed: int) -> Listing:
    """Return where the rule of so many clean items in a row stops on each ranking."""
    needed, items = clean_needed(share, chance), len(audit.truth)
    rows: list[tuple[Cell, ...]] = []
    for run in audit.runs:
        found = stop(audit.labels, run.scores, share, chance, seed=seed)
        rows.append((*named(audit, run), found.reviewed, found.recall, found.missed, found.early, found.false))
    often = chance_of_a_run(items, needed, share)
    return Listing(
        f"stopping-{audit.issue}",
        f"{heading(audit)}: stop after {needed} clean items in a row",
        (
            *names_of(audit),
            *numbers(0, "Reviewed"),
            *numbers(2, "Recall"),
            *numbers(1, "Missed"),
            *numbers(2, "Stopped early", "Stopped falsely"),
        ),
        rows,
        (
            f"The rule takes {needed} clean items in a row as a sign that less than {share:.0%} of what is left is "
            f"faulty: so many come up with a chance of {chance:.0%} where {share:.0%} are. That is for a single look. "
            f"A reviewer looks after every item, and among {items:,} items of which {share:.0%} are faulty such a run "
            f"comes up somewhere with a chance of {often:.0%}.",
            "Stopped early: share of the orders of tied items in which faulty ones were left; falsely: in which "
            f"{share:.0%} or more of what was left were. Where ties leave open where it stops, all are means over "
            f"{ORDERS:,} random orders.",
        ),
    )


def hours_table(audit: Audit, reviewer: Reviewer, reviews: int, seed: int) -> Listing:
    """Return the hours that a reviewer takes with each ranking."""
    rows: list[tuple[Cell, ...]] = []
    pairs = audit.items if audit.issue.ranks_pairs else None
    with progress(f"reviews, {audit.issue.heading.lower()}", len(audit.runs), "run") as bar:
        for run in audit.runs:
            found = review(audit.labels, run.scores, reviewer, pairs, reviews, seed)
            to = [found.hours_to(recall) for recall in RECALLS_OF_REVIEW]
            reaching = [found.share_reaching(recall) for recall in RECALLS_OF_REVIEW]
            end = (found.hours_in_all, found.found, found.false_alarms, found.looks)
            rows.append((*named(audit, run), *to, *reaching, *end))
            bar.update(1)
    columns = [Column(f"Hours to {recall:.0%}", 2) for recall in RECALLS_OF_REVIEW]
    columns += [Column(f"Reach {recall:.0%}", 2, recall == TOLD) for recall in RECALLS_OF_REVIEW]
    taken = (
        f"{reviewer.seconds_per_pair:g} s a pair, {reviewer.seconds_per_clique:g} s a look at a group"
        if audit.issue.ranks_pairs
        else f"{reviewer.seconds_per_image:g} s an image"
    )
    return Listing(
        f"hours-{audit.issue}",
        f"{heading(audit)}: hours of a reviewer with sensitivity {reviewer.sensitivity:g}, specificity "
        f"{reviewer.specificity:g}, {taken}",
        (*names_of(audit), *columns, *numbers(2, "Hours in all"), *numbers(1, "Found", "False alarms", "Looks")),
        rows,
        (
            f"Means over {reviews} simulated reviews. Hours to a recall: over the reviews that reach it, whose share "
            "stands beside it. The times and error rates are assumptions; set your own.",
        )
        + (("Pairs inside a group found before need no look.",) if audit.issue.ranks_pairs else ()),
    )


def cuts_table(audit: Audit) -> Listing | None:
    """Return what the methods' own cuts are worth; None where no method has one."""
    rows: list[tuple[Cell, ...]] = []
    for run in audit.runs:
        if run.flags is None:
            continue
        cut = Cut.of(audit.labels, run.flags)
        values = measured(cut, audit.issue)
        cells = [
            end for name in ("precision", "recall") for end in (values[name].value, values[name].low, values[name].high)
        ]
        rows.append((*named(audit, run), cut.flagged, cut.found, *cells, values["f1"].value))
    if not rows:
        return None
    columns = numbers(3, "Precision", "from", "to", "Recall", "from", "to", "F1")
    return Listing(
        f"cuts-{audit.issue}",
        f"{heading(audit)}: what methods flag by themselves",
        (*names_of(audit), *numbers(0, "Flagged", "Faulty"), *columns),
        rows,
        ("From, to: 95 % intervals." if audit.independent else "Pairs share images: their shares get no interval.",),
    )


def overlap_tables(audit: Audit, budget: int) -> list[Listing]:
    """Return how alike the tops are: of all pairs of runs, and the most alike run of each; none of a single run."""
    if len(audit.runs) < 2:
        return []
    depth = min(budget, len(audit.truth))
    both: dict[tuple[int, int], tuple[float, float]] = {}
    for one, other in combinations(range(len(audit.runs)), 2):
        scores = audit.runs[one].scores, audit.runs[other].scores
        both[one, other] = both[other, one] = overlap(*scores, depth), rank_biased_overlap(*scores)
    long: list[tuple[Cell, ...]] = [
        (*named(audit, audit.runs[one]), *named(audit, audit.runs[other]), *both[one, other])
        for one, other in combinations(range(len(audit.runs)), 2)
    ]
    nearest: list[tuple[Cell, ...]] = []
    for one, run in enumerate(audit.runs):
        values, other = max((both[one, place], place) for place in range(len(audit.runs)) if place != one)
        nearest.append((*named(audit, run), called(audit, audit.runs[other]), *values))
    names = names_of(audit)
    others = tuple(Column(f"other {column.name.lower()}") for column in names)
    columns = numbers(3, f"Jaccard of the first {depth:,}", "RBO")
    note = (
        "Jaccard: what is in both tops over what is in either; by chance about "
        f"{depth / (2 * len(audit.truth) - depth):.3f}. RBO: rank-biased overlap, persistence .98 (Webber, Moffat and "
        "Zobel, TOIS 2010). Ties are broken at random, in each ranking by itself."
    )
    title = f"{heading(audit)}: how alike the tops are"
    return [
        Listing(f"overlap-{audit.issue}", title, (*names, *others, *columns), long, (note,), printed=False),
        Listing(
            f"alike-{audit.issue}",
            f"{title}, the most alike of each",
            (*names, *text("Most alike"), *columns),
            nearest,
            (note,),
            printed=False,
        ),
    ]


def shares_table(audit: Audit, budget: int, seed: int) -> Listing | None:
    """Return each run's share of the recall of a joint review; None of a single run."""
    if len(audit.runs) < 2:
        return None
    found = shares(audit.labels, [run.scores for run in audit.runs], budget, seed=seed)
    rows: list[tuple[Cell, ...]] = [
        (*named(audit, run), float(alone), float(share), float(error), float(unique))
        for run, alone, share, error, unique in zip(
            audit.runs, found.alone, found.shapley, found.error, found.unique, strict=True
        )
    ]
    exactly = "from all their subsets" if not found.orders else f"from {found.orders:,} random orders of the runs"
    return Listing(
        f"shares-{audit.issue}",
        f"{heading(audit)}: a joint review of {budget:,} items, {budget / len(audit.runs):,.1f} from the top of each "
        f"run, finds {found.recall:.3f} of them",
        (
            *names_of(audit),
            *numbers(3, f"Recall alone at {budget:,}", "Shapley share", "±"),
            *numbers(1, "Unique finds"),
        ),
        rows,
        (
            f"Shapley share: what a run adds to the joint recall, over all orders of joining, computed {exactly}; they "
            "add up to it. It is negative where a run takes more budget than it gives finds. ±: standard error"
            + (f", 0 up to {EXACT} runs." if not found.orders else ".")
            + f" Unique finds: faulty items that no other run has among its first {budget:,}.",
        ),
    )


def by_effort(audit: Audit) -> Audit:
    """Return an audit with its runs in the order of all its tables: least items to 95 % of the faulty ones first."""
    items = {run.names: effort(audit.levels(run), [TOLD])[0].items for run in audit.runs}
    return replace(audit, runs=tuple(sorted(audit.runs, key=lambda run: (items[run.names], run.names))))


def _effort_row(names: tuple[Cell, ...], levels: Levels, budget: int, unscored: int) -> tuple[Cell, ...]:
    found = effort(levels, RECALLS, unscored)
    beyond = ", ".join(f"{each.recall:.0%}" for each in found if not each.scored)
    return (
        *names,
        float(recall_at_budgets(levels, budget)),
        *(each.items for each in found),
        *(each.saved for each in found),
        *(each.wss for each in found),
        beyond or None,
    )


def names_of(audit: Audit) -> tuple[Column, ...]:
    """Return the columns that name a run; the seed only where runs differ in it."""
    several = len({run.names[2] for run in audit.runs}) > 1
    return text("Method", "Encoder", *(["Seed"] if several else []))


def named(audit: Audit, run: Audited) -> tuple[Cell, ...]:
    """Return a run's cells in the columns `names_of`; None for the encoder of one that reads no embeddings."""
    return tuple(name or None for name in run.names[: len(names_of(audit))])


def called(audit: Audit, run: Audited) -> str:
    """Return a run's name in one text."""
    return " ".join(filter(None, run.names[: len(names_of(audit))]))


def heading(audit: Audit) -> str:
    """Return how a title begins."""
    noun = "pairs" if audit.issue is Issue.NEAR_DUPLICATE else "images"
    annotated = "" if audit.truth.presumed else "annotated "
    return f"{audit.issue.heading}, {audit.truth.faulty:,} of {len(audit.truth):,} {annotated}{noun} faulty"
