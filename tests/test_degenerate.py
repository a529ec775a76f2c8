"""Data at the edge, over every method: an answer that makes sense, or a refusal that says why."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from cleanbench import Issue, NotApplicable, UserError, View, zoo
from cleanbench.checks import planted
from cleanbench.core import Need

Parts = Mapping[str, Any]


def parts(rows: np.ndarray) -> dict[str, Any]:
    """Return what `View.from_arrays` takes, for some of the planted images."""
    view = planted().view
    whole = view.take(rows)
    return {
        "images": [whole.image(index) for index in range(len(rows))],
        "embeddings": np.array(whole.embeddings),
        "labels": np.array(whole.labels),
        "classes": view.classes,
        "calibration": np.arange(0, len(rows), 4),
        "class_embeddings": np.array(view.class_embeddings),
    }


def exact_duplicate() -> Parts:
    """Return 40 images of which the last two are one image."""
    return parts(np.append(np.arange(39), 38))


def singleton_class() -> Parts:
    """Return 40 images, one of them alone in its class."""
    data = parts(np.arange(40))
    data["labels"][:] %= 5
    data["labels"][7] = 5
    return data


def all_equal() -> Parts:
    """Return one image 20 times, under several labels."""
    data = parts(np.zeros(20, dtype=int))
    data["labels"] = np.arange(20) % 3
    return data


def two() -> Parts:
    """Return two different images with different labels."""
    data = parts(np.array([0, 1]))
    data["labels"] = np.array([0, 1])
    return data


def one() -> Parts:
    """Return one image."""
    return parts(np.array([0]))


def constant_embedding() -> Parts:
    """Return 30 different images that an encoder does not tell apart."""
    data = parts(np.arange(30))
    data["embeddings"] = np.full_like(data["embeddings"], 0.3)
    return data


def zero_embeddings() -> Parts:
    """Return 30 images of which an encoder maps some to zero."""
    data = parts(np.arange(30))
    data["embeddings"][::5] = 0.0
    return data


def one_label() -> Parts:
    """Return 30 images of one class."""
    data = parts(np.arange(30))
    data["labels"][:] = 2
    return data


def all_alone() -> Parts:
    """Return six images, each alone in its class."""
    data = parts(np.arange(6))
    data["labels"] = np.arange(6)
    return data


def unlabelled() -> Parts:
    """Return 30 images without labels."""
    data = parts(np.arange(30))
    return {name: value for name, value in data.items() if name in ("images", "embeddings")}


CASES: tuple[Callable[[], Parts], ...] = (
    exact_duplicate,
    singleton_class,
    all_equal,
    two,
    one,
    constant_embedding,
    zero_embeddings,
    one_label,
    all_alone,
    unlabelled,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("method", zoo.available("method"))
def test_every_method_answers_sensibly_or_says_why_not(method: str, case: Callable[[], Parts]) -> None:
    try:
        detector = zoo.load(method)
    except UserError as error:  # a setting without a default
        pytest.skip(f"{method} needs settings: {error}")
    if detector.missing():
        pytest.skip(f"not run: {', '.join(detector.missing())} is not installed")
    view = View.from_arrays(**case())
    size = len(view)
    shared = ~Need(0)
    for issue in detector.issues():
        shared &= detector.needs_for(issue)
    for issue in detector.issues():
        pairs = np.stack(np.triu_indices(size, 1), axis=1) if issue.ranks_pairs else None
        refusal = ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                fitted = zoo.load(method)
                fitted.fit(view.restricted(shared))
                ranking = fitted.rank(issue, view, pairs)
                scores = ranking.scores
                fitted.decided(view, ranking)  # decides, has nothing to decide, or says why not
        except NotApplicable as error:
            refusal = str(error)
            scores = np.zeros(0)
        if not len(scores):
            assert len(refusal) > 10 or (pairs is not None and not len(pairs)), "a refusal says why"
            continue
        assert not np.isnan(scores).any()
        assert np.isfinite(scores).any() or issue.ranks_pairs
        if case is exact_duplicate and issue is Issue.NEAR_DUPLICATE:
            copied = scores[(pairs == [38, 39]).all(axis=1)].item()  # type: ignore[union-attr]
            assert copied == scores.max(), "an exact copy is the most suspicious pair"


SCALE_FREE = ("aum", "class_mahalanobis", "lad", "mahalanobis", "selfclean")


@pytest.mark.parametrize("form", [("float16", 1.0), ("float64", 1e200), ("float64", 1e-200)], ids=str)
@pytest.mark.parametrize("method", [*SCALE_FREE, "abod", "copod", "ecod", "hbos", "pca"])
def test_embeddings_of_any_precision_and_scale(method: str, form: tuple[str, float]) -> None:
    precision, scale = form
    rows = np.random.default_rng(0).normal(size=(40, 6))
    view = View.from_arrays(embeddings=(scale * rows).astype(precision), labels=np.arange(40) % 3)
    detector = zoo.load(method)
    issue = Issue.OFF_TOPIC if Issue.OFF_TOPIC in detector.issues() else Issue.LABEL_ERROR
    try:
        scores = detector.rank(issue, view).scores
    except NotApplicable:
        if scale == 1 or method in SCALE_FREE:
            raise
        return  # a model of PyOD that cannot tell such numbers from 0 or from infinity
    assert np.isfinite(scores).all()
    if method in SCALE_FREE:
        plain = View.from_arrays(embeddings=rows, labels=view.labels)
        np.testing.assert_allclose(scores, zoo.load(method).rank(issue, plain).scores, rtol=0.02, atol=0.02)
