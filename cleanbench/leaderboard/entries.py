"""The lines of a board as plain values: what its CSV, LaTeX, JSON and HTML files are written from."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from cleanbench.leaderboard.tables import BAND, NARROW, SHOWN, Row, is_foreign, rank_of, rows_of
from cleanbench.metrics import METRICS
from cleanbench.records import Record


@dataclass(frozen=True)
class Figure:
    """A metric of a line.

    Attributes:
        value: Mean over seeds; None where it is undefined.
        low: Lower end of the interval; None where there is none.
        high: Upper end.
        spread: Standard deviation over seeds; None for a single one.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Entry:
    """One line of a board: a method with one encoder, over its seeds.

    Attributes:
        row: What it is made from.
        rank: By mean AP as printed; None where that is undefined.
        figures: Those metrics that boards show, by name.
        ties: AP with every tie resolved against, and for, the method; None where that changes no digit.
        coverage: Lowest share of the annotated items that got a score.
        cpu_seconds: Of the method, mean over seeds.
        peak_mib: Highest memory, mean over seeds.
        encoder_cpu_seconds: Of the embeddings; None without embeddings, or where it was not recorded.
        supervised: Whether the method was told labels that are stated to be right.
        foreign_encoder: Whether the method's paper reports on another encoder.
    """

    row: Row
    rank: int | None
    figures: dict[str, Figure]
    ties: tuple[float, float] | None
    coverage: float
    cpu_seconds: float
    peak_mib: float
    encoder_cpu_seconds: float | None
    supervised: bool
    foreign_encoder: bool

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


def entries_of(records: Sequence[Record]) -> list[Entry]:
    """Return the lines of the board of one issue, the best first."""
    rows = rows_of(records)
    printed = [row.printed_ap for row in rows]
    return [_entry(row, rank_of(row, printed)) for row in rows]


def chance_of(records: Sequence[Record]) -> dict[str, float | None]:
    """Return what a random order is expected to reach, by metric that boards show."""
    return {name: METRICS[name].chance(records[0].faulty, records[0].items) for name in SHOWN}


def _entry(row: Row, rank: int | None) -> Entry:
    costs = [record.cost for record in row.records]
    worst, best = (row.values(name) for name in BAND)
    middle = row.values("AP")
    ties = (statistics.fmean(worst), statistics.fmean(best)) if worst and best and middle else None
    if ties is not None and all(abs(end - statistics.fmean(middle)) <= NARROW for end in ties):
        ties = None
    return Entry(
        row=row,
        rank=rank,
        figures={name: _figure(row, name) for name in SHOWN},
        ties=ties,
        coverage=min(record.coverage for record in row.records),
        cpu_seconds=_mean([cost.fit_cpu_seconds + cost.cpu_seconds for cost in costs]),
        peak_mib=_mean([cost.peak_mib for cost in costs]),
        encoder_cpu_seconds=_mean(row.encoder_costs) if row.encoder_costs else None,
        supervised=any(record.supervised for record in row.records),
        foreign_encoder=is_foreign(row),
    )


def _figure(row: Row, name: str) -> Figure:
    values = row.values(name)
    if not values:
        return Figure(None)
    if len(values) > 1:
        return Figure(_mean(values), spread=statistics.stdev(values))
    measured = row.records[0].metrics[name]
    return Figure(values[0], measured.low, measured.high)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
