"""Any outlier detector of PyOD."""

import importlib
import inspect
import random
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench import Detector, Floats, Ints, Need, NotApplicable, UserError, View
from cleanbench.neighbours import working_precision
from cleanbench.settings import seed_number, typed

# What models raise where data, or parameters, are not what they take.
REFUSALS = (ValueError, TypeError, ArithmeticError)


class PyOD(Detector):
    """Score images by an outlier detector of PyOD that knows nothing but their embeddings.

    Zhao, Nasrullah and Li, "PyOD: A Python Toolbox for Scalable Outlier Detection" (JMLR 2019). Scores are the decision
    scores of a model, made by its default constructor, on the data that it was fitted to; their range is the model's.
    The models that have names of their own here:

    - ``abod``: angles to pairs of the 5 nearest neighbours (Kriegel, Schubert and Zimek, KDD 2008).
    - ``copod``, ``ecod``: tails of each column's distribution (Li et al., ICDM 2020; Li et al., TKDE 2022).
    - ``gmm``: density of a Gaussian mixture; of a single Gaussian by default, where the seed decides nothing.
    - ``hbos``: histograms of each column (Goldstein and Dengel, KI 2012).
    - ``iforest``: how soon random splits isolate an image (Liu, Ting and Zhou, ICDM 2008).
    - ``inne``: balls around random images (Bandaragoda et al., Computational Intelligence 2018).
    - ``kde``: density by a Gaussian kernel. Its bandwidth is 1 whatever the embeddings' scale, and where distances are
      much larger all images tie: set ``parameters.bandwidth``.
    - ``knn``: distance to the 5th nearest neighbour (Ramaswamy, Rastogi and Shim, SIGMOD 2000).
    - ``loda``: histograms of random projections (Pevný, Machine Learning 2016).
    - ``lof``: density relative to that of the 20 nearest neighbours (Breunig et al., SIGMOD 2000).
    - ``mcd``: Mahalanobis distance by the half that varies least (Rousseeuw and Van Driessen, Technometrics 1999).
    - ``ocsvm``: distance from a kernel's decision boundary (Schölkopf et al., Neural Computation 2001), whose kernel
      sees the scale as that of ``kde`` does: ``parameters.gamma``.
    - ``pca``: distances from the principal axes over their variance (Shyu et al., ICDM workshops 2003).
    - ``pyod``: any other model, by ``method.model``.

    What is done beside calling PyOD: columns that are the same for all images are left out, since they tell nothing and
    make some models divide by zero; so are, for ``pca``, axes along which nothing varies. A model that ties, draws or
    stops by the order of rows is given them in the order of their values (``Habits``), so that the order of images does
    not matter. ``abod`` sees copies once, because no angle leads to them. A model that takes a ``random_state`` gets 0,
    and so do the global generators, which are put back afterwards; `SeededPyOD` varies it.

    Foreign images that form a cluster of their own are inliers to models that look at few neighbours.

    Args:
        model: A model of ``pyod.models``, in any case: ``ecod``, ``LOF``.
        parameters: Passed to the model's constructor. Whether the model can be afforded is estimated for its defaults.
    """

    needs = Need.EMBEDDINGS

    def __init__(self, model: str, parameters: Mapping[str, Any] = {}) -> None:
        if not isinstance(parameters, Mapping):
            raise UserError(f"parameters={parameters!r} must map names of the model's parameters to their values")
        self.model = model
        self.parameters = dict(parameters)
        self.random_state = 0
        if plain(typed("model", model, str)) not in models():
            raise UserError(f"PyOD has no model {model!r}; it has {', '.join(sorted(models()))}")

    def off_topic(self, data: View) -> Floats:
        with warnings.catch_warnings(action="ignore"):
            self._detector({})  # parameters that make no sense are told whatever the data are
        embeddings = data.embeddings
        habits = HABITS.get(plain(self.model), Habits())
        if len(embeddings) < 2:
            raise NotApplicable("one image cannot be an outlier")
        if habits.seconds and habits.mib:
            data.afford(habits.seconds(*embeddings.shape), 2**20 * habits.mib(*embeddings.shape))
        telling = embeddings[:, (embeddings != embeddings[0]).any(axis=0)]
        if not telling.shape[1]:
            return np.zeros(len(embeddings))  # all alike: nobody stands out
        if habits.fills_space and len(telling) <= telling.shape[1] + 1:
            raise NotApplicable(
                f"PyOD's {self.model} needs more images than embeddings have columns that vary; there are "
                f"{len(telling)} images and {telling.shape[1]} columns"
            )
        precision = np.dtype(np.float64) if habits.double else working_precision(telling)
        telling = telling.astype(precision, copy=False)  # some models are compiled, and not for float16
        if not habits.by_value:
            return self._scores(telling, habits)
        order, group = by_value(telling)
        if habits.distinct:
            first = np.flatnonzero(np.diff(group, prepend=-1))
            scores = self._scores(telling[order[first]], habits)[group]
        else:
            scores = self._scores(telling[order], habits)
        back = np.empty(len(order))
        back[order] = scores
        return back

    def _scores(self, rows: Floats, habits: "Habits") -> Floats:
        # Whatever a model warns of on the way, its scores are checked below.
        with global_generators(self.random_state), warnings.catch_warnings(action="ignore"):
            try:
                detector = self._detector({**habits.settings, **(spanned(rows) if habits.axes else {})})
                detector.fit(rows)
            except REFUSALS as error:
                if self.parameters and PyOD(self.model)._takes_plain_data() and not self._takes_plain_data():
                    raise self._mistaken(error) from error
                if not isinstance(error, (ValueError, ArithmeticError)):
                    raise
                # Too few images, more than one column, numbers whose squares vanish: not what the model is made for.
                raise NotApplicable(f"PyOD's {self.model} refuses the embeddings: {error}") from error
        scores = np.asarray(detector.decision_scores_, dtype=np.float64)
        if bad := np.count_nonzero(~np.isfinite(scores)):
            raise NotApplicable(f"PyOD's {self.model} has no finite score for {bad} of {len(scores)} images")
        return scores

    def _detector(self, settings: Mapping[str, Any]) -> Any:
        try:
            module = importlib.import_module(f"pyod.models.{models()[plain(self.model)]}")
        except ImportError as error:
            raise NotApplicable(f"PyOD's {self.model} needs {error.name}, which is not installed") from error
        (detector,) = (
            thing
            for name, thing in inspect.getmembers(module, inspect.isclass)
            if plain(name) == plain(self.model) and thing.__module__ == module.__name__
        )
        known = inspect.signature(detector).parameters
        if unknown := sorted(set(self.parameters) - set(known)):
            raise UserError(f"PyOD's {self.model} has no parameter {unknown[0]!r}; it has {', '.join(known)}")
        seeded = {"random_state": self.random_state} if "random_state" in known else {}
        try:
            return detector(**{**seeded, **settings, **self.parameters})
        except (TypeError, ValueError) as error:
            raise self._mistaken(error) from error

    def _takes_plain_data(self) -> bool:
        """Return whether the model can be fitted to many points of a few columns; many check parameters no sooner."""
        try:
            self._detector({}).fit(np.random.default_rng(0).normal(size=(1000, 8)))
        except REFUSALS:
            return False
        return True

    def _mistaken(self, error: Exception) -> UserError:
        given = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return UserError(f"PyOD's {self.model} refuses its parameters ({given or 'none are given'}): {error}")


