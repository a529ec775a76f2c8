"""Methods that misbehave in every way that the harness must survive; tests copy this file to where they use it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from cleanbench import Detector, Floats, Ints, Issue, Need, NotApplicable, Ranking, UserError, View
from cleanbench.encoders.base import Encoder


class Odd(Detector):
    """Ranks off-topic images by position, and does as it is told where it looks for label errors.

    Args:
        do: What to do.
        path: A file that plays a part in it.
    """

    needs: ClassVar = {Issue.OFF_TOPIC: Need.IMAGES, Issue.LABEL_ERROR: Need.LABELS}

    def __init__(self, do: str = "nothing", path: str = "", seed: int = 0) -> None:
        self.do, self.path = do, path
        if do == "refuse":
            raise ValueError("do must not be refuse")
        if do == "refuse politely":
            raise UserError("please do something else")

    def fit(self, data: View) -> None:
        """Fail, if told so, and count how often."""
        if self.do == "fail to fit":
            with Path(self.path).open("a") as calls:
                calls.write("x")
            raise RuntimeError("cannot fit")

    def off_topic(self, data: View) -> Floats:
        """Return the positions."""
        return np.arange(len(data)) * 1.0

    def label_errors(self, data: View) -> Floats:
        """Do as told."""
        scores = data.labels + 0.5
        do = self.do
        if do == "raise":
            raise RuntimeError("this is [bold]odd[/bold]")
        if do == "raise once" and not Path(self.path).exists():
            raise RuntimeError("not yet")
        if do == "exit":
            sys.exit("enough")
        if do == "vanish":
            os._exit(0)
        if do in ("SIGSEGV", "SIGKILL", "signal 40"):
            os.kill(os.getpid(), getattr(signal, do, 40))
        if do in ("hang", "hang with a child"):
            if do == "hang with a child":
                child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
                scratch = Path(f"{self.path}.tmp")
                scratch.write_text(f"{os.getpid()} {child.pid}")
                scratch.rename(self.path)
            time.sleep(600)
        if do == "leave a child":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            Path(self.path).write_text(f"{os.getpid()} {child.pid}")
        if do == "eat":
            eaten = [np.ones(2**20, dtype=np.uint8) for _ in range(400)]
            time.sleep(len(eaten))
        if do == "not applicable":
            raise NotApplicable("it is Sunday")
        if do == "read embeddings":
            return data.embeddings[:, 0]
        if do == "write":
            data.labels[0] = 1
        if do == "print":
            for number in range(40_000):
                sys.stdout.write(f"line {number} of very many lines that nobody will ever read\n")
            sys.stdout.flush()
            os.write(1, b"the last words, \xff\n")
        if do == "wander":
            os.chdir("/")
            Path(self.path).write_text(str(Path.cwd()))
        if do == "look at labels" and not (data.labels.min() >= 0 and len(data) == len(data.labels)):
            raise RuntimeError("there are unlabelled images")
        wrong = {
            "nan": np.where(scores > 1, np.nan, scores),
            "inf": np.where(scores > 1, np.inf, scores),
            "short": scores[1:],
            "table": scores[:, None],
            "ints": data.labels,
            "none": None,
        }
        return wrong.get(do, scores)


class FitsLabels(Detector):
    """Reads labels while fitting, of which it expects one for each image."""

    needs = Need.LABELS

    def fit(self, data: View) -> None:
        """Keep the labels."""
        if data.labels.min() < 0:
            raise RuntimeError("there are unlabelled images")
        self.labels = data.labels

    def label_errors(self, data: View) -> Floats:
        """Return the labels."""
        if len(self.labels) != len(data):
            raise RuntimeError("other images were fitted")
        return self.labels * 1.0


class Pairs(Detector):
    """Scores pairs by the distance of their embeddings, rightly or as ``do`` says."""

    needs = Need.EMBEDDINGS

    def __init__(self, do: str = "nothing") -> None:
        self.do = do
        self.calls = 0

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        """Return a score per pair."""
        self.calls += 1
        if not len(pairs):
            raise RuntimeError("nothing was asked")
        scores = -np.linalg.norm(data.embeddings[pairs[:, 0]] - data.embeddings[pairs[:, 1]], axis=1).astype(float)
        if self.do == "compare":
            return scores - scores.mean()
        if self.do == "rank":
            return scores.argsort().argsort() * 1.0
        if self.do == "count":
            return scores + self.calls
        return scores

    def retrieve(self, data: View, limit: int) -> Ranking:
        """Return the most suspicious pairs, or what cannot be."""
        wrong = {
            "too many": [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]],
            "twice": [[0, 1], [0, 1]],
            "outside": [[0, 1], [0, len(data)]],
            "negative": [[-1, 0]],
        }
        if self.do in wrong:
            items = np.array(wrong[self.do])
            return Ranking(Issue.NEAR_DUPLICATE, items, np.zeros(len(items)))
        return super().retrieve(data, limit)


class NeedsPackage(Detector):
    """Requires what nobody has installed."""

    requires = ("no-such-distribution",)

    def off_topic(self, data: View) -> Floats:
        """Never called."""
        raise AssertionError


class NeedsCalibration(Detector):
    """Is told which labels are right."""

    needs = Need.CALIBRATION

    def off_topic(self, data: View) -> Floats:
        """Never called without calibration."""
        raise AssertionError


class Idle(Detector):
    """Overrides nothing."""


class NoDetector:
    """Is no `Detector`."""


class Required(Detector):
    """Has a setting without default."""

    def __init__(self, k: int) -> None:
        self.k = k

    def off_topic(self, data: View) -> Floats:
        """Return the setting."""
        return np.full(len(data), float(self.k))


@dataclass(frozen=True)
class Breaks(Encoder):
    """Encodes nothing."""

    def encode(self, batch: Sequence[Image.Image]) -> Floats:
        """Fail."""
        raise RuntimeError("the encoder is broken")
