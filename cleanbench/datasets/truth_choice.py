"""Which of several truths counts: by name (who judged) and by revision (the SHA-256 of the judgements)."""

import re
from collections.abc import Mapping
from dataclasses import replace

from cleanbench.core import GroundTruth, Issue, UserError
from cleanbench.image_set import ImageSet
from cleanbench.spelling import nearest

# So many digits tell two revisions apart; fewer are more likely a slip than a choice.
FEWEST_DIGITS = 4


def with_truth(image_set: ImageSet, name: str | None, revision: str | None, conflict: str | None = None) -> ImageSet:
    """Return the set with the truths that count; whatever looks at its truth afterwards sees these.

    The revision is that of the set as it is read: planting faults and stating images whose labels are right make
    another truth of it, which has another revision.

    Args:
        image_set: A set with any number of truths per issue.
        name: Keep the truths of this name; issues that have none are left without truth, which is told. None: all
            are kept, and the first one of each issue counts.
        revision: First digits of a SHA-256. If it is that of the set's truth as a whole, nothing changes; if it is
            that of a truth of one issue, this truth counts for the issue. With a name, that of the set before truths
            were picked by it will do, too: several annotations are told apart by it. None: whatever there is.
        conflict: How contradicting judgements were read, for a message: it is part of what a revision depends on.

    Raises:
        UserError: If no truth has that name or that revision, naming those there are.
    """
    digits = None if revision is None else checked_revision(revision)
    # All annotations of one revision hold a named truth, which may be the same in each of them.
    settled = digits is None or (bool(image_set.truths) and image_set.truth_revision.startswith(digits))
    read = revisions(image_set)
    if name is not None:
        image_set = _named(image_set, name)
    if digits is not None and not settled:
        image_set = _revised(image_set, digits, read, conflict)
    return image_set


def checked_revision(revision: object) -> str:
    """Return the first digits of a revision in lower case.

    Raises:
        UserError: If they are no digits of a SHA-256, or too few.
    """
    digits = str(revision).strip().lower()
    if not re.fullmatch(f"[0-9a-f]{{{FEWEST_DIGITS},64}}", digits):
        raise UserError(
            f"truth.revision={revision} is no revision; give the first digits of its SHA-256, at least "
            f"{FEWEST_DIGITS}, in quotes twice if they look like a number: 'truth.revision=\"12345678\"'"
        )
    return digits


def revisions(image_set: ImageSet) -> dict[str, str]:
    """Return the revisions by which truths of the set can be chosen.

    They are those of every truth, that of the set as a whole, and that of the set under each name, because with
    ``truth.name`` other truths count.
    """
    found = {"the set": image_set.truth_revision} if image_set.truths else {}
    names = list(dict.fromkeys(name for _, name in image_set.truths))
    for name in names if len(names) > 1 else []:
        found[f"the set with truth.name={name}"] = replace(
            image_set, truths=_of_name(image_set.truths, name)
        ).truth_revision
    return found | {f"{issue} {name}": truth.revision for (issue, name), truth in image_set.truths.items()}


def listed(found: Mapping[str, str]) -> str:
    """Return revisions as a message shows them, by their first eight digits."""
    return ", ".join(f"{digest[:8]} ({what})" for what, digest in found.items())


def _named(image_set: ImageSet, name: str) -> ImageSet:
    kept = _of_name(image_set.truths, name)
    if not kept:
        names = dict.fromkeys(name for _, name in image_set.truths)
        if not names:
            raise UserError(f"truth.name={name}: {image_set.name!r} has no truth at all; leave truth.name=null")
        raise UserError(f"{image_set.name!r} has no truth called {name!r}.{nearest(name, names)}")
    without = [str(issue) for issue in _issues(image_set.truths) if issue not in _issues(kept)]
    told = f"truth.name={name}: no truth of that name, and so none at all, for {', '.join(without)}"
    return replace(image_set, truths=kept, warnings=(*image_set.warnings, *([told] if without else [])))


def told_conflict(conflict: str) -> str:
    """Return why the same files have another revision under another policy, as part of a message."""
    return f"these are with truth.conflict={conflict}: the revision depends on what contradicting judgements become"


def _revised(image_set: ImageSet, digits: str, read: Mapping[str, str], conflict: str | None) -> ImageSet:
    if image_set.truths and image_set.truth_revision.startswith(digits):
        return image_set
    picked = {key: truth for key, truth in image_set.truths.items() if truth.revision.startswith(digits)}
    if not picked:
        there = {what: digest for what, digest in revisions(image_set).items() if "truth.name" not in what}
        if there and read["the set"] != there["the set"]:
            there = {"all truths of the set": read["the set"]} | there
        named = [what for what, digest in read.items() if "truth.name" in what and digest.startswith(digits)]
        also = f"; it is that of {named[0]}" if named else ""
        policy = f"; {told_conflict(conflict)}" if conflict and there else ""
        raise UserError(
            f"truth.revision={digits}: no truth of {image_set.name!r} has this revision{also}; "
            f"it has {listed(there) or 'no truth'}; give one of these, or the files of that revision{policy}"
        )
    return replace(image_set, truths={**picked, **image_set.truths})  # the first one of an issue counts


def _of_name(truths: Mapping[tuple[Issue, str], GroundTruth], name: str) -> dict[tuple[Issue, str], GroundTruth]:
    return {key: truth for key, truth in truths.items() if key[1] == name}


def _issues(truths: Mapping[tuple[Issue, str], GroundTruth]) -> list[Issue]:
    return [issue for issue in Issue if any(judged is issue for judged, _ in truths)]