class SeededPyOD(PyOD):
    """Score images by an outlier detector of PyOD that draws random numbers.

    As `PyOD`; ``seed`` is the model's ``random_state``, or that of the global generators from which it draws.
    """

    stochastic = True

    def __init__(self, model: str, parameters: Mapping[str, Any] = {}, seed: int = 0) -> None:
        super().__init__(model, parameters)
        self.random_state = seed_number(seed)


@dataclass(frozen=True)
class Growth:
    """A cost that grows by a power of the number of images and by one of the number of columns."""

    reference: float  # for 8,000 images of 384 columns
    images: float = 1
    columns: float = 1

    def __call__(self, images: int, columns: int) -> float:
        """Return the cost for so many images and columns."""
        return self.reference * (images / 8000) ** self.images * (columns / 384) ** self.columns


@dataclass(frozen=True)
class Habits:
    """What calling a model takes.

    Attributes:
        seconds: CPU seconds that it is expected to take.
        mib: MiB that it is expected to hold beside the embeddings.
        settings: For its constructor, where its own default is in the way.
        by_value: It ties, draws or stops by the order of rows, so that they are put in the order of their values. A
            forest draws too, but keeps the given order: its scores are those of PyOD for the rows as they are.
        distinct: It has no answer for copies, so that it is given each row once.
        double: It decomposes matrices, for which float32 is not enough.
        axes: It divides by the variance along principal axes.
        fills_space: With fewer images than columns all of them have the same score.
    """

    seconds: Growth | None = None
    mib: Growth | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    by_value: bool = False
    distinct: bool = False
    double: bool = False
    axes: bool = False
    fills_space: bool = False


