"""What the columns of a table mean."""

from collections.abc import Mapping, Sequence

from cleanbench.leaderboard.markdown import NOTHING, code
from cleanbench.leaderboard.rows import SHOWN, Row
from cleanbench.metrics import METRICS
from cleanbench.uncertainty.comparison import Comparison

DRAWN: Mapping[str, str] = {
    "items": "single items",
    "components": "whole components of the graph of judged pairs, as pairs of one component share images",
    "images": "images, as the judged pairs hang together by the images they share",
}
# A band of ties narrower than this changes no printed digit.
NARROW = 0.0005


def legend(rows: Sequence[Row], comparison: Comparison | None = None) -> list[str]:
    """Say what the columns of `cleanbench.leaderboard.tables.ranked` mean."""
    alike: dict[str, list[str]] = {}
    for name in SHOWN:
        alike.setdefault(METRICS[name].description, []).append(name)
    described = [f"- {', '.join(names)}: {description}." for description, names in alike.items()]
    described += [
        "- Higher is better, except FoE.",
        *_ranks(rows, comparison),
        "- by chance, expected: what a random order has on average, computed, not drawn. A method below it ranks the "
        "wrong way round, or knows nothing.",
        "- AP of ties: AP if every tie of scores resolved against, and for, the method; empty where that changes no "
        "digit. All other values are means over the orders of tied items.",
        f"- {NOTHING}: undefined here, such as a top of more items than there are; as encoder: reads no embeddings.",
        "- CPU s and Peak MiB: user and system time with the work that issues share, and highest memory with Python "
        "and libraries; without the encoder; they depend on the machine. Of methods that read pixels the "
        "first one to run also decodes them for the others.",
    ]
    if any(row.decided_by_ties for row in rows):
        described.append("- §: the band of ties is wider than the interval: AP is mostly the luck of how ties resolve.")
    if any(row.encoder_costs for row in rows):
        described.append(
            "- Encoder CPU s: of training, where there is any, and of embedding every image; spent once, whatever "
            f"reads the embeddings. {NOTHING}: no embeddings, or not recorded."
        )
    if any(len(row.records) > 1 for row in rows):
        described.append("- ±: standard deviation over seeds, which is not the uncertainty from having few items.")
    if any(record.coverage < 1 for row in rows for record in row.records):
        described.append("- Coverage: lowest share of the annotated items that got a score; the others rank last.")
    if any(record.supervised for row in rows for record in row.records):
        described.append("- †: supervised, the method was told labels that are stated to be right.")
    if any(row.submitted for row in rows):
        described.append("- ¶: the ranking was made elsewhere and handed in; its numbers were computed here.")
    if papers := sorted({record.paper_encoder or "" for row in rows if row.foreign for record in row.records}):
        described.append(f"- ‡: not the encoder that the method's paper reports on, {', '.join(map(code, papers))}.")
    return described


def _ranks(rows: Sequence[Row], comparison: Comparison | None) -> list[str]:
    drawn = {record.resampled.unit for row in rows for record in row.records if record.resampled is not None}
    if not drawn:
        return [
            "- Rank: by mean AP as printed; equal values share a rank. There are no intervals yet: a difference of a "
            "few hundredths is not known to be one, and does not rank methods."
        ]
    described = [
        "- [low, high]: 95 % interval, for the value on the population that the annotated items are a sample of. "
        f"Drawn again: {'; '.join(DRAWN[unit] for unit in sorted(drawn))}. With several seeds it is for the mean over "
        "seeds; with one, how much other seeds would change is not known, and not in it. Other judges, and data of "
        "another kind, are in none.",
        "- Rank: by mean AP as printed; equal values share a rank.",
    ]
    if comparison is None:
        return [*described, "- Overlapping intervals do not say whether two methods differ: they see the same items."]
    return [
        *described,
        "- Ranks: where the method may stand, for all methods at once with 95 % confidence: AP is compared pair by "
        "pair on the same samples drawn again, with Holm's correction for the number of pairs.",
        "- Tier: 1 is the best method and all that cannot be told apart from it; 2 the best of the others and all that "
        "cannot be told apart from that one; and so on. Methods of one tier are not known to differ from its first. "
        "Tiers need not follow AP: what varies more with the items is told apart less easily, and may share the tier "
        "of a better one.",
    ]
