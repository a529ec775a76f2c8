"""Spread of luminance."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from cleanbench import Detector, Floats, Need, View


class Luminance(Detector):
    """Rank images by the standard deviation of luminance over the image, the trivial off-topic baseline.

    Luminance is ITU-R 601, in [0, 255]. Drawn charts, codes and text have more contrast than photographs, so a
    high rank says little about what a picture shows; where the foreign images are flat or blurred, it inverts.
    """

    needs = Need.IMAGES

    def off_topic(self, data: View) -> Floats:
        return data.derived("luminance_spread", {}, luminance_spread)


def luminance_spread(image: Image.Image) -> npt.NDArray[np.float64]:
    """Return the standard deviation of luminance over an image, one number."""
    return np.asarray(np.asarray(image.convert("L"), dtype=np.float64).std())
