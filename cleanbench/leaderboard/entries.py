"""The lines of a board as plain values: what its CSV, LaTeX, JSON and HTML files are written from."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from cleanbench.leaderboard.rows import BAND, SHOWN, Row, mean, rows_of
from cleanbench.leaderboard.tables import NARROW, rank_of
from cleanbench.metrics import METRICS
from cleanbench.records import Record
from cleanbench.sampled import population
from cleanbench.uncertainty.comparison import Comparison

# What a random order of the items is called.
CHANCE = "by chance, expected"


@dataclass(frozen=True)
class Figure:
    """A metric of a line.

    Attributes:
        value: Mean over seeds; None where it is undefined.
        low: Lower end of its interval; None where there is none.
        high: Upper end.
        spread: Standard deviation over seeds; None for a single one.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Standing:
    """What can be said of a line's place among the others.

    Attributes:
        lowest: Best rank that it may have.
        highest: Worst rank that it may have.
        tier: From 1, as in `Comparison`.
    """

    lowest: int
    highest: int
    tier: int

    def __str__(self) -> str:
        return str(self.lowest) if self.lowest == self.highest else f"{self.lowest}–{self.highest}"


@dataclass(frozen=True)
class Entry:
    """One line of a board: a method with one encoder, over its seeds.

    Attributes:
        row: What it is made from.
        rank: By mean AP as printed; None where that is undefined.
        standing: Where it may stand; None where methods could not be compared.
        figures: Those metrics that boards show, by name.
        ties: AP with every tie resolved against, and for, the method; None where that changes no digit.
        coverage: Lowest share of the annotated items that got a score.
        cpu_seconds: Of the method, mean over seeds; None for rankings made elsewhere.
        peak_mib: Highest memory, mean over seeds; None for rankings made elsewhere.
        encoder_cpu_seconds: Of the embeddings; None without embeddings, or where it was not recorded.
        supervised: Whether the method was told labels that are stated to be right.
    """

    row: Row
    rank: int | None
    standing: Standing | None
    figures: dict[str, Figure]
    ties: tuple[float, float] | None
    coverage: float
    cpu_seconds: float | None
    peak_mib: float | None
    encoder_cpu_seconds: float | None
    supervised: bool

    @property
    def method(self) -> str:
        """Label of the method."""
        return self.row.method

    @property
    def encoder(self) -> str:
        """Label of the encoder; empty if the method reads no embeddings."""
        return self.row.encoder

    @property
    def records(self) -> tuple[Record, ...]:
        """One per seed."""
        return self.row.records

    @property
    def title(self) -> str:
        """Method and encoder in words."""
        return f"{self.method} on {self.encoder}" if self.encoder else self.method


def entries_of(records: Sequence[Record], comparison: Comparison | None = None) -> list[Entry]:
    """Return the lines of the board of one issue, the best first.

    Args:
        records: All records of the issue.
        comparison: Of their rows, in the order of `rows_of`.
    """
    rows = rows_of(records)
    printed = [row.printed_ap for row in rows]
    return [_entry(row, rank_of(row, printed), _standing(place, comparison)) for place, row in enumerate(rows)]


def chance_of(records: Sequence[Record]) -> dict[str, float | None]:
    """Return what a random order is expected to reach, by metric that boards show."""
    return {name: METRICS[name].chance(*population(records[0])) for name in SHOWN}


def _entry(row: Row, rank: int | None, standing: Standing | None) -> Entry:
    costs = [record.cost for record in row.records if record.cost is not None]
    return Entry(
        row=row,
        rank=rank,
        standing=standing,
        figures={name: _figure(row, name) for name in SHOWN},
        ties=_ties(row),
        coverage=min(record.coverage for record in row.records),
        cpu_seconds=mean([cost.total_cpu_seconds for cost in costs]) if costs else None,
        peak_mib=mean([cost.peak_mib for cost in costs]) if costs else None,
        encoder_cpu_seconds=mean(row.encoder_costs) if row.encoder_costs else None,
        supervised=any(record.supervised for record in row.records),
    )


def _standing(place: int, comparison: Comparison | None) -> Standing | None:
    if comparison is None:
        return None
    lowest, highest, tier = (ranks[place] for ranks in (comparison.lowest, comparison.highest, comparison.tiers))
    return Standing(int(lowest), int(highest), int(tier))


def _figure(row: Row, name: str) -> Figure:
    values = row.values(name)
    if not values:
        return Figure(None)
    spread = statistics.stdev(values) if len(values) > 1 else None
    interval = row.interval(name)
    if interval is None:
        return Figure(mean(values), spread=spread)
    return Figure(mean(values), interval.low, interval.high, spread)


def _ties(row: Row) -> tuple[float, float] | None:
    worst, best = (row.values(name) for name in BAND)
    if not (worst and best and row.values("AP")):
        return None
    ends, middle = (mean(worst), mean(best)), mean(row.values("AP"))
    return None if all(abs(end - middle) <= NARROW for end in ends) else ends
