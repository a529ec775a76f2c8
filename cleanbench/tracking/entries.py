"""What a tracker is told of a record: parameters, metrics and tags under names that every tracker takes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cleanbench.records import Record
from cleanbench.run import Outcome


@dataclass(frozen=True)
class Entry:
    """One record, ready for a tracker.

    Attributes:
        name: What people see in lists.
        key: Identifies the result: what was logged under the same key is not logged again.
        parameters: Choices that were made before the run.
        metrics: Numbers that came out; undefined ones are left out.
        tags: What the numbers rest on.
        record: The record as JSON.
        ranking: The file with the ranking behind the numbers.
    """

    name: str
    key: str
    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    record: str
    ranking: Path


def entries(outcome: Outcome) -> Iterator[Entry]:
    """Return one entry for each record of a run."""
    if outcome.folder is None:
        return
    for record in outcome.run.records:
        yield Entry(
            name=" ".join(filter(None, (record.label, record.encoder, "on", record.dataset, f"({record.issue})"))),
            key=f"{record.key[:32]}-{record.issue}",
            parameters=_parameters(record),
            metrics=_metrics(record),
            tags=_tags(record),
            record=json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n",
            ranking=outcome.folder / "rankings" / f"{record.issue}.parquet",
        )


def metric_name(name: str) -> str:
    """Spell a metric without signs that trackers refuse.

    Example:
        >>> metric_name("P@1%")
        'P_at_1pct'
    """
    return name.replace("@", "_at_").replace("%", "pct")


def _parameters(record: Record) -> dict[str, str]:
    settings = {f"method.{name}": value for name, value in record.settings.items()}
    if record.encoder_detail is not None:
        settings |= {f"encoder.{name}": value for name, value in record.encoder_detail.settings.items()}
    seeds = {f"seed.{name}": value for name, value in record.seeds.model_dump().items() if value is not None}
    named = {"method": record.method, "issue": record.issue, "dataset": record.dataset, "encoder": record.encoder}
    given = named | seeds | settings
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}


def _metrics(record: Record) -> dict[str, float]:
    numbers: dict[str, float | None] = {
        "items": record.items,
        "faulty": record.faulty,
        "coverage": record.coverage,
        "cpu_seconds": record.cost.total_cpu_seconds if record.cost else None,
        "peak_mib": record.cost.peak_mib if record.cost else None,
    }
    for name, measured in record.metrics.items():
        spelled = metric_name(name)
        numbers |= {spelled: measured.value, f"{spelled}_low": measured.low, f"{spelled}_high": measured.high}
    return {name: float(value) for name, value in numbers.items() if value is not None}


def _tags(record: Record) -> dict[str, str]:
    tags = {
        "cleanbench.key": f"{record.key[:32]}-{record.issue}",
        "cleanbench.fingerprint": record.fingerprint,
        "cleanbench.version": record.versions.get("cleanbench", "unknown"),
        "cleanbench.created": record.created,
    }
    if record.truth is not None:
        tags |= {"cleanbench.truth": record.truth.name, "cleanbench.truth_kind": record.truth.origin}
        tags["cleanbench.truth_revision"] = record.truth.set_revision
    return tags
