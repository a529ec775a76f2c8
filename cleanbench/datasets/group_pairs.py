"""Near-duplicate truth from groups: pairs of one group, and a sample of pairs that join two groups."""

from collections.abc import Sequence

import numpy as np

from cleanbench.core import Floats, GroundTruth, Ints, Issue, UserError
from cleanbench.datasets.truth_tables import MOST_PAIRS, expand
from cleanbench.pairs import decode, pair_count


def same_group(
    ids: Sequence[str], groups: Ints, negatives: int, seed: int, *, name: str, kind: str = "metadata"
) -> GroundTruth:
    """Judge all pairs of one group to be near-duplicates, and a sample of the other pairs to be none.

    Nobody has looked at these other pairs: that images of two lesions or patients differ is presumed. They are drawn
    at random among all of them, so AUROC estimates that over all pairs without bias, while AP and precision depend on
    how many are drawn. `GroundTruth.inclusion` holds the probability to be drawn, which is 1 for pairs of a group.

    Args:
        ids: All ids of the image set, sorted.
        groups: The group of each image, shape ``(N,)``; -1 where it is not known: its pairs are not judged.
        negatives: How many pairs of different groups to draw, 0 or more; all of them if there are no more.
        seed: Of the draw, 0 or more.
        name: Which truth of the issue this is.
        kind: How it came about.

    Raises:
        UserError: If the groups hold more pairs than are read.
    """
    order = np.argsort(groups, kind="stable")
    members = order[groups[order] >= 0]
    sizes = np.bincount(groups[members]) if len(members) else np.zeros(0, dtype=np.int64)
    within = int((sizes * (sizes - 1) // 2).sum())
    if within > MOST_PAIRS:
        raise UserError(
            f"the groups hold {within:,} pairs, at most {MOST_PAIRS:,} are read; a group should be images of one "
            f"lesion, patient or scene (the largest has {int(sizes.max()):,} images)"
        )
    positives, _ = expand(members, sizes[sizes > 0])
    others, inclusion = between_groups(groups, negatives, seed)
    return GroundTruth.of(
        Issue.NEAR_DUPLICATE,
        ids,
        np.concatenate([positives, others]),
        np.repeat([True, False], [len(positives), len(others)]),
        name=name,
        kind=kind,
        inclusion=np.concatenate([np.ones(len(positives)), inclusion]),
        presumed=bool(len(others)),
    )


def between_groups(groups: Ints, count: int, seed: int) -> tuple[Ints, Floats]:
    """Draw pairs of images of different groups, each as likely as any other, without repetition.

    Args:
        groups: The group of each image, shape ``(N,)``; -1 keeps an image out.
        count: How many pairs to draw; all of them, not drawn, if there are no more.
        seed: Of the draw.

    Returns:
        The pairs, shape ``(P, 2)`` with ``i < j``, and the probability with which each was drawn, shape ``(P,)``.
    """
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(groups >= 0)
    codes, everything = groups[known], pair_count(len(known))
    sizes = np.bincount(codes) if len(codes) else np.zeros(0, dtype=np.int64)
    total = everything - int((sizes * (sizes - 1) // 2).sum())

    def apart(ranks: Ints) -> Ints:
        first, second = codes[decode(ranks, len(known))].T
        kept: Ints = ranks[first != second]
        return kept

    if total <= count:
        drawn = apart(np.arange(everything))
    else:
        drawn = np.zeros(0, dtype=np.int64)
        while len(drawn) < count:
            # Of two drawn pairs, one is mostly kept; where groups are large, few are.
            attempts = min(2 * (count - len(drawn)) * everything // total + 1, 1 << 22)
            drawn = np.union1d(drawn, apart(rng.integers(everything, size=attempts)))
        drawn = np.sort(rng.choice(drawn, count, replace=False))
    return known[decode(drawn, len(known))], np.full(len(drawn), len(drawn) / max(total, 1))


def connected(pairs: Ints, images: int) -> Ints:
    """Return for each of the images a number that it shares with those it is connected to by pairs, shape ``(N,)``."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(images, images))
    groups: Ints = connected_components(links, directed=False)[1].astype(np.int64)
    return groups
