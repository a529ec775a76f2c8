"""Does the demo tell simple methods apart, and does every seed tell the same story?

    python benchmarks/demo_separation.py [--seeds 0 1 2 3 4] [--issues off_topic near_duplicate label_error]

Prints AP (and AUROC) of simple methods per issue on the demo of several seeds, then whether

- the best and the worst method that is not chance differ by at least .10 AP,
- no method reaches .99,
- two methods whose mean AP differs by at least .05 come in the same order in every seed.

Methods that the demo must not be shaped after, such as SelfClean, are not run on purpose.
"""

import argparse
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from cleanbench import Floats, ImageSet, Issue, View
from cleanbench.datasets.demo import demo
from cleanbench.encoders.hog import HOG
from cleanbench.encoders.pixels import Pixels
from cleanbench.methods.confident_learning import ConfidentLearning
from cleanbench.methods.knn_disagreement import KNNDisagreement
from cleanbench.methods.luminance import Luminance
from cleanbench.methods.phash import PHash
from cleanbench.methods.pyod import PyOD, SeededPyOD
from cleanbench.methods.ssim import SSIM
from cleanbench.metrics import evaluate

FAR_ENOUGH = 0.05  # difference of mean AP from which an order has to hold
Row = tuple[str, Callable[[], Floats]]


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--issues", nargs="+", default=[issue.value for issue in Issue])
    options = parser.parse_args()
    issues = [Issue(name) for name in options.issues]
    precision: dict[Issue, dict[str, list[float]]] = {issue: {} for issue in issues}
    ranked: dict[Issue, dict[str, list[float]]] = {issue: {} for issue in issues}
    for seed in options.seeds:
        images = demo(seed)
        views = {name: _view(images, name) for name in ("pixels", "hog")}
        for issue in issues:
            truth = images.truth(issue)
            assert truth is not None
            for name, compute in _methods(issue, views, truth.items):
                found = evaluate(truth.labels, np.asarray(compute(), dtype=np.float64), ["AP", "AUROC"])
                precision[issue].setdefault(name, []).append(found["AP"].value or 0.0)
                ranked[issue].setdefault(name, []).append(found["AUROC"].value or 0.0)
    for issue in issues:
        _report(issue, precision[issue], ranked[issue])


def _view(images: ImageSet, encoder: str) -> View:
    pictures = list(images.images)
    embeddings = HOG().encode(pictures) if encoder == "hog" else Pixels().encode(pictures)
    return View.from_arrays(embeddings=embeddings, labels=images.labels, images=pictures)


def _methods(issue: Issue, views: dict[str, View], items: npt.NDArray[np.integer]) -> Iterator[Row]:
    """Yield methods by name; each scores the judged items."""
    pixels = views["pixels"]
    if issue is Issue.NEAR_DUPLICATE:
        yield "phash", lambda: PHash().near_duplicates(pixels, items)
        for kind in ("dhash", "average_hash"):
            yield kind, lambda kind=kind: _hash_likeness(pixels, kind, items)
        yield "ssim", lambda: SSIM().near_duplicates(pixels, items)
        yield "pixel distance", lambda: -_distances(pixels.embeddings, items)
        return
    if issue is Issue.LABEL_ERROR:
        for name, view in views.items():
            yield f"knn_disagreement {name}", lambda view=view: KNNDisagreement().label_errors(view)[items]
            learning = ConfidentLearning("logistic", "self_confidence", folds=5)
            yield f"confident_learning {name}", lambda view=view, method=learning: method.label_errors(view)[items]
        return
    yield "luminance", lambda: Luminance().off_topic(pixels)[items]
    for name, view in views.items():
        for model in ("ecod", "hbos", "knn", "lof"):
            yield f"{model} {name}", lambda model=model, view=view: PyOD(model).off_topic(view)[items]
        yield f"iforest {name}", lambda view=view: SeededPyOD("iforest").off_topic(view)[items]


def _distances(rows: Floats, pairs: npt.NDArray[np.integer]) -> Floats:
    return np.linalg.norm(rows[pairs[:, 0]] - rows[pairs[:, 1]], axis=1)


def _hash_likeness(view: View, kind: str, pairs: npt.NDArray[np.integer]) -> Floats:
    import imagehash

    bits = np.stack([getattr(imagehash, kind)(view.image(i)).hash.ravel() for i in range(len(view))])
    return -(bits[pairs[:, 0]] != bits[pairs[:, 1]]).sum(axis=1).astype(np.float64)


def _report(issue: Issue, precision: dict[str, list[float]], ranked: dict[str, list[float]]) -> None:
    order = sorted(precision, key=lambda name: -np.mean(precision[name]))
    print(f"\n{issue.heading}: AP by seed | mean | AUROC")
    for name in order:
        values = " ".join(f"{value:.3f}" for value in precision[name])
        print(f"  {name:28} {values} | {np.mean(precision[name]):.3f} | {np.mean(ranked[name]):.3f}")
    means = [float(np.mean(precision[name])) for name in order]
    print(
        f"  best minus worst: {means[0] - means[-1]:.3f}; highest in any seed: "
        f"{max(max(values) for values in precision.values()):.3f}"
    )
    apart, swapped = 0, []
    for better, worse in combinations(order, 2):
        gaps = np.subtract(precision[better], precision[worse])
        if gaps.mean() >= FAR_ENOUGH:
            apart += 1
            if gaps.min() <= 0:
                swapped.append(f"{better} > {worse} by {gaps.mean():.3f}, in {(gaps > 0).sum()} of {len(gaps)}")
    print(f"  {apart} pairs of methods are {FAR_ENOUGH} or more apart, {len(swapped)} of them change order")
    for line in swapped:
        print(f"    {line}")


if __name__ == "__main__":
    main()
