"""Exact minimum spanning tree, single linkage, and the leaf-area distances of a dendrogram."""

import numpy as np

from cleanbench.core import Floats, Ints
from cleanbench.neighbours import Cosines
from cleanbench.progress import progress


def minimum_spanning_tree(embeddings: Floats, measure: type[Cosines] = Cosines) -> tuple[Ints, Floats]:
    """Return the minimum spanning tree of the rows under the measure's distance, by default (1 - cosine) / 2.

    Prim's algorithm from the first row, with one matrix-vector product per step: O(N) memory beside a
    copy of the embeddings. The products round by position, so they only tell which rows may have come
    nearer; the measure decides. Of equally near rows the first one joins.

    Returns:
        Edges ``(N - 1, 2)``, each a row of the tree and the row that joins it, in the order of joining;
        and their lengths ``(N - 1,)``, float64.
    """
    exact = measure(embeddings)
    unit = exact.factors()
    edges, lengths = np.zeros((len(unit) - 1, 2), dtype=np.int64), np.zeros(len(unit) - 1)
    waiting, rows, pivot, joined, gone = np.arange(1, len(unit)), unit[1:], exact.facing(unit[0]), 0, 0
    best, partner = np.full(len(waiting), np.inf), np.zeros(len(waiting), dtype=np.int64)
    enough = np.full(len(waiting), -np.inf, dtype=unit.dtype)  # a smaller product cannot be an improvement
    noise = exact.noise(unit)
    with progress("spanning tree", len(edges), "image") as bar:
        for step in range(len(edges)):
            maybe = np.flatnonzero(rows @ pivot >= enough)
            distances = exact.distances(exact(np.full(len(maybe), joined), waiting[maybe]))
            closer = distances < best[maybe]
            nearer, distances = maybe[closer], distances[closer]
            best[nearer], partner[nearer], enough[nearer] = distances, joined, 1 - 2 * distances - noise
            chosen = int(best.argmin())
            joined, pivot = int(waiting[chosen]), exact.facing(rows[chosen].copy())
            edges[step], lengths[step] = (partner[chosen], joined), best[chosen]
            best[chosen], enough[chosen], gone = np.inf, np.inf, gone + 1
            if 8 * gone > len(waiting):  # multiplying the rows that have joined would double the work
                left = np.flatnonzero(enough < np.inf)
                waiting, rows, gone = waiting[left], rows[left], 0
                best, partner, enough = best[left], partner[left], enough[left]
            bar.update()
    return edges, lengths


def spanning_tree_cost(count: int, columns: int) -> tuple[float, float]:
    """Return the CPU seconds and the bytes that `minimum_spanning_tree` is expected to take for float32 rows.

    Fitted to 46 seconds for 40,000 rows of 384 columns and 2.5 for 16,577 of 192, on one core; memory is that of two
    copies of the rows, and of a third while those that have joined are dropped.
    """
    return 8e-11 * count**2 * (columns + 50), 12.0 * count * columns


def single_linkage(edges: Ints, lengths: Floats) -> Floats:
    """Return the single linkage of a spanning tree as `scipy.cluster.hierarchy.single` gives it.

    Args:
        edges: Shape ``(N - 1, 2)``, in the order in which Prim's algorithm adds them.
        lengths: Shape ``(N - 1,)``.

    Returns:
        Merges ``(N - 1, 4)``, nearest first: two clusters, their distance, the number of rows in both. Cluster
        ``N + m`` is what merge ``m`` makes.
    """
    count = len(edges) + 1
    # A row may be linked to the one that joined before it instead of to its partner in the tree: the clusters
    # below any distance are the same. SciPy does so, which decides the order of merges at equal distances.
    chain = np.append(edges[:1, 0], edges[:, 1]).tolist()
    parent = list(range(2 * count - 1))
    sizes = [1] * count + [0] * (count - 1)
    merges = np.empty((count - 1, 4))

    def cluster_of(row: int) -> int:
        root = row
        while parent[root] != root:
            root = parent[root]
        while parent[row] != root:
            parent[row], row = root, parent[row]
        return root

    for merge, step in enumerate(np.argsort(lengths, kind="stable").tolist()):
        first, second = sorted((cluster_of(chain[step]), cluster_of(chain[step + 1])))
        cluster = count + merge
        parent[first] = parent[second] = cluster
        sizes[cluster] = sizes[first] + sizes[second]
        merges[merge] = first, second, lengths[step], sizes[cluster]
    return merges


def leaf_areas(merges: Floats, global_leaves: bool = False) -> Floats:
    """Return each leaf's leaf-area distance (LAD, SelfClean): low for what joins the dendrogram late.

    The dendrogram is drawn in the unit square, the smaller subtree to the left (of equal ones the first in
    ``merges``). A node covers an interval of the width and, in height, the space from its own merge distance up to
    its parent's; the left child covers the share of its leaves, the right child as wide a share as its leaves have,
    which leaves gaps. Leaves are met from left to right, and the score of a leaf is the area covered so far, gaps
    included: the order of scores is the order of leaves, so two scores that are far apart may belong to
    images that are alike.

    Args:
        merges: A linkage as `single_linkage` returns it, distances in [0, 1].
        global_leaves: Take a node's share of all leaves, not of its parent's leaves.

    Returns:
        Shape ``(N,)``, at least 0 and not decreasing from left to right.
    """
    count = len(merges) + 1
    children = merges[:, :2].astype(np.int64).tolist()
    distances = [0.0] * count + merges[:, 2].tolist()
    sizes = [1] * count + merges[:, 3].astype(np.int64).tolist()
    scores = np.empty(count)
    covered = 0.0
    edge: tuple[float, float] | None = None  # end and height of the last leaf, until a gap has been filled
    above: list[tuple[float, float]] = []  # end and height of the nodes above it, met since the last gap
    stack = [(2 * count - 2, 0.0, 1.0, 1.0)]
    while stack:
        node, start, end, ceiling = stack.pop()
        if distances[node] > 0:
            above.append((end, ceiling - distances[node]))
        if edge is not None and edge[0] != start:
            for left, height in (edge, *(space for space in above if space[0] < start)):
                covered += max((start - left) * height, 0.0)
            edge, above = None, []
        covered += max((end - start) * (ceiling - distances[node]), 0.0)
        if node < count:
            scores[node] = covered
            edge = (end, ceiling)
            continue
        small, large = sorted(children[node - count], key=sizes.__getitem__)
        leaves = count if global_leaves else sizes[node]
        middle = start + (end - start) * (sizes[small] / leaves)
        right = start + (end - start) * (sizes[large] / leaves)
        stack.append((large, middle, right, distances[node]))
        stack.append((small, start, middle, distances[node]))
    return scores
