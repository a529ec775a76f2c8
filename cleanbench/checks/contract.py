"""The contract of methods: ten claims, each a function that raises `ContractViolation` where it does not hold."""

import contextlib
import inspect
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.checks.agreement import close, difference, rank_correlation
from cleanbench.checks.memory import check_memory_grows_linearly
from cleanbench.checks.subject import (
    Check,
    ContractViolation,
    Outcome,
    Recorder,
    Status,
    Subject,
    run_check,
)
from cleanbench.core import Floats, Ints, Issue, Ranking
from cleanbench.detector import SOLVED_BY, Detector
from cleanbench.metrics import evaluate
from cleanbench.view import NotApplicable, UndeclaredNeed
from cleanbench.zoo import Search

NOT_APPLICABLE = "not applicable to the planted data"
LEAST_AUROC = 0.8
SLACK = 0.05  # of a rank correlation that is compared with another one


def run_contract(
    method: str | Callable[..., Detector], *, checks: Sequence[Check] | None = None, search: Search = ()
) -> list[Outcome]:
    """Check a method against the contract.

    Args:
        method: Its name, or its class (or another callable that makes a `Detector`).
        checks: Which checks; by default all `CHECKS`.
        search: More configuration folders in which a name is looked up.

    Returns:
        One outcome per check; the method keeps the contract if none has failed.

    Example:
        >>> [outcome.status.value for outcome in run_contract("chance", checks=[check_scores_are_finite_floats])]
        ['passed']
    """
    subject = Subject(method, search=search)
    return [run_check(subject, check) for check in (CHECKS if checks is None else checks)]


def check_yaml_equals_constructor(subject: Subject) -> str | None:
    """The YAML file lists every argument of the constructor with the same default; the class has a docstring."""
    if not (subject.kind.__dict__.get("__doc__") or "").strip():
        raise ContractViolation(f"{subject.kind.__name__} has no docstring; say what it does in one line")
    if subject.config is None:
        return "made from a class, without a YAML file"
    arguments = inspect.signature(subject.kind).parameters
    keys = {key: value for key, value in subject.config.items() if not key.startswith("_")}
    named = {
        key: argument.default
        for key, argument in arguments.items()
        if argument.kind in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY)
    }
    if absent := sorted(named.keys() - keys):
        raise ContractViolation(
            f"the YAML of {subject.name} lacks {', '.join(absent)}; list every constructor argument with its default"
        )
    takes_any = any(argument.kind is argument.VAR_KEYWORD for argument in arguments.values())
    if not takes_any and (unknown := sorted(keys - named.keys())):
        raise ContractViolation(
            f"the YAML of {subject.name} has {', '.join(unknown)}, which its constructor does not take"
        )
    for key, default in named.items():
        if default is not inspect.Parameter.empty and _plain(default) != keys[key]:
            raise ContractViolation(
                f"{subject.name}: {key} is {keys[key]!r} in the YAML and {default!r} in the constructor; "
                "make them equal"
            )
    return None


def check_needs_are_exact(subject: Subject) -> str | None:
    """It ranks at least one issue, reads only what ``needs`` declares for it, and reads all of that."""
    kind, issues = subject.kind, subject.kind.issues()
    if not issues:
        raise ContractViolation(f"{subject.name} overrides none of {', '.join(SOLVED_BY.values())}; override one")
    if isinstance(kind.needs, Mapping) and (idle := set(kind.needs) - set(issues)):
        raise ContractViolation(f"{subject.name} declares needs for {', '.join(sorted(idle))}, which it does not solve")
    applicable = False
    for issue in issues:
        view = Recorder.over(subject.planted.view)
        try:
            subject.fitted(view).rank(issue, view, subject.pairs if issue.ranks_pairs else None)
        except UndeclaredNeed as error:
            raise ContractViolation(f"{subject.name}, {issue}: {error}") from error
        except NotApplicable:
            continue
        applicable = True
        unread = [str(need.name) for need in kind.needs_for(issue) if need not in view.seen]
        if unread:
            raise ContractViolation(
                f"{subject.name} declares {', '.join(unread)} for {issue} but never reads it, and would be refused "
                "where that is missing; take it out of `needs`, or declare `needs` per issue"
            )
    return None if applicable else NOT_APPLICABLE