# Costs as benchmarks/off_topic_costs.py measured them with PyOD 3.6.7 and scikit-learn 1.9.1 on one thread of an AMD
# EPYC: 1,000 to 16,000 images, 192 and 384 columns. A model that is not listed starts without an estimate.
HABITS: Mapping[str, Habits] = {
    "abod": Habits(Growth(1.6, 1.9), Growth(26), by_value=True, distinct=True),
    "copod": Habits(Growth(0.5), Growth(130)),
    "ecod": Habits(Growth(0.6), Growth(130)),
    "gmm": Habits(Growth(0.6), Growth(75), double=True),
    "hbos": Habits(Growth(0.2), Growth(35)),
    "iforest": Habits(Growth(0.3), Growth(12)),
    "inne": Habits(Growth(2.5), Growth(66), by_value=True),
    "kde": Habits(Growth(55, 2.2), Growth(47)),
    "knn": Habits(Growth(1.2, 2), Growth(26)),
    "loda": Habits(Growth(0.5), Growth(36)),
    "lof": Habits(Growth(1.3, 2), Growth(30), by_value=True),
    "mcd": Habits(Growth(63, 1, 1.3), Growth(820, 1, 2), by_value=True, fills_space=True),
    # A cache of 32 MB instead of 200: as fast here, and it does not grow with the images.
    "ocsvm": Habits(Growth(12, 2.4), Growth(80), {"cache_size": 32}, by_value=True),
    "pca": Habits(Growth(0.7), Growth(72), axes=True),
}


def by_value(rows: Floats) -> tuple[Ints, Ints]:
    """Return the positions of rows in the order of their values, and for each of these which value it has, from 0."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    group = np.zeros(len(rows), dtype=np.int64)
    np.cumsum((ordered[1:] != ordered[:-1]).any(axis=1), out=group[1:])
    return order, group


def spanned(rows: Floats) -> dict[str, Any]:
    """Return settings that keep a principal component analysis to the axes along which rows differ."""
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    centred /= np.sqrt(np.mean(centred**2, axis=0))  # PyOD standardises too; every column varies
    count, columns = centred.shape
    variances = np.linalg.eigvalsh(centred.T @ centred if count > columns else centred @ centred.T)
    axes = np.count_nonzero(variances > variances.max() * max(count, columns) * np.finfo(np.float64).eps)
    return {} if axes == columns else {"n_components": int(axes), "svd_solver": "full"}


@contextmanager
def global_generators(seed: int) -> Iterator[None]:
    """Seed the generators from which models without a ``random_state`` draw, and put them back afterwards."""
    plain_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch = sys.modules.get("torch")
    try:
        with torch.random.fork_rng(devices=[]) if torch else nullcontext():
            yield
    finally:
        random.setstate(plain_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def models() -> dict[str, str]:
    """Return the module of each model that PyOD has, by plain name; nothing is imported."""
    files = Path(str(distribution("pyod").locate_file("pyod/models"))).glob("*.py")
    # A module that holds a model has a class of its own name.
    return {
        plain(file.stem): file.stem
        for file in files
        if plain(file.stem) in map(plain, re.findall(r"^class (\w+)", file.read_text("utf-8"), re.MULTILINE))
    }


def plain(name: str) -> str:
    """Return a name without case and underscores."""
    return name.lower().replace("_", "")
