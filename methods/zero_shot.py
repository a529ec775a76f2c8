"""Zero-shot classification by class names."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cleanbench import Detector, Floats, Need, NotApplicable, UserError, View
from cleanbench.neighbours import blocks, normalised
from cleanbench.settings import number


class ZeroShot(Detector):
    """Rank images by how much closer they are to the name of another class than to that of their own.

    Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (ICML 2021), classify an
    image by the cosines of its embedding with those of class names, and train nothing on the data. The score is the
    largest cosine with another class's name minus that with the given one's, in [-2, 2] and positive where the given
    class would not be chosen. To take what that classifier contradicts for a label error is not theirs.

    It knows the names, not the data: classes whose names say little ("other", "class 7"), are alike or are unknown to
    the encoder rank high or low as a whole, whatever their images show.

    Args:
        temperature: None for that margin; a number for the negative logarithm of the probability of the given class,
            a softmax of cosines over this temperature (CLIP has learned .01), in [0, inf): then all classes count.
    """

    needs = Need.EMBEDDINGS | Need.LABELS | Need.CLASS_EMBEDDINGS

    paper_encoder = "clip"

    def __init__(self, temperature: float | None = None) -> None:
        if temperature is not None and not number("temperature", temperature) > 0:
            raise UserError(f"temperature={temperature} must be greater than 0, or null for the margin")
        self.temperature = temperature

    def label_errors(self, data: View) -> Floats:
        labels, named = data.labels, data.class_embeddings
        if len(named) < 2:
            raise NotApplicable("there is one class alone")
        if named.shape[1] != data.embeddings.shape[1]:
            raise NotApplicable(
                f"embeddings of images have {data.embeddings.shape[1]} values, those of class names {named.shape[1]}"
            )
        images, names = normalised(data.embeddings), normalised(named).astype(np.float64)
        scores = np.empty(len(labels))
        for rows in blocks(len(labels), 8 * (len(names) + names.shape[1])):
            scores[rows] = self._scores(images[rows] @ names.T, labels[rows])
        return scores

    def _scores(self, cosines: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Floats:
        """Return the scores for cosines ``(n, C)``, which are overwritten."""
        given = cosines[np.arange(len(labels)), labels]
        if self.temperature is None:
            cosines[np.arange(len(labels)), labels] = -np.inf
            return cosines.max(axis=1) - given
        gaps = (cosines - given[:, None]) / self.temperature
        return np.logaddexp.reduce(gaps, axis=1)
