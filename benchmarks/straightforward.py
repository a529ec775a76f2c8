"""The compared methods written the obvious way: N x N matrices, a loop over pairs, a library's own call.

Nothing here is shared with what it is compared to, beyond the deal of folds, so that agreement says something.
"""

import io
import warnings

import numpy as np
import numpy.typing as npt
from inputs import SIDE, Input
from PIL import Image

from cleanbench import Floats


def cosines_of_asked_pairs(data: Input) -> Floats:
    """Make the whole matrix and look the pairs up."""
    matrix = similarities(data.embeddings)
    return (1 + matrix[data.pairs[:, 0], data.pairs[:, 1]]) / 2


def top_pairs(data: Input) -> Floats:
    """Make the whole matrix and sort all of it."""
    matrix = similarities(data.embeddings)
    first, second = np.triu_indices(len(matrix), 1)
    every = matrix[first, second]
    order = np.argsort(-every)[: data.top]
    return (1 + every[order]) / 2


def leaf_area_distances(data: Input) -> Floats:
    """Link all pairs with SciPy and add all areas up again at every leaf."""
    from scipy.cluster.hierarchy import single

    matrix = (1 - similarities(data.embeddings)) / 2
    merges = single(matrix[np.triu_indices(len(matrix), 1)])
    count = len(merges) + 1
    scores = np.empty(count)
    areas: list[float] = []
    leaf: tuple[float, float] | None = None  # right end and height of the last leaf, until a gap widens it
    nodes: list[tuple[float, float]] = []  # the same of the nodes since the last gap
    stack = [(2 * count - 2, 0.0, 1.0, 1.0)]
    while stack:
        node, left, right, top = stack.pop()
        bottom = 0.0 if node < count else float(merges[node - count, 2])
        if bottom > 0:
            nodes.append((right, top - bottom))
        if leaf and leaf[0] != left:
            areas += [
                max((left - end) * height, 0.0) for end, height in (leaf, *[node for node in nodes if node[0] < left])
            ]
            leaf, nodes = None, []
        areas.append(max((right - left) * (top - bottom), 0.0))
        if node < count:
            scores[node] = sum(areas)
            leaf = (right, top)
            continue
        children = [int(child) for child in merges[node - count, :2]]
        sizes = [1 if child < count else int(merges[child - count, 3]) for child in children]
        small, large = (0, 1) if sizes[0] <= sizes[1] else (1, 0)
        middle = left + (right - left) * (sizes[small] / sum(sizes))
        stack.append((children[large], middle, left + (right - left) * (sizes[large] / sum(sizes)), bottom))
        stack.append((children[small], left, middle, bottom))
    return 1 - scores


def label_ratios(data: Input) -> Floats:
    """Make the whole matrix and look through each row for both classes of neighbours."""
    matrix = (1 - similarities(data.embeddings)) / 2
    scores = np.empty(len(matrix))
    for row, distances in enumerate(matrix):
        same = data.labels == data.labels[row]
        other = distances[~same].min()
        same[row] = False
        own = distances[same].min() if same.any() else distances.max()
        scores[row] = own**2 / (own**2 + other**2)
    return scores


def neighbours_disagree(data: Input, k: int = 20) -> Floats:
    """Make the whole matrix and sort every row."""
    matrix = similarities(data.embeddings.astype(np.float64))
    np.fill_diagonal(matrix, -np.inf)
    nearest = np.argsort(-matrix, axis=1)[:, :k]
    return np.mean(data.labels[nearest] != data.labels[:, None], axis=1)