def check_scores_are_finite_floats(subject: Subject) -> str | None:
    """Scores are floats of shape ``(N,)``, one per pair for pairs; -inf means "not retrieved", NaN and +inf nothing.

    Flags, where there are any, are bools of the same shape.
    """
    view, pairs = subject.planted.view, subject.pairs
    detector, applicable = subject.fitted(view), False
    for issue in subject.kind.issues():
        seen = view.restricted(subject.kind.needs_for(issue))
        try:
            answer = getattr(detector, SOLVED_BY[issue])(*((seen, pairs) if issue.ranks_pairs else (seen,)))
        except NotApplicable:
            continue
        applicable = True
        try:
            ranking = Ranking(issue, pairs if issue.ranks_pairs else np.arange(len(view)), np.asarray(answer))
        except ValueError as error:
            raise ContractViolation(f"{subject.name} returns no valid scores for {error}") from error
        if np.isneginf(ranking.scores).all():
            raise ContractViolation(f"{subject.name}, {issue}: all scores are -inf, so nothing is ranked")
        try:
            detector.decided(view, ranking)
        except ValueError as error:
            raise ContractViolation(f"{subject.name} returns no valid flags for {error}") from error
    return None if applicable else NOT_APPLICABLE


def check_same_seed_same_scores(subject: Subject) -> str | None:
    """Two fresh instances with one seed agree to the last bit; another seed matters only if ``stochastic`` says so."""
    view, pairs = subject.planted.view, subject.pairs
    for issue, scores in subject.answers(view, pairs).items():
        if not np.array_equal(scores, subject.baseline[issue]):
            raise ContractViolation(
                f"{subject.name}, {issue}: two instances with the same seed give different scores "
                f"({difference(scores, subject.baseline[issue])}); take a `seed` argument and draw all random "
                "numbers from np.random.default_rng(self.seed)"
            )
    if not subject.takes_seed:
        if subject.kind.stochastic:
            raise ContractViolation(f"{subject.name} is stochastic but takes no seed; add the argument `seed`")
        return None
    if not subject.kind.stochastic:
        for issue, scores in subject.answers(view, pairs, seed=1).items():
            if not np.array_equal(scores, subject.baseline[issue]):
                raise ContractViolation(
                    f"{subject.name}, {issue}: another seed gives other scores; declare stochastic = True"
                )
    return None


def check_order_of_images_does_not_matter(subject: Subject) -> str | None:
    """Shuffling the images shuffles the scores, and nothing else."""
    view, pairs = subject.planted.view, subject.pairs
    order = np.random.default_rng(0).permutation(len(view))
    shuffled = _reordered(subject, order)
    other_seed = subject.answers(view, pairs, seed=1) if subject.kind.stochastic else {}
    for issue, scores in shuffled.items():
        original = subject.baseline[issue]
        if subject.kind.stochastic:
            kept, usual = rank_correlation(scores, original), rank_correlation(other_seed[issue], original)
            if kept < usual - SLACK:
                raise ContractViolation(
                    f"{subject.name}, {issue}: shuffled images keep a rank correlation of {kept:.3f}, two seeds "
                    f"{usual:.3f}; a score must not depend on an image's position"
                )
        elif not close(scores, original):
            raise ContractViolation(
                f"{subject.name}, {issue}: shuffling the images changes scores ({difference(scores, original)}); "
                "a score must not depend on an image's position"
            )
    return None


