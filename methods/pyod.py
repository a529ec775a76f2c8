"""Any outlier detector of PyOD."""

import importlib
import inspect
import re
import warnings
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench import Detector, Floats, Need, NotApplicable, UserError, View


class PyOD(Detector):
    """Score images by an outlier detector of PyOD that knows nothing but their embeddings.

    Zhao, Nasrullah and Li, "PyOD: A Python Toolbox for Scalable Outlier Detection" (JMLR 2019); each model's own
    paper is in PyOD's documentation. Scores are its decision scores on the data that it was fitted to; columns
    that are the same for all images are left out, since they tell nothing and make some models divide by zero. A
    model that takes a ``random_state`` gets 0; `SeededPyOD` varies it.

    Foreign images that form a cluster of their own are inliers to models that look at few neighbours.

    Args:
        model: A model of ``pyod.models``, in any case: ``ecod``, ``LOF``.
        parameters: Passed to the model's constructor.
    """

    needs = Need.EMBEDDINGS

    def __init__(self, model: str, parameters: Mapping[str, Any] = {}) -> None:
        self.model = model
        self.parameters = dict(parameters)
        self.random_state = 0
        if plain(model) not in models():
            raise UserError(f"PyOD has no model {model!r}; it has {', '.join(sorted(models()))}")

    def off_topic(self, data: View) -> Floats:
        embeddings = data.embeddings
        if len(embeddings) < 2:
            raise NotApplicable("one image cannot be an outlier")
        telling = embeddings[:, (embeddings != embeddings[0]).any(axis=0)]
        if not telling.shape[1]:
            return np.zeros(len(embeddings))  # all alike: nobody stands out
        detector = self._detector()
        # Whatever a model warns of on the way, its scores are checked below.
        with warnings.catch_warnings(action="ignore"):
            try:
                detector.fit(telling)
            except ValueError as error:  # too few images, more than one column: not what the model is made for
                raise NotApplicable(f"PyOD's {self.model} refuses the embeddings: {error}") from error
        scores = np.asarray(detector.decision_scores_, dtype=np.float64)
        if bad := np.count_nonzero(~np.isfinite(scores)):
            raise NotApplicable(f"PyOD's {self.model} has no finite score for {bad} of {len(scores)} images")
        return scores

    def _detector(self) -> Any:
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
        settings = {"random_state": self.random_state} if "random_state" in known else {}
        return detector(**settings | self.parameters)


class SeededPyOD(PyOD):
    """Score images by an outlier detector of PyOD that draws random numbers; ``seed`` is its ``random_state``."""

    stochastic = True

    def __init__(self, model: str, parameters: Mapping[str, Any] = {}, seed: int = 0) -> None:
        super().__init__(model, parameters)
        self.random_state = seed


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
