"""Records: one scored ranking each, with everything needed to trust, repeat or refuse it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from cleanbench.core import GroundTruth, Issue, UserError, origin
from cleanbench.image_set import Card
from cleanbench.store import whole_file

SCHEMA: Literal[1] = 1


class Frozen(BaseModel):
    """A part of a record: immutable, and a field it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measured(Frozen):
    """The value of a metric with its 95 % interval; without a value, the reason why it has none.

    A value without an interval is of a record made before there were any, or of a truth whose items are all faulty or
    all clean.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


class Resampled(Frozen):
    """What the intervals of a record draw again.

    Attributes:
        unit: Single ``items``, whole ``components`` of the graph of judged pairs, or ``images``.
        units: How many there are.
    """

    unit: Literal["items", "components", "images"]
    units: int


class TruthName(Frozen):
    """Which judgements a record was scored against.

    Attributes:
        name: Which truth of the issue.
        kind: ``human``, ``metadata`` or ``synthetic``.
        revision: SHA-256 of the judgements.
        set_revision: SHA-256 over the truths of all issues of the set: names the board.
        presumed: Whether negatives are presumed, see `GroundTruth`.
    """

    name: str
    kind: str
    revision: str
    set_revision: str
    presumed: bool = False

    @classmethod
    def of(cls, truth: GroundTruth | None, set_revision: str) -> "TruthName | None":
        """Name a truth; None stays None."""
        if truth is None:
            return None
        return cls(
            name=truth.name,
            kind=truth.kind,
            revision=truth.revision,
            set_revision=set_revision,
            presumed=truth.presumed,
        )

    @property
    def origin(self) -> str:
        """How the truth came about, in words."""
        return origin(self.kind, self.presumed)

    @model_serializer(mode="wrap")
    def _without_false(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is not presumed, so that older records are written as they were."""
        content: dict[str, Any] = dump(self)
        if not self.presumed:
            content.pop("presumed", None)
        return content


class EncoderCost(Frozen):
    """What the embeddings cost when they were computed, also where a later run found them.

    Attributes:
        cpu_seconds: User and system time of preparing or training the encoder and of encoding every image.
        wall_seconds: Elapsed time.
        peak_mib: Highest resident memory of the process by then, Python and libraries included.
        device: What it was computed on; None for an encoder that has no such setting.
        threads: How many threads it had.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float
    device: str | None = None
    threads: int | None = None


class EncoderName(Frozen):
    """Which representation a method saw.

    Attributes:
        settings: Its settings.
        digest: Names its weights.
        key: Identifies the embeddings: code, settings, weights and pixels.
        cost: What it cost; None where that was not recorded.
    """

    settings: dict[str, Any]
    digest: str
    key: str
    cost: EncoderCost | None = None

    @model_serializer(mode="wrap")
    def _without_unknown_cost(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a cost that was not recorded, so that older records are written as they were."""
        content: dict[str, Any] = dump(self)
        if self.cost is None:
            content.pop("cost", None)
        return content


class Seeds(Frozen):
    """The seeds of a run; None where a part has no seed."""

    dataset: int | None
    encoder: int | None
    method: int


class Cost(Frozen):
    """What a ranking cost.

    Attributes:
        cpu_seconds: User and system time of the method's process for this issue.
        wall_seconds: Elapsed time for this issue.
        fit_cpu_seconds: CPU time of the work that its issues share.
        peak_mib: Highest resident memory of the method's process so far, Python and libraries included.
        base_mib: The same before the method started.
    """

    cpu_seconds: float
    wall_seconds: float
    fit_cpu_seconds: float
    peak_mib: float
    base_mib: float

    @property
    def total_cpu_seconds(self) -> float:
        """CPU time with the whole of the shared work."""
        return self.fit_cpu_seconds + self.cpu_seconds


class Terms(Frozen):
    """What must stand beside every number of a data set, from its card; empty means "not stated".

    Attributes:
        licence: SPDX identifier, or the terms in a sentence.
        commercial: Whether commercial use is allowed; None: not stated.
        redistributable: Whether images may be passed on, see `Card`.
        citation: What to cite.
        identifier: Persistent identifier.
        grouping: Which images belong together (patient, lesion, capture), or that this is not recorded.
        blemishes: What is known to be wrong with the set, a sentence each.
        truth: How the truth that the record was scored against was made, and by whom.
    """

    licence: str
    commercial: bool | None = None
    redistributable: bool = False
    citation: str = ""
    identifier: str = ""
    grouping: str = ""
    blemishes: tuple[str, ...] = ()
    truth: str = ""

    @classmethod
    def of(cls, card: Card, truth: GroundTruth | None = None) -> "Terms":
        """Return what a record that was scored against ``truth`` keeps of a card."""
        kept = {name: getattr(card, name) for name in cls.model_fields if name != "truth"}
        return cls(**kept, truth="" if truth is None else card.made(truth))