def check_pairs_are_scored_alone(subject: Subject) -> str | None:
    """A pair's score does not depend on the other pairs that are asked, and (i, j) has the score of (j, i)."""
    if Issue.NEAR_DUPLICATE not in subject.kind.issues():
        return "it does not rank pairs"
    scores = _pair_scores(subject.baseline)
    order = np.random.default_rng(0).permutation(len(subject.pairs))
    for part in np.split(order, [1, len(order) // 2]):
        alone = _pair_scores(subject.answers(subject.planted.view, subject.pairs[part]))
        if not close(alone, scores[part], scores):
            raise ContractViolation(
                f"{subject.name}: a pair's score depends on the other pairs asked "
                f"({difference(alone, scores[part])} when {len(part)} of {len(scores)} are asked); "
                "score each by itself"
            )
    if subject.kind.stochastic:  # where reordering the images may change scores, another check limits how much
        return None
    # In reverse order the second image of each pair comes first.
    swapped = _pair_scores(_reordered(subject, np.arange(len(subject.planted.view))[::-1]))
    if not close(swapped, scores):
        raise ContractViolation(
            f"{subject.name}: (i, j) and (j, i) have different scores ({difference(swapped, scores)}); "
            "make the score symmetric"
        )
    return None


def check_planted_faults(subject: Subject) -> str | None:
    """Planted faults come first: AUROC at least .8 for every issue it solves."""
    for issue, scores in subject.baseline.items():
        truth = subject.planted.truths[issue]
        asked = scores if issue.ranks_pairs else scores[truth.items]
        auroc = evaluate(truth.labels, asked, ["AUROC"])["AUROC"].value or 0.0
        if auroc < LEAST_AUROC:
            flipped = "the sign is flipped: higher must be more suspicious"
            raise ContractViolation(
                f"{subject.name}, {issue}: AUROC is {auroc:.3f} on planted faults, at least {LEAST_AUROC} is expected; "
                + (flipped if auroc < 0.5 else "see cleanbench.checks.planted for what they look like")
            )
    return None


def check_inputs_are_untouched(subject: Subject) -> str | None:
    """Arrays that it is given keep their content and stay read-only; no file appears in the current folder."""
    view, asked = Recorder.over(subject.planted.view), np.array(subject.pairs)
    given = {need: value for need, value in view._data.items() if isinstance(value, np.ndarray)}
    before = {need: value.tobytes() for need, value in given.items()}
    with tempfile.TemporaryDirectory(prefix="cleanbench-") as name, contextlib.chdir(name):
        try:
            subject.answers(view, asked)
        except ValueError as error:
            if "read-only" in str(error) or "WRITEABLE" in str(error):
                raise ContractViolation(f"{subject.name} writes into its input ({error}); copy it first") from error
            raise
        files = sorted(path.name for path in Path(name).rglob("*"))
    if files:
        raise ContractViolation(
            f"{subject.name} leaves {', '.join(files[:3])} in the current folder; use tempfile.TemporaryDirectory"
        )
    changed = [str(need.name).lower() for need, value in given.items() if _touched(value, before[need])]
    changed += ["derived arrays" for array, content in view.derived_arrays if _touched(array, content)]
    changed += ["pairs"] if not np.array_equal(asked, subject.pairs) else []
    if changed:
        raise ContractViolation(
            f"{subject.name} writes into its input ({changed[0]}), which other methods share; copy it first"
        )
    return None


def check_something_was_checked(subject: Subject) -> str | None:
    """Not every check that runs the method was skipped."""
    outcomes = []
    for check in CHECKS[1:-1]:
        outcome = run_check(subject, check)
        if outcome.status in (Status.PASSED, Status.FAILED):
            return None
        outcomes.append(outcome)
    raise ContractViolation(
        f"every check of {subject.name} was skipped, so nothing is known about it; the last: {outcomes[-1].reason}"
    )


CHECKS: tuple[Check, ...] = (
    check_yaml_equals_constructor,
    check_needs_are_exact,
    check_scores_are_finite_floats,
    check_same_seed_same_scores,
    check_order_of_images_does_not_matter,
    check_pairs_are_scored_alone,
    check_planted_faults,
    check_inputs_are_untouched,
    check_memory_grows_linearly,
    check_something_was_checked,
)


def _reordered(subject: Subject, order: Ints) -> dict[Issue, Floats]:
    """Return the answers on reordered images, for the items in their original order."""
    place = np.argsort(order)
    answers = subject.answers(subject.planted.view.take(order), np.sort(place[subject.pairs], axis=1))
    return {issue: scores if issue.ranks_pairs else scores[place] for issue, scores in answers.items()}


def _pair_scores(answers: Mapping[Issue, Floats]) -> Floats:
    if Issue.NEAR_DUPLICATE not in answers:
        raise NotApplicable("it does not score the planted pairs")
    return answers[Issue.NEAR_DUPLICATE]


def _touched(array: Any, content: bytes) -> bool:
    return bool(array.flags.writeable) or array.tobytes() != content


def _plain(value: Any) -> Any:
    """Return a default as YAML can write it."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value
