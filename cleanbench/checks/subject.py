"""A method under test: how it is made, what it answered, and the outcome of a check on it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy.typing as npt

from cleanbench import zoo
from cleanbench.checks.planted import Planted, planted
from cleanbench.core import Floats, Ints, Issue, Need
from cleanbench.detector import Detector
from cleanbench.view import Derivation, NotApplicable, View

Check = Callable[["Subject"], str | None]
BINDING = ("something_was_checked",)  # without this one a method could be exempt from all others
DEAR = ("memory_grows_linearly",)  # seconds: not run where a method is exempt, only to see whether it need be


class ContractViolation(Exception):
    """A method breaks the contract: the message says how it shows and what to do about it."""


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXEMPT = "exempt"


@dataclass(frozen=True)
class Outcome:
    """How one check of one method ended.

    Attributes:
        method: The name of the method.
        check: The name of the check, as in `Detector.exempt`.
        status: How it ended.
        reason: Why it did not pass; empty if it did.
    """

    method: str
    check: str
    status: Status
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Recorder(View):
    """A view that notes what is read.

    Attributes:
        seen: What was read so far.
        derived_arrays: The derived arrays handed out, each with its bytes at that time.
    """

    seen: set[Need] = field(default_factory=set)
    derived_arrays: list[tuple[npt.NDArray[Any], bytes]] = field(default_factory=list)

    @classmethod
    def over(cls, view: View) -> "Recorder":
        """Return a recorder over ``view`` that shares none of its derived arrays."""
        values = {item.name: getattr(view, item.name) for item in fields(view)}
        return cls(**(values | {"_memo": {}}))

    def derived_together(self, wanted: Mapping[str, Derivation]) -> dict[str, npt.NDArray[Any]]:
        """Return what the view derives, and note its content."""
        arrays = super().derived_together(wanted)
        self.derived_arrays.extend((array, array.tobytes()) for array in arrays.values())
        return arrays

    def _read(self, need: Need) -> Any:
        value = super()._read(need)
        self.seen.add(need)
        return value


class Subject:
    """A method under test.

    Args:
        method: The name of a method, or what makes a `Detector` when called without arguments (its class).
        search: More configuration folders in which a name is looked up.

    Attributes:
        name: What messages call it.
        kind: Its class.
        config: Its resolved configuration; None if it was not given by name.
        outcomes: Checks done so far, by name.
    """

    def __init__(self, method: str | Callable[..., Detector], *, search: zoo.Search = ()) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.config: dict[str, Any] | None = None
        self.factory: Callable[..., Detector]
        if isinstance(method, str):
            self.name, self.config = method, zoo.config_of(method, search=search)
            self.kind: type[Detector] = zoo.load_class(method, search=search)
            self.factory = self._from_config
            self.takes_seed = "seed" in self.config
        else:
            self.factory = method
            self.kind = method if isinstance(method, type) else type(method())
            self.name = self.kind.__name__
            self.takes_seed = "seed" in inspect.signature(method).parameters

    @cached_property
    def planted(self) -> Planted:
        """Data with planted faults, for this method alone."""
        return planted()

    @cached_property
    def pairs(self) -> Ints:
        """The pairs that are asked: those of the planted truth."""
        return self.planted.truths[Issue.NEAR_DUPLICATE].items

    @cached_property
    def baseline(self) -> dict[Issue, Floats]:
        """Its answers on the planted data with seed 0."""
        return self.answers(self.planted.view, self.pairs)

    def detector(self, seed: int = 0) -> Detector:
        """Return a fresh instance."""
        return self.factory(seed=seed) if self.takes_seed else self.factory()

    def fitted(self, view: View, seed: int = 0) -> Detector:
        """Return a fresh instance that has done its shared work, with what all its issues have in common."""
        detector, shared = self.detector(seed), ~Need(0)
        for issue in self.kind.issues():
            shared &= self.kind.needs_for(issue)
        detector.fit(view.restricted(shared))
        return detector

    def answers(self, view: View, pairs: Ints, seed: int = 0) -> dict[Issue, Floats]:
        """Return the scores of a fresh instance on every issue to which it applies.

        Raises:
            NotApplicable: If that is none.
        """
        detector, scores, reason = self.fitted(view, seed), {}, NotApplicable("it solves no issue")
        for issue in self.kind.issues():
            try:
                ranking = detector.rank(issue, view, pairs if issue.ranks_pairs else None)
            except NotApplicable as error:
                reason = error
            else:
                scores[issue] = ranking.scores
        if not scores:
            raise reason
        return scores

    def _from_config(self, **settings: Any) -> Detector:
        detector = zoo.make((self.config or {}) | settings)
        if not isinstance(detector, Detector):
            raise ContractViolation(
                f"{self.name} makes a {type(detector).__name__}; its _target_ must be a subclass of Detector"
            )
        return detector


def name_of(check: Check) -> str:
    """Return the name of a check: that of its function without ``check_``."""
    return str(getattr(check, "__name__", "")).removeprefix("check_")


def run_check(subject: Subject, check: Check) -> Outcome:
    """Return how ``check`` ends for a method; done once, whoever asks."""
    name = name_of(check)
    if name not in subject.outcomes:
        subject.outcomes[name] = Outcome(subject.name, name, *_run(subject, check))
    return subject.outcomes[name]


def _run(subject: Subject, check: Check) -> tuple[Status, str]:
    name = name_of(check)
    if missing := subject.kind.missing():
        return Status.SKIPPED, f"not run: {', '.join(missing)} is not installed"
    exemption = None if name in BINDING else subject.kind.exempt.get(name)
    if exemption and name in DEAR:
        return Status.EXEMPT, exemption
    try:
        skipped = check(subject)
    except NotApplicable as error:
        return Status.SKIPPED, f"not applicable: {error}"
    except ContractViolation as violation:
        return (Status.EXEMPT, exemption) if exemption else (Status.FAILED, str(violation))
    # A method is foreign code: whatever it raises is its failure, and the other checks go on.
    except Exception as error:
        return Status.FAILED, f"{subject.name} raises {type(error).__name__}: {error}"
    if exemption and not skipped:
        return Status.FAILED, f"{subject.name} is exempt from {name} ({exemption}) but passes it; remove the exemption"
    return (Status.SKIPPED, skipped) if skipped else (Status.PASSED, "")
