"""AdaBoost of decision stumps: the probabilities of scikit-learn's ``AdaBoostClassifier(random_state=0)``, sooner.

Freund and Schapire (Journal of Computer and System Sciences, 1997), in the multi-class form SAMME of Zhu, Zou, Rosset
and Hastie, "Multi-class AdaBoost" (Statistics and Its Interface, 2009): 50 trees of depth 1, each the split of least
Gini impurity.

Scikit-learn sorts every column for every tree and sums over all classes at every possible split. Here columns are
sorted once for all folds and trees, and the impurity moves along a column with the one class that changes, which costs
the same for two classes as for a hundred. Where rounding would decide (two splits, or two classes in a leaf, as good as
each other, or no split better than none), scikit-learn's own tree decides, so that the probabilities are the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cleanbench.compilation import compiled
from cleanbench.core import Bools, Floats, Ints

TREES = 50
# Values of a column that differ by no more are not told apart, as in scikit-learn's trees.
THRESHOLD = np.float32(1e-7)
# How far rounding may put the quality of a split, whose scale is the weight of all images (1), in the quick scan.
TOLERANCE = 1e-10
EPSILON = float(np.finfo(np.float64).eps)


class Columns:
    """The columns of embeddings, sorted once for any number of folds.

    Args:
        embeddings: Shape ``(N, D)``; trees see them in float32.
    """

    def __init__(self, embeddings: Floats) -> None:
        self.values = np.ascontiguousarray(embeddings.T, dtype=np.float32)
        self.order = np.empty(self.values.shape, dtype=np.int32)
        for column, values in enumerate(self.values):
            self.order[column] = np.argsort(values, kind="stable")

    def constant(self, rows: Bools) -> bool:
        """Return whether some rows are all equal."""
        return all((values[rows] == values[rows][0]).all() for values in self.values)


@dataclass(frozen=True)
class Stump:
    """A tree with one split, or with none.

    Attributes:
        column: Where it splits.
        threshold: Values up to it go left; infinite for a tree without a split.
        left: The class on the left.
        right: The class on the right.
        weight: Its say in the vote.
    """

    column: int
    threshold: float
    left: int
    right: int
    weight: float


def boosted_probabilities(columns: Columns, labels: Ints, training: Bools, judged: Bools) -> tuple[Ints, Floats]:
    """Train on some rows; return the classes known from them, and their probabilities for other rows.

    Args:
        columns: Of all rows.
        labels: Integers from 0, shape ``(N,)``.
        training: Which rows to train on, shape ``(N,)``; at least two classes occur there.
        judged: Which rows to judge, shape ``(N,)``.

    Returns:
        The classes ``(K,)``, ascending, and the probabilities ``(M, K)`` of the judged rows, in order. Where the first
        tree is no better than chance, which scikit-learn makes an error, they are how frequent the classes are.
    """
    known, given = np.unique(labels[training], return_inverse=True)
    numbered = np.zeros(len(labels), dtype=np.int32)
    numbered[training] = given
    stumps = tuple(_boosted(columns, numbered, training, len(known)))
    if not stumps:
        return known, np.tile(np.bincount(given) / len(given), (int(np.count_nonzero(judged)), 1))
    return known, _probabilities(stumps, columns.values[:, judged], len(known))


def _probabilities(stumps: tuple[Stump, ...], values: Floats, classes: int) -> Floats:
    """Return the softmax of the vote, shape ``(M, classes)``, with every sum in scikit-learn's order."""
    decision = np.zeros((values.shape[1], classes))
    rows = np.arange(values.shape[1])
    for stump in stumps:
        chosen = np.where(_goes_left(values[stump.column], stump.threshold), stump.left, stump.right)
        vote = np.full(decision.shape, -1 / (classes - 1) * stump.weight)
        vote[rows, chosen] = stump.weight
        decision += vote
    weights = np.zeros(TREES)
    weights[: len(stumps)] = [stump.weight for stump in stumps]
    decision /= weights.sum()
    if classes == 2:
        margin = decision[:, 1] - decision[:, 0]
        decision = np.stack([-margin, margin], axis=1) / 2
    else:
        decision /= classes - 1
    decision -= decision.max(axis=1, keepdims=True)
    np.exp(decision, out=decision)
    decision /= decision.sum(axis=1, keepdims=True)
    return decision


def _boosted(columns: Columns, labels: Ints, training: Bools, classes: int) -> Iterator[Stump]:
    """Yield the trees of SAMME."""
    rows = np.flatnonzero(training)
    given = labels[rows]
    part = _Part(columns, labels, training, classes)
    weights = np.full(len(rows), 1 / len(rows))
    for tree, seed in enumerate(_seeds()):
        weights = np.clip(weights, EPSILON, None)
        column, threshold, left, right = part.best_tree(weights, seed)
        wrong = np.where(_goes_left(columns.values[column, rows], threshold), left, right) != given
        error = float(np.average(wrong, weights=weights))
        if error <= 0:
            yield Stump(column, threshold, left, right, weight=1.0)
            return
        if error >= 1 - 1 / classes:
            return
        say = float(np.log((1 - error) / error) + np.log(classes - 1.0))
        yield Stump(column, threshold, left, right, weight=say)
        if tree < TREES - 1:
            weights = np.exp(np.log(weights) + say * wrong)
            total = np.sum(weights)
            if not np.isfinite(total):
                return
            weights /= total


def _goes_left(values: Floats, threshold: float) -> Bools:
    """Compare in float64; a threshold lies between two float32 values, and numpy would round it to one of them."""
    return values.astype(np.float64) <= threshold


