"""The rows of a table: a method with an encoder, over its seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cleanbench.records import Measured, Record, encoder_labels
from cleanbench.uncertainty.intervals import Interval
from cleanbench.uncertainty.seeds import over_seeds

SHOWN = ("AP", "AUROC", "P@10", "P@100", "R@100", "P@1%", "FoE")
BAND = ("AP_worst", "AP_best")
# Metrics that are shown with their intervals.
BOUNDED = ("AP", "AUROC")


@dataclass(frozen=True)
class Row:
    """One method with one encoder, over its seeds.

    Attributes:
        method: Label of the method.
        encoder: Label of the encoder; empty if the method reads no embeddings.
        records: One per seed, at least one.
    """

    method: str
    encoder: str
    records: tuple[Record, ...]

    def values(self, name: str) -> list[float]:
        """Return the values of a metric, one per seed; none where it is undefined."""
        measured = [record.metrics[name].value for record in self.records if name in record.metrics]
        return [value for value in measured if value is not None]

    def interval(self, name: str) -> Interval | None:
        """Return the interval of the mean over seeds; None where a record has none."""
        measured = [record.metrics.get(name, Measured(value=None)) for record in self.records]
        ends = [(each.value, each.low, each.high) for each in measured]
        known = [
            (v, Interval(low, high)) for v, low, high in ends if v is not None and low is not None and high is not None
        ]
        if len(known) < len(measured):
            return None
        return over_seeds(name, [value for value, _ in known], [each for _, each in known])

    @property
    def encoder_costs(self) -> list[float]:
        """CPU seconds of the embeddings, one per seed; none where there are none, or nothing was recorded."""
        details = [record.encoder_detail for record in self.records]
        return [detail.cost.cpu_seconds for detail in details if detail is not None and detail.cost is not None]

    @property
    def printed_ap(self) -> float:
        """Mean AP as printed: what prints alike shares a rank. ``-inf`` where it is undefined."""
        values = self.values("AP")
        return round(mean(values), 3) if values else -math.inf

    @property
    def foreign(self) -> bool:
        """Whether the method did not see the representation that its paper reports on."""
        return any(record.paper_encoder not in (None, record.encoder) for record in self.records)

    @property
    def submitted(self) -> bool:
        """Whether a ranking was made elsewhere and handed in."""
        return any(record.provenance is not None for record in self.records)

    @property
    def decided_by_ties(self) -> bool:
        """Whether the order of tied items moves AP more than other items would."""
        interval, band = self.interval("AP"), [mean(self.values(name)) for name in BAND if self.values(name)]
        return interval is not None and len(band) == len(BAND) and band[1] - band[0] > interval.high - interval.low


def rows_of(records: Sequence[Record]) -> list[Row]:
    """Group the records of one issue by method and encoder, best mean AP first, then by name."""
    encoders = encoder_labels(records)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record, encoder in zip(records, encoders, strict=True):
        groups.setdefault((record.label, encoder), []).append(record)
    rows = [Row(method, encoder, tuple(group)) for (method, encoder), group in groups.items()]
    return sorted(rows, key=lambda row: (-row.printed_ap, row.method, row.encoder))


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value, summed without rounding."""
    return math.fsum(values) / len(values)
