"""What numbers mean, in words: findings and warnings of a report, each a function of the numbers that make it true.

A function that returns an empty text has nothing to say.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from cleanbench.audit.budgets import effort
from cleanbench.core import Issue
from cleanbench.licence import sentence as licence
from cleanbench.metrics import METRICS, Levels
from cleanbench.records import Measured, Record
from cleanbench.sampled import doubts_of, in_words, population
from cleanbench.scoring import weakness
from cleanbench.uncertainty.intervals import ENOUGH_FAULTY
from cleanbench.unjudged.measures import Partly

FEW = ENOUGH_FAULTY  # faulty items, below which intervals are given but not claimed to hold
KINDS: Mapping[str, str] = {
    "human": "People judged the items.",
    "metadata": "The truth follows from what is recorded about the images, such as patient; nobody judged the items.",
    "synthetic": (
        "A program planted the faults: numbers show how a method copes with planted faults, and rank no methods for "
        "real data."
    ),
}
NOUNS = {True: ("pair", "pairs"), False: ("image", "images")}


def counted(number: int, issue: Issue) -> str:
    """Return a number of items with its noun.

    Example:
        >>> counted(1, Issue.NEAR_DUPLICATE), counted(1200, Issue.OFF_TOPIC)
        ('1 pair', '1,200 images')
    """
    one, many = NOUNS[issue.ranks_pairs]
    return f"{number:,} {one if number == 1 else many}"


def share(value: float) -> str:
    """Return a share in per cent, with a decimal where it is small.

    Example:
        >>> share(0.5), share(0.0123), share(0.00004), share(1.0), share(0.9996)
        ('50%', '1.2%', 'less than 0.1%', '100%', 'more than 99.9%')
    """
    if 0 < value < 0.001:
        return "less than 0.1%"
    if 0.999 < value < 1:
        return "more than 99.9%"
    return f"{100 * value:.1f}%" if value < 0.0995 or 0.9005 < value < 1 else f"{100 * value:.0f}%"


def judged(record: Record) -> str:
    """Say how many items were judged and how many are faulty, and by whom."""
    if record.truth is None or not record.items:
        return f"There is no ground truth for this issue: the ranking of {record.dataset} cannot be scored."
    kind = KINDS.get(record.truth.kind, f"The truth is of the kind {record.truth.kind}.")
    if estimated := in_words(record):
        doubts = "".join(f" {doubt[0].upper()}{doubt[1:]}." for doubt in doubts_of(record))
        return f"{estimated[0].upper()}{estimated[1:]}.{doubts} {kind}"
    found = f"{record.faulty:,} of {counted(record.items, record.issue)} that were judged are faulty"
    return f"{found} ({share(record.faulty / record.items)}). {kind}"


def against_chance(record: Record) -> str:
    """Say whether the ranking differs from a random one, by AUROC and its interval."""
    found = record.metrics.get("AUROC")
    if found is None or found.value is None:
        return ""
    noun = NOUNS[record.issue.ranks_pairs][0]
    meaning = f"A faulty {noun} outranks a clean one with probability {found.value:.3f}"
    if found.value == 0.5:
        return f"{meaning}, as in a random order."
    if found.low is None or found.high is None:
        side = "a random order has 0.5" if found.value > 0.5 else "worse than the 0.5 of a random order"
        return f"{meaning}; {side}. No interval says how far this can be trusted."
    interval = f"(95% interval {found.low:.3f} to {found.high:.3f})"
    if found.low > 0.5:
        return f"{meaning} {interval}: better than a random order."
    if found.high < 0.5:
        return f"{meaning} {interval}: worse than a random order. What it calls suspicious is rather clean."
    return f"{meaning} {interval}: it cannot be told from a random order."


def of_effort(record: Record, levels: Levels, budget: float = 0.1) -> str:
    """Say what part of the faults is found by reviewing a share of the judged items, expected over ties."""
    if not record.faulty:
        return ""
    items = int(levels.reviewed[-1])
    reviewed = max(1, round(budget * items))
    found = float(np.interp(reviewed, levels.reviewed, levels.found)) / levels.found[-1]
    most = min(1.0, reviewed / float(levels.found[-1]))
    return (
        f"Whoever reviews the first {counted(reviewed, record.issue)} ({share(reviewed / items)} of those judged) "
        f"finds {share(found)} of the faults; with a random order it would be {share(reviewed / items)}, with a "
        f"perfect one {share(most)}."
    )


def to_find(record: Record, levels: Levels, recall: float = 0.9) -> str:
    """Say how many judged items must be reviewed, expected over ties, to find a share of the faults, rounded up."""
    if not record.faulty:
        return ""
    (needed,) = effort(levels, [recall])
    return (
        f"To find {needed.target:,} of the {record.faulty:,} ({share(needed.target / record.faulty)}), about "
        f"{counted(round(needed.items), record.issue)} must be reviewed ({share(needed.share)} of those judged)."
    )


def few_faulty(record: Record) -> str:
    """Warn of a truth with few faulty items."""
    if record.truth is None or not record.items or record.faulty >= FEW:
        return ""
    if record.faulty == 0:
        return "No judged item is faulty: metrics that ask for faults are undefined."
    verb = "is" if record.faulty == 1 else "are"
    return (
        f"Only {counted(record.faulty, record.issue)} {verb} faulty, fewer than {FEW}: one more or less would move "
        "every number, and intervals may not hold what they promise."
    )


def rough(record: Record) -> str:
    """Warn of an interval of AP that is not claimed to hold, for another reason than few faulty items."""
    reason = weakness(record) if record.faulty >= FEW else ""
    return f"{reason[0].upper()}{reason[1:]}: intervals are rough, and hold less often than they say." if reason else ""


def unjudged(ranking: Partly, of_all: str, cut: str = "100") -> str:
    """Say how much of the top was judged, and between what its precision lies whatever the rest may be.

    Args:
        ranking: All that was ranked, and what is known of it.
        of_all: What that is, in words.
        cut: The top, as in P@k.
    """
    known, (least, most) = ranking.judged_at(cut), ranking.precision_bounds(cut)
    if known.value is None or least.value is None or most.value is None or known.value == 1:
        return ""
    return (
        f"Of the first {cut} of {of_all}, {share(known.value)} were judged; at least {share(least.value)} are faulty, "
        f"and at most {share(most.value)}."
    )


def ties(metrics: Mapping[str, Measured]) -> str:
    """Warn where the order of tied items moves AP by more than its interval is wide, or visibly if it has none."""
    ap, worst, best = (metrics.get(name) for name in ("AP", "AP_worst", "AP_best"))
    if ap is None or worst is None or best is None or worst.value is None or best.value is None:
        return ""
    band, told = best.value - worst.value, f"from {worst.value:.3f} to {best.value:.3f}"
    if ap.low is not None and ap.high is not None:
        if band <= ap.high - ap.low:
            return ""
        return (
            f"The order of tied items alone moves AP {told}, more than its interval is wide: many items share a score."
        )
    if band < 0.01:
        return ""
    return f"The order of tied items alone moves AP {told}; AP is their expectation."


def coverage(record: Record) -> str:
    """Warn where judged items got no score."""
    missing = round((1 - record.coverage) * record.items)
    if not missing:
        return ""
    return (
        f"{counted(missing, record.issue)} of {record.items:,} that were judged got no score; they rank last, in a tie."
    )


def unreadable(record: Record) -> str:
    """Warn of images that cannot be read."""
    if not record.unreadable:
        return ""
    one = record.unreadable == 1
    return (
        f"{record.unreadable:,} of {record.images:,} images cannot be read; {'it ranks' if one else 'they rank'} last."
    )


def supervised(record: Record) -> str:
    """Say that a method was told labels that are right."""
    if not record.supervised:
        return ""
    return (
        f"{record.method} is supervised: it was told labels that are stated to be right, and which have left the truth "
        "for every method."
    )


def other_encoder(record: Record) -> str:
    """Say that a method saw another representation than its paper reports on."""
    if record.paper_encoder in (None, record.encoder):
        return ""
    return (
        f"{record.method} ran on the encoder {record.encoder}; its paper uses {record.paper_encoder}. Numbers are of "
        "both together."
    )


def unknown_seed_variance(record: Record, stochastic: bool) -> str:
    """Say that one seed tells nothing of how much a method's numbers vary with it."""
    if not stochastic:
        return ""
    return (
        f"{record.method} draws at random, and this is seed {record.seeds.method} alone: how much another seed moves "
        "the numbers is not known."
    )


def terms(record: Record) -> str:
    """Say what stands wherever numbers of the data set go."""
    return "" if record.terms is None else licence(record.terms)


def warnings_of(record: Record) -> list[str]:
    """Return all warnings about one issue of a run."""
    return [text for text in (few_faulty(record), rough(record), ties(record.metrics), coverage(record)) if text]


def warnings_of_run(record: Record) -> list[str]:
    """Return all warnings about a run by one of its records; other records may add none."""
    return [text for text in (unreadable(record), supervised(record), other_encoder(record)) if text]


def chance_of(record: Record, name: str) -> float | None:
    """Return what a random order is expected to reach; None where this is undefined."""
    if record.truth is None or name not in METRICS or METRICS[name].undefined(*population(record)):
        return None
    return METRICS[name].chance(*population(record))


def listed(names: Iterable[str]) -> str:
    """Return names as a list in a sentence.

    Example:
        >>> listed(["a", "b", "c"]), listed(["a"])
        ('a, b and c', 'a')
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