def noise_ranks(data: Input, k: int = 5, alpha: float = 0.5) -> Floats:
    """Subtract every prototype from every image at once: an array of N x P x D."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neighbors import NearestNeighbors

    classes, labels = np.unique(data.labels, return_inverse=True)
    wanted = max(1, int(np.sqrt(len(labels) / len(classes) / 2)))
    points, owners = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for label in range(len(classes)):
            members = data.embeddings[labels == label]
            fitted = KMeans(min(wanted, len(members)), random_state=42, n_init=1).fit(members)
            points.append(fitted.cluster_centers_)
            owners += [label] * len(fitted.cluster_centers_)
    prototypes, owner = np.concatenate(points), np.array(owners)
    distances, voters = NearestNeighbors(n_neighbors=k).fit(data.embeddings).kneighbors(prototypes)
    voted = np.empty(len(owner), dtype=np.int64)
    for number, (far, near) in enumerate(zip(distances, voters, strict=True)):
        voted[number] = np.bincount(labels[near], weights=1 / (1 + far**2)).argmax()
    lengths = np.linalg.norm(data.embeddings[:, None, :] - prototypes[None, :, :], axis=2)
    agreed = np.where(voted == owner, 1 - alpha, alpha)
    penalties = np.where(labels[:, None] == owner[None, :], -1.0, agreed[None, :])
    return (penalties / (1 + lengths)).sum(axis=1)


def boosted_confidences(data: Input, folds: int = 10) -> Floats:
    """Cross-validate scikit-learn's AdaBoost, one fold after the other."""
    from sklearn.ensemble import AdaBoostClassifier

    from cleanbench.cross_validation import dealt_folds

    classes, labels = np.unique(data.labels, return_inverse=True)
    fold_of = dealt_folds(labels, folds, np.random.default_rng(0))
    believed = np.zeros((len(labels), len(classes)))
    for fold in range(folds):
        judged = np.flatnonzero(fold_of == fold)
        model = AdaBoostClassifier(random_state=0).fit(data.embeddings[fold_of != fold], labels[fold_of != fold])
        believed[np.ix_(judged, model.classes_)] = model.predict_proba(data.embeddings[judged])
    return -believed[np.arange(len(labels)), labels]


def outliers(data: Input, model: str) -> Floats:
    """Call PyOD's detector with its defaults."""
    from pyod.models.ecod import ECOD
    from pyod.models.hbos import HBOS
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN

    made = {"ecod": ECOD, "hbos": HBOS, "knn": KNN}
    detector = IForest(random_state=0) if model == "iforest" else made[model]()
    return np.asarray(detector.fit(data.embeddings).decision_scores_, dtype=np.float64)


def hashed_pair_by_pair(data: Input) -> Floats:
    """Decode and hash both images of every pair."""
    import imagehash

    def distance(first: int, second: int) -> int:
        return imagehash.phash(_opened(data, first)) - imagehash.phash(_opened(data, second))

    return np.array([1 - distance(*pair) / 64 for pair in data.pairs.tolist()])


def hashed_thumbnails_pair_by_pair(data: Input) -> Floats:
    """Decode, shrink and hash both images of every pair."""
    import imagehash

    def distance(first: int, second: int) -> int:
        return imagehash.phash(_thumbnail(data, first)) - imagehash.phash(_thumbnail(data, second))

    return np.array([1 - distance(*pair) / 64 for pair in data.pairs.tolist()])


def structure_of_thumbnails_pair_by_pair(data: Input) -> Floats:
    """Decode and shrink both images of every pair and give them to scikit-image."""
    from skimage.metrics import structural_similarity

    return np.array(
        [
            structural_similarity(np.asarray(_thumbnail(data, first)), np.asarray(_thumbnail(data, second)))
            for first, second in data.pairs.tolist()
        ]
    )


def structure_pair_by_pair(data: Input) -> Floats:
    """Decode and shrink both images of every pair and filter them with SciPy."""
    from scipy.ndimage import uniform_filter

    def gray(index: int) -> npt.NDArray[np.float64]:
        step = SIDE // 64
        pixels = np.asarray(_opened(data, index)).astype(np.uint16)
        rows = np.sum([pixels[first::step] for first in range(step)], axis=0)
        colours = np.sum([rows[:, first::step] for first in range(step)], axis=0) / step**2
        # OpenCV's luminance, in whole numbers.
        return np.floor((np.rint(colours) @ np.array([9798, 19235, 3735]) + 2**14) / 2**15)

    def mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(uniform_filter(values, 7, mode="mirror"))

    scores = np.empty(len(data.pairs))
    c1, c2 = 2.55**2, 7.65**2
    for place, (first, second) in enumerate(data.pairs.tolist()):
        a, b = gray(first), gray(second)
        mean_a, mean_b = mean(a), mean(b)
        spread = mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2
        shared = mean(a * b) - mean_a * mean_b
        similar = (2 * mean_a * mean_b + c1) * (2 * shared + c2) / ((mean_a**2 + mean_b**2 + c1) * (spread + c2))
        scores[place] = similar.mean()
    return scores


def similarities(embeddings: Floats) -> Floats:
    """Return the cosines of all rows with all rows, ``(N, N)``."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return unit @ unit.T


def _opened(data: Input, index: int) -> Image.Image:
    return Image.open(io.BytesIO(data.files[index])).convert("RGB")


def _thumbnail(data: Input, index: int) -> Image.Image:
    return _opened(data, index).convert("L").resize((9, 8))