class Provenance(Frozen):
    """Where a ranking comes from that this harness did not make; empty: not stated.

    Attributes:
        code: Where the code of the method is.
        description: What the method does.
        cpu_seconds: What it cost, by its author's word.
        peak_mib: Peak memory, by its author's word.
    """

    code: str = ""
    description: str = ""
    cpu_seconds: float | None = None
    peak_mib: float | None = None


class Cut(Frozen):
    """The method's own decision, compared with the annotated items.

    Attributes:
        flagged: How many of the annotated items it flags.
        precision: Share of these that are faulty.
        recall: Share of the faulty items that it flags.
        f1: Harmonic mean of both.
        cpu_seconds: What the decision took beside the ranking; None for one made elsewhere.
    """

    flagged: int
    precision: Measured
    recall: Measured
    f1: Measured
    cpu_seconds: float | None


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
        schema_version: Version of this format.
    """

    method: str
    issue: Issue
    dataset: str
    encoder: str | None
    items: int
    faulty: int
    metrics: dict[str, Measured]
    settings: dict[str, Any]
    changed: dict[str, Any]
    fingerprint: str
    images: int
    unreadable: int
    coverage: float
    truth: TruthName | None
    encoder_detail: EncoderName | None
    paper_encoder: str | None = None
    supervised: bool
    seeds: Seeds
    cost: Cost | None
    key: str
    versions: dict[str, str]
    created: str
    notes: dict[str, str | int | float] = {}
    terms: Terms | None = None
    who: str = ""
    licence: str = ""
    machine: str = ""
    provenance: Provenance | None = None
    cut: Cut | None = None
    resampled: Resampled | None = None
    schema_version: Literal[1] = SCHEMA

    @model_serializer(mode="wrap")
    def _without_later_fields(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what later versions added where there is none, so that older records are written as they were."""
        content: dict[str, Any] = dump(self)
        for name in ("notes", "who", "licence", "machine"):
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


def write_run(path: Path, run: RunFile) -> None:
    """Write ``record.json``."""
    content = {"schema": SCHEMA, **run.model_dump(mode="json")}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_run(path: Path) -> RunFile:
    """Read ``record.json``.

    Raises:
        UserError: Naming the file and what is wrong with it.
    """
    content = _json(_text(path), str(path))
    if content.pop("schema", None) != SCHEMA:
        raise UserError(f"{path} has no schema {SCHEMA}; it was written by another version of cleanbench")
    try:
        return RunFile.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error)}") from error


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write records as lines of JSON, replacing the file in one step."""
    with whole_file(path, ".tmp") as scratch:
        scratch.write_text("".join(map(as_line, records)), encoding="utf-8")


def as_line(record: Record) -> str:
    """Return a record as a line of JSON."""
    return json.dumps(record.model_dump(mode="json"), ensure_ascii=False) + "\n"


def read_records(path: Path) -> list[Record]:
    """Read lines of JSON; a file that does not exist holds no records.

    Raises:
        UserError: Naming the file, the line and what is wrong with it.
    """
    if not path.exists():
        return []
    records = []
    # Not `splitlines`: it also splits at characters that may stand inside a JSON string.
    lines = _text(path).removesuffix("\n").split("\n")
    for number, line in enumerate(lines if lines != [""] else [], start=1):
        where = f"{path}, line {number}"
        try:
            records.append(Record.model_validate(_json(line, where)))
        except ValidationError as error:
            raise UserError(f"{where}: {explain(error)}") from error
    return records


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


def explain(error: ValidationError) -> str:
    """Return the defects that a validation found, in one line."""
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in error.errors())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: no UTF-8 text ({error})") from error


def _json(text: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, and thousands of brackets, too
        raise UserError(f"{where}: not valid JSON ({error})") from error
    if not isinstance(content, Mapping):
        raise UserError(f"{where}: expected a JSON object, found {type(content).__name__}")
    return dict(content)
