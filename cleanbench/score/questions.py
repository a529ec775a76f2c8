"""``python -m cleanbench.score.questions``: the pairs that a ranking made elsewhere should score."""

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleanbench.asking import asked_pairs
from cleanbench.commands import composing
from cleanbench.core import Issue, UserError
from cleanbench.image_set import ImageSet
from cleanbench.store import write_whole


@dataclass(frozen=True)
class Options:
    """List the pairs that a ranking of near-duplicates should score: the judged ones, hidden among random ones.

    Attributes:
        file: The CSV file to write, with columns id_a and id_b.
    """

    file: Path


def questions(options: Options, given: composing.Words) -> int:
    """Write the pairs in random order."""
    image_set = composing.image_set_of(given)
    pairs = listed(image_set)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("id_a", "id_b"))
    writer.writerows(pairs)
    write_whole(options.file, stream.getvalue().encode())
    sys.stdout.write(
        f"{options.file}: {len(pairs):,} pairs of {image_set.name}, fingerprint {image_set.fingerprint[:12]}, truth "
        f"revision {image_set.truth_revision[:12]}\n"
    )
    return 0


def listed(image_set: ImageSet) -> list[tuple[str, str]]:
    """Return the pairs that every method is asked, by ids, in an order that tells nothing.

    Raises:
        UserError: If the set has no truth about pairs.
    """
    truth = image_set.truth(Issue.NEAR_DUPLICATE)
    if truth is None:
        raise UserError(f"{image_set.name!r} has no {Issue.NEAR_DUPLICATE} truth, so no pairs are asked")
    rng = np.random.default_rng(int(image_set.fingerprint[:8], 16))
    asked = rng.permutation(asked_pairs(image_set, truth))
    return [(image_set.ids[first], image_set.ids[second]) for first, second in asked.tolist()]


if __name__ == "__main__":
    composing.run("python -m cleanbench.score.questions", Options, questions)
