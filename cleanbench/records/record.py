"""A record, the file of a run, and how tables name methods and encoders."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from cleanbench.core import Issue
from cleanbench.records.parts import (
    Cost,
    Count,
    Cut,
    EncoderName,
    Frozen,
    Measured,
    Provenance,
    Resampled,
    Seeds,
    Terms,
    TruthName,
)

SCHEMA: Literal[1] = 1
DIGEST = "^([0-9a-f]{64})?$"


class Record(Frozen):
    """One method on one issue of one data set.

    Attributes:
        method: Name of the method's configuration.
        issue: What was ranked.
        dataset: Name of the data set.
        encoder: Name of the encoder's configuration; None if the method reads no embeddings.
        items: Annotated items that were scored.
        faulty: How many of them are faulty.
        metrics: By name.
        settings: All settings of the method.
        changed: Those that differ from its configuration's defaults.
        fingerprint: SHA-256 of ids, image bytes and labels of the set.
        images: Images in the set.
        unreadable: Images that could not be decoded; they rank last for every method.
        coverage: Share of the annotated items that got a score.
        truth: The judgements; None if there are none for this issue.
        encoder_detail: Settings and digests of the encoder.
        paper_encoder: The encoder that the method's paper uses; None if it names none.
        supervised: Whether the method was told labels that are stated to be right.
        seeds: Of data set, encoder and method.
        cost: Time and memory as measured; None for a ranking made elsewhere.
        key: Identifies the run: same key, same result.
        versions: Of Python and of the libraries that decide results.
        created: ISO 8601, UTC.
        notes: What the method says of its ranking, such as the recall of an approximate retrieval.
        who: Who made the ranking; empty: not stated.
        licence: Under which others may use it; empty: not stated.
        machine: What it was made on: system, processor family and number of cores; empty: not recorded.
        provenance: Where a ranking comes from that was made elsewhere; None for a run of the harness.
        terms: What the card of the data set says that must stand beside its numbers; None in older records.
        cut: What the method's own decision is worth; None if it makes none, or there is no truth.
        resampled: What the intervals draw again; None in a record without intervals.
        ranking: SHA-256 of the content of its ranking, see `cleanbench.rankings.digest`; set when a record is put on a
            board, empty before and in older records.
        queue: The same of the retrieved queue that its numbers rest on; empty also where they rest on none.
        schema_version: Version of this format.
    """

    method: str
    issue: Issue
    dataset: str
    encoder: str | None
    items: Count
    faulty: Count
    metrics: dict[str, Measured]
    settings: dict[str, Any]
    changed: dict[str, Any]
    fingerprint: str
    images: Count
    unreadable: Count
    coverage: float = Field(ge=0, le=1)
    truth: TruthName | None
    encoder_detail: EncoderName | None
    paper_encoder: str | None = None
    supervised: bool
    seeds: Seeds
    cost: Cost | None
    key: str
    versions: dict[str, str]
    created: str
    notes: dict[str, str | int | float] = Field(default={})
    terms: Terms | None = None
    who: str = ""
    licence: str = ""
    machine: str = ""
    provenance: Provenance | None = None
    cut: Cut | None = None
    resampled: Resampled | None = None
    ranking: str = Field(default="", pattern=DIGEST)
    queue: str = Field(default="", pattern=DIGEST)
    schema_version: Literal[1] = SCHEMA

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if self.faulty > self.items:
            raise ValueError(f"{self.faulty} of {self.items} items cannot be faulty")
        return self

    @model_serializer(mode="wrap")
    def _without_later_fields(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what later versions added where there is none, so that older records are written as they were."""
        content: dict[str, Any] = dump(self)
        for name in ("notes", "who", "licence", "machine", "ranking", "queue"):
            if not getattr(self, name):
                content.pop(name, None)
        for name in ("terms", "provenance", "cut", "resampled"):
            if getattr(self, name) is None:
                content.pop(name, None)
        return content

    @property
    def label(self) -> str:
        """The method with the settings that differ from its defaults, as tables show it."""
        return label(self.method, self.changed)


class RunFile(Frozen):
    """``record.json`` of a run folder.

    Attributes:
        records: One per issue that was ranked.
        not_ranked: The issues without a ranking, each with the reason.
        complete: False if an issue failed, so that the run is repeated when asked for again.
        warnings: What the encoder noticed about the embeddings, in sentences for the user.
    """

    records: tuple[Record, ...]
    not_ranked: dict[Issue, str]
    complete: bool
    warnings: tuple[str, ...] = ()


def label(method: str, changed: Mapping[str, Any]) -> str:
    """Name a method with the settings that differ from its defaults."""
    settings = ", ".join(f"{key}={value}" for key, value in sorted(changed.items()))
    return f"{method} ({settings})" if settings else method


def encoder_labels(records: Sequence[Record]) -> list[str]:
    """Name the encoders, with those settings in which encoders of the same name differ here.

    Of a ranking that was made elsewhere no settings are known: its encoder is called by its name, and tells the others
    apart from nothing.
    """
    rivals: dict[str | None, list[Mapping[str, object]]] = {}
    for record in records:
        if record.encoder_detail is not None:
            rivals.setdefault(record.encoder, []).append(record.encoder_detail.settings)
    labels = []
    for record in records:
        telling = {
            name: value
            for name, value in (record.encoder_detail.settings if record.encoder_detail else {}).items()
            if name != "seed" and any(name not in other or other[name] != value for other in rivals[record.encoder])
        }
        labels.append(label(record.encoder, telling) if record.encoder else "")
    return labels
