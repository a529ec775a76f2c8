"""Spread of luminance."""

from cleanbench import Detector, Floats, Need, View
from cleanbench.thumbnails import reduction


class Luminance(Detector):
    """Rank images by the standard deviation of luminance over the image, the trivial off-topic baseline.

    Luminance is ITU-R 601, in [0, 255]. Drawn charts, codes and text have more contrast than photographs, so a
    high rank says little about what a picture shows; where the foreign images are flat or blurred, it inverts.
    """

    needs = Need.IMAGES

    def off_topic(self, data: View) -> Floats:
        return reduction(data, "luminance_spread")
