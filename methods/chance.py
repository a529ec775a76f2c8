"""The constant score."""

from typing import ClassVar

import numpy as np

from cleanbench import Detector, Floats, Ints, Need, View


class Chance(Detector):
    """Give every item the same score, the line that every other method has to beat.

    Metrics take ties as the expectation over all orders, so a constant score has the exact value of chance,
    where random scores would scatter around it.
    """

    needs = Need(0)
    exempt: ClassVar = {"planted_faults": "a constant score finds nothing, by design"}

    def off_topic(self, data: View) -> Floats:
        return np.zeros(len(data))

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        return np.zeros(len(pairs))

    def label_errors(self, data: View) -> Floats:
        return np.zeros(len(data))
