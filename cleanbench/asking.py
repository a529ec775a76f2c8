"""What a method is asked, and what its answer means: between positions it sees and ids of the set."""

import numpy as np

from cleanbench import pairs
from cleanbench.core import Bools, Floats, GroundTruth, Ints, Issue, Need, Ranking
from cleanbench.detector import Detector
from cleanbench.image_set import ImageSet
from cleanbench.worker import Answer, Task


class NoRanking(Exception):
    """An issue without a ranking: ``kind`` is ``failed``, ``not run`` or ``not applicable``."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


def inapplicable(detector: type[Detector], issue: Issue, image_set: ImageSet) -> str:
    """Say why a method cannot be asked for an issue here; empty if it can."""
    if detector.missing():
        return f"not run: {', '.join(detector.missing())} is not installed"
    needs = detector.needs_for(issue)
    labelled = image_set.labels is not None and bool((image_set.labels >= 0).any())
    for need, there, thing in (
        (Need.LABELS, labelled, "labels"),
        (Need.CLASS_NAMES, bool(image_set.classes), "class names"),
        (Need.CLASS_EMBEDDINGS, bool(image_set.classes), "class names"),
        (
            Need.CALIBRATION,
            len(image_set.calibration) > 0,
            "images whose labels are stated to be right; "
            "truth.calibration=0.1 states a tenth of those that are known to be",
        ),
    ):
        if need in needs and not there:
            return f"not applicable: the data set has no {thing}"
    if issue is Issue.LABEL_ERROR and not labelled:
        return "not applicable: the data set has no labels"
    return ""


def unasked(image_set: ImageSet, issue: Issue, retrieve: int) -> str:
    """Say that there is nothing to ask; empty if there is."""
    if issue.ranks_pairs and not retrieve and image_set.truth(issue) is None:
        return "not applicable: no pair is judged, and retrieve=0 lists none"
    return ""


def task_of(detector: type[Detector], image_set: ImageSet, issue: Issue, rows: Ints, retrieve: int) -> Task:
    """Decide what the method is asked: every image, or annotated pairs hidden among random ones."""
    labelled = image_set.labels is None or image_set.labels[rows] >= 0
    # No label, no label error: such images rank last also where a method does not look at labels.
    needs_labels = Need.LABELS in detector.needs_for(issue) or issue is Issue.LABEL_ERROR
    seen = np.flatnonzero(labelled) if needs_labels and not np.all(labelled) else None
    if not issue.ranks_pairs:
        return Task(issue, seen)
    truth = image_set.truth(issue)
    if truth is None:
        return Task(issue, seen, retrieve=retrieve)
    position = np.full(len(image_set), -1)
    position[rows if seen is None else rows[seen]] = np.arange(len(rows) if seen is None else len(seen))
    asked = position[asked_pairs(image_set, truth)]
    asked = asked[(asked >= 0).all(axis=1)]
    if not len(asked):  # no judged pair has two images that can be seen: there is nothing to ask
        return Task(issue, seen)
    # Two random halves that share one per cent: a score that depends on what else is asked shows itself.
    shuffled = np.random.default_rng(int(image_set.fingerprint[:8], 16)).permutation(asked)
    middle, shared = len(shuffled) // 2, max(1, len(shuffled) // 200)
    return Task(issue, seen, pairs=(shuffled[: middle + shared], shuffled[max(0, middle - shared) :]))


def queue_task(detector: type[Detector], image_set: ImageSet, task: Task, retrieve: int) -> Task | None:
    """Ask for the queue beside the scores of annotated pairs; None where it would take scoring every pair, or none is.

    A method that has no way of its own to retrieve would score all pairs, which takes far longer than the run.
    """
    if not (task.issue.ranks_pairs and image_set.truth(task.issue) is not None and retrieve):
        return None
    if detector.retrieve is Detector.retrieve:
        return None
    return Task(task.issue, task.rows, retrieve=retrieve, queue=True)


def queue_of(task: Task, rows: Ints, answer: Answer) -> Ranking | str:
    """Bring a retrieved queue back to positions in the whole set, or say why there is none."""
    if answer.problem or answer.items is None:
        return f"{answer.problem}: {answer.reason}"
    try:
        seen = rows if task.rows is None else rows[task.rows]
        return _retrieved(task.issue, task, seen, answer)
    except ValueError as error:
        return f"failed: {error}"


def ranking_of(issue: Issue, image_set: ImageSet, task: Task, rows: Ints, answer: Answer) -> Ranking:
    """Bring a method's answer back to positions in the whole set; what it could not see ranks last.

    Raises:
        NoRanking: If there is no answer, or none that can be trusted.
    """
    if answer.problem:
        raise NoRanking(answer.problem, answer.reason)
    seen = rows if task.rows is None else rows[task.rows]
    try:
        if answer.items is not None:
            return _retrieved(issue, task, seen, answer)
        if not issue.ranks_pairs:
            scores = np.full(len(image_set), -np.inf)
            scores[seen] = answer.scores[0]
            flags = None
            if answer.flags is not None:
                flags = np.zeros(len(image_set), dtype=bool)
                flags[seen] = answer.flags
            return Ranking(issue, np.arange(len(image_set)), scores, flags, answer.notes)
        truth = image_set.truth(issue)
        every = np.zeros((0, 2), dtype=np.int64) if truth is None else asked_pairs(image_set, truth)
        if not task.pairs:
            return Ranking(issue, every, np.full(len(every), -np.inf))
        asked = np.concatenate(task.pairs)
        scores = np.concatenate(answer.scores).astype(np.float64)
        codes, first, back = np.unique(pairs.encode(asked, len(seen)), return_index=True, return_inverse=True)
        finite = np.isfinite(scores) & np.isfinite(scores[first][back])
        same = np.isclose(scores, scores[first][back], rtol=1e-5, atol=1e-7) | (scores == scores[first][back])
        if not (same | ~finite).all() or (np.isfinite(scores) != np.isfinite(scores[first][back])).any():
            raise NoRanking("failed", "the score of a pair changes with the other pairs that are asked")
        known = seen[pairs.decode(codes, len(seen))]
        flags = None
        if answer.flags is not None:
            flags = pairs.lookup(every, known, answer.flags[first].astype(np.float64), len(image_set)) > 0
        return Ranking(issue, every, pairs.lookup(every, known, scores[first], len(image_set)), flags, answer.notes)
    except ValueError as error:
        raise NoRanking("failed", str(error)) from error


def _retrieved(issue: Issue, task: Task, seen: Ints, answer: Answer) -> Ranking:
    """Check what a method chose to list; positions become those of the whole set.

    Raises:
        ValueError: If it lists more than asked, a pair twice, or images that are not there.
    """
    assert answer.items is not None  # it is what was retrieved
    found = Ranking(issue, answer.items, answer.scores[0], answer.flags)
    if len(found) > task.retrieve:
        raise ValueError(f"{len(found)} pairs were retrieved, at most {task.retrieve} were asked for")
    if found.items.size and not (found.items.min() >= 0 and found.items.max() < len(seen)):
        raise ValueError(f"a retrieved pair points outside the {len(seen)} images")
    if len(np.unique(pairs.encode(found.items, len(seen)))) < len(found):
        raise ValueError("a pair is retrieved twice")
    return Ranking(issue, seen[found.items], found.scores, found.flags, answer.notes)


def scores_of(ranking: Ranking, truth: GroundTruth | None, images: int) -> Floats:
    """Return the scores of the annotated items, in the order of the truth, shape ``(L,)``."""
    if truth is None:
        return np.zeros(0)
    if ranking.issue.ranks_pairs:
        return pairs.lookup(truth.items, ranking.items, ranking.scores, images)
    scores: Floats = ranking.scores[truth.items]
    return scores


def flags_of(ranking: Ranking, truth: GroundTruth, images: int) -> Bools | None:
    """Return the method's own decision on the annotated items, in the order of the truth; None if it has none."""
    if ranking.flags is None:
        return None
    if ranking.issue.ranks_pairs:
        return pairs.lookup(truth.items, ranking.items, ranking.flags.astype(np.float64), images) > 0
    flags: Bools = ranking.flags[truth.items]
    return flags


def asked_pairs(image_set: ImageSet, truth: GroundTruth) -> Ints:
    """Return the annotated pairs and as many random others, the same for every method."""
    rng = np.random.default_rng(int(image_set.fingerprint[:8], 16))
    return np.concatenate([truth.items, pairs.decoys(truth.items, len(image_set), rng)])
