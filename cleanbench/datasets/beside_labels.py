"""What a truth table may say beside its labels: how sure they are, and how their items were drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cleanbench.core import Bools, Floats, Ints, UserError
from cleanbench.datasets.tables import count, number_in, some
from cleanbench.votes import probability_of_votes

VOTES = ("faulty_votes", "votes")
FACTS = ("probability", *VOTES, "inclusion")
SURE = 0.95  # three votes of three give 0.967


def number(path: Path, line: int, name: str, text: str) -> float:
    """Read a number beside a label.

    Raises:
        UserError: If it is none, or out of the range of the column called ``name``.
    """
    try:
        value = number_in(text)
    except ValueError:
        value = -1.0
    if name in VOTES:
        right, expected = 0 <= value < float("inf"), "a number of votes"
    elif name == "inclusion":
        right, expected = 0 < value <= 1, "a number above 0 and up to 1"
    else:
        right, expected = 0 <= value <= 1, "a number from 0 to 1"
    if not right:
        raise UserError(f"{path}, line {line}: the {name} is {some([text])}, expected {expected}")
    return value


def majority(path: Path, line: int, facts: Mapping[str, float]) -> bool | None:
    """Return what most reviewers said of an item; None for as many votes either way.

    Raises:
        UserError: If the votes do not fit together.
    """
    faulty, votes = facts["faulty_votes"], facts["votes"]
    _check_votes(path, np.array([faulty]), np.array([votes]), np.array([line]))
    return None if 2 * faulty == votes else 2 * faulty > votes


def facts_of(
    path: Path, columns: Mapping[str, Sequence[float]], unanswered: Floats, lines: Ints
) -> tuple[dict[str, Floats], list[str]]:
    """Return ``probability`` and ``inclusion`` of the labelled rows, as far as known, and warnings.

    Args:
        path: The table, for messages.
        columns: What `number` read from the rows with a label, by the names in `FACTS`.
        unanswered: The inclusion probabilities of the rows without a label.
        lines: Where the rows with a label stand in the file.

    Raises:
        UserError: If votes do not fit together, or all items of an inclusion probability lack a label.
    """
    facts: dict[str, Floats] = {name: np.array(values, dtype=np.float64) for name, values in columns.items()}
    votes = {name: facts.pop(name) for name in VOTES if name in facts}
    if len(votes) == 1:
        raise UserError(f"{path} has a column {next(iter(votes))} alone; expected are both, {' and '.join(VOTES)}")
    if votes and "probability" in facts:
        raise UserError(f"{path} has votes as well as a probability; keep one of them")
    if votes:
        _check_votes(path, votes["faulty_votes"], votes["votes"], lines)
        facts["probability"] = probability_of_votes(votes["faulty_votes"], votes["votes"])
    if not len(unanswered):
        return facts, []
    facts["inclusion"] = _answered(path, facts["inclusion"], unanswered)
    return facts, [
        f"{path}: {count(len(unanswered), 'item')} drawn for judging without a label; the others of the same "
        "inclusion probability stand for them, which is fair only if it is chance that they were left out"
    ]


def implausible(labels: Bools, probability: Floats | None) -> list[str]:
    """Return a warning if labels are the opposite of what their probabilities are nearly sure of.

    Args:
        labels: True for faulty, shape ``(L,)``.
        probability: That the items are faulty, shape ``(L,)``, if it is known.
    """
    if probability is None:
        return []
    wrong = int(np.count_nonzero(np.where(labels, 1 - probability, probability) > SURE))
    if not wrong:
        return []
    return [
        f"{count(wrong, 'label')} of {len(labels):,} contradict their probability or votes, such as 1 where faulty is "
        f"less than {1 - SURE:.0%} probable; metrics follow the labels, python -m cleanbench.doubt the probabilities"
    ]


def _check_votes(path: Path, faulty: Floats, votes: Floats, lines: Ints) -> None:
    wrong = (faulty > votes) | (faulty != np.rint(faulty)) | (votes != np.rint(votes)) | (votes < 1)
    if wrong.any():
        first = int(wrong.argmax())
        raise UserError(
            f"{path}, line {lines[first]}: {faulty[first]:g} faulty_votes of {votes[first]:g} votes; expected are "
            "whole numbers, at least one vote, and no more faulty ones than there are"
        )


def _answered(path: Path, inclusion: Floats, unanswered: Floats) -> Floats:
    """Return with which probability items were drawn *and* judged: of each stratum, as many as were."""
    answered = inclusion.copy()
    for rate in np.unique(unanswered):
        same, left = inclusion == rate, int(np.count_nonzero(unanswered == rate))
        judged = int(np.count_nonzero(same))
        if not judged:
            raise UserError(
                f"{path}: of the {count(left, 'item')} with inclusion probability {rate:.6g} none has a label, so that "
                "nothing stands for them; judge at least two"
            )
        answered[same] = inclusion[same] * judged / (judged + left)
    return answered