def _seeds() -> list[int]:
    """Return the seeds that scikit-learn's trees get."""
    from sklearn.utils import check_random_state

    random = check_random_state(0)
    return [random.randint(np.iinfo(np.int32).max) for _ in range(TREES)]


class _Part:
    """The rows of one training set, column by column in the order of their values.

    Args:
        columns: Of all rows.
        labels: Classes of all rows; of the training rows, all of 0 to ``classes`` - 1 occur.
        training: Which rows to train on, shape ``(N,)``.
        classes: How many there are.
    """

    def __init__(self, columns: Columns, labels: Ints, training: Bools, classes: int) -> None:
        self.values, self.labels, self.classes = columns.values, labels, classes
        self.rows = np.flatnonzero(training)
        self.order = np.empty((len(columns.values), len(self.rows)), dtype=np.int32)
        self.starts = np.empty(self.order.shape, dtype=bool)
        _restrict(columns.values, columns.order, training, THRESHOLD, self.order, self.starts)

    def best_tree(self, weights: Floats, seed: int) -> tuple[int, float, int, int]:
        """Return column and threshold of the best split, and the classes on its left and on its right.

        Args:
            weights: Of the training rows, positive, shape ``(len(rows),)``.
            seed: Decides between equally good splits, as in scikit-learn.
        """
        given = self.labels[self.rows]
        sums = np.bincount(given, weights, self.classes)
        total = float(sums.sum())
        everywhere = np.zeros(len(self.labels))
        everywhere[self.rows] = weights
        qualities, seconds, positions = _best_splits(self.order, self.starts, self.labels, everywhere, sums, total)
        column = int(np.argmax(qualities))
        best = qualities[column]
        rivals = np.append(np.delete(qualities, column), [seconds[column], sums @ sums / total])
        if best - rivals.max() <= TOLERANCE * total:
            return self._scikit_learns_tree(weights, seed)
        values, order, position = self.values[column], self.order[column], positions[column]
        threshold = float(values[order[position - 1]]) / 2 + float(values[order[position]]) / 2
        left_rows = _goes_left(values[self.rows], threshold)
        leaves = []
        for side in (left_rows, ~left_rows):
            held = np.bincount(given[side], weights[side], self.classes)
            rivalling = held >= held.max() - TOLERANCE * total
            if np.count_nonzero(rivalling) > 1:
                # Sums of as many equal weights are equal to the last bit, and the first class wins; others depend on
                # their order. Classes that no tree has chosen so far keep equal weights, so this happens all the time.
                theirs = weights[side][rivalling[given[side]]]
                if theirs.min() != theirs.max():
                    return self._scikit_learns_tree(weights, seed)
            leaves.append(int(np.argmax(held)))
        return column, threshold, leaves[0], leaves[1]

    def _scikit_learns_tree(self, weights: Floats, seed: int) -> tuple[int, float, int, int]:
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(max_depth=1, random_state=seed)
        tree.fit(self.values[:, self.rows].T, self.labels[self.rows], sample_weight=weights)
        heaviest = np.argmax(tree.tree_.value[:, 0], axis=1)
        if len(heaviest) == 1:  # no split
            return 0, np.inf, int(heaviest[0]), int(heaviest[0])
        root = 0
        left, right = tree.tree_.children_left[root], tree.tree_.children_right[root]
        return (
            int(tree.tree_.feature[root]),
            float(tree.tree_.threshold[root]),
            int(heaviest[left]),
            int(heaviest[right]),
        )


@compiled
def _restrict(values, order, training, threshold, kept, starts):  # type: ignore[no-untyped-def]
    """Write the order of the training rows of each column, and where a value begins that differs from the last."""
    for column in range(order.shape[0]):
        count = 0
        last = np.float32(0)
        for row in order[column]:
            if training[row]:
                value = values[column, row]
                kept[column, count] = row
                starts[column, count] = count > 0 and value > last + threshold
                last = value
                count += 1


@compiled
def _best_splits(order, starts, labels, weights, sums, total):  # type: ignore[no-untyped-def]
    """Return for each column the qualities of its best two splits, and where the right side of the best begins.

    The quality is the sum over both sides of (sum over classes of squared weight) / weight: the weight of all rows
    minus the weighted Gini impurity. A row that changes sides changes one class, hence both sums of squares by a term.
    Each half of the weight is walked from its own end, so that the sums of the lighter side grow: if they shrank, they
    would end as mere rounding.

    Returns:
        Three arrays ``(D,)``; qualities are -inf where a column has no such split.
    """
    columns, count = order.shape
    best, second = np.full(columns, -np.inf), np.full(columns, -np.inf)
    positions = np.zeros(columns, dtype=np.int64)
    squares = 0.0
    for value in sums:
        squares += value * value
    near = np.empty(len(sums))
    for column in range(columns):
        middle = 0
        for backwards in (False, True):
            place, stop, step = (count - 1, middle, -1) if backwards else (0, count - 1, 1)
            near[:] = 0.0
            near_total = near_squares = 0.0
            far_squares = squares
            while place != stop:
                row = order[column, place]
                label, moved = labels[row], weights[row]
                before = near[label]
                near[label] = before + moved
                near_total += moved
                if not backwards and 2 * near_total > total:
                    break
                near_squares += moved * (moved + 2 * before)
                far_squares += moved * (moved - 2 * (sums[label] - before))
                position = place if backwards else place + 1
                if starts[column, position]:
                    far_total = total - near_total
                    quality = (near_squares * far_total + far_squares * near_total) / (near_total * far_total)
                    if quality > best[column]:
                        second[column], best[column] = best[column], quality
                        positions[column] = position
                    elif quality > second[column]:
                        second[column] = quality
                place += step
            middle = place
    return best, second, positions
