"""The parts of a record: what was measured, against what, with which seeds, at what cost, under which terms."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from cleanbench.core import GroundTruth, origin
from cleanbench.image_set import Card

LARGEST = 2**53  # beyond it whole numbers have no exact float
FURTHEST = 1e150  # beyond it squares overflow; ends of intervals of a metric without a bound may be far out
LARGEST_SEED = 2**63 - 1  # of a column of 64 bits
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Number = Annotated[float, Field(ge=-FURTHEST, le=FURTHEST)]
Amount = Annotated[float, Field(ge=0, le=LARGEST)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class Frozen(BaseModel):
    """A part of a record: immutable, and a field it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measured(Frozen):
    """The value of a metric with its 95 % interval; without a value, the reason why it has none.

    A value without an interval is of a record made before there were any, or of a truth whose items are all faulty or
    all clean.
    """

    value: Number | None
    low: Number | None = None
    high: Number | None = None
    reason: str | None = None


class Resampled(Frozen):
    """What the intervals of a record draw again.

    Attributes:
        unit: Single ``items``, whole ``components`` of the graph of judged pairs, or ``images``.
        units: How many there are.
    """

    unit: Literal["items", "components", "images"]
    units: Count


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

    cpu_seconds: Amount
    wall_seconds: Amount
    peak_mib: Amount
    device: str | None = None
    threads: Count | None = None


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

    dataset: Seed | None
    encoder: Seed | None
    method: Seed


class Cost(Frozen):
    """What a ranking cost.

    Attributes:
        cpu_seconds: User and system time of the method's process for this issue.
        wall_seconds: Elapsed time for this issue.
        fit_cpu_seconds: CPU time of the work that its issues share.
        peak_mib: Highest resident memory of the method's process so far, Python and libraries included.
        base_mib: The same before the method started.
    """

    cpu_seconds: Amount
    wall_seconds: Amount
    fit_cpu_seconds: Amount
    peak_mib: Amount
    base_mib: Amount

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

    flagged: Count
    precision: Measured
    recall: Measured
    f1: Measured
    cpu_seconds: Amount | None
