"""fastdup, in an environment of its own."""

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cleanbench import Detector, Floats, Ints, Issue, Need, NotApplicable, Ranking, UserError, View
from cleanbench.neighbours import cosine, nearest, top_pairs
from cleanbench.settings import flag

INTERPRETER = "CLEANBENCH_FASTDUP_PYTHON"
SECONDS = 0.03  # CPU time for an image of 256 x 256 pixels, written and read again; measured with 2.54
SCRIPT = """
import sys, fastdup
images, work, threads, accurate = sys.argv[1:]
sys.exit(fastdup.run(images, work_dir=work, num_threads=int(threads), high_accuracy=accurate == "True"))
"""


class FastDup(Detector):
    """Score pairs and images by the similarity of fastdup's features.

    Visual Layer's fastdup (https://github.com/visual-layer/fastdup), which is a binary with a small network of its
    own; there is no paper. Its licence is CC BY-NC-ND 4.0: not for commercial use. It lists the few most similar
    images of each image; here every pair has the cosine of its features, which is what that list calls the distance,
    and no approximate index comes between.

    - Near-duplicates: the cosine, in [-1, 1].
    - Off-topic: (1 - the cosine with the nearest other image) / 2, in [0, 1], the measure by which it lists outliers.

    fastdup 2.54 demands numpy < 2, Pillow 10.3 and scikit-learn 1.5, so pip does not install it beside cleanbench. Give
    it an environment of its own (``python -m venv FOLDER``, ``FOLDER/bin/pip install fastdup``) and name that in the
    environment variable CLEANBENCH_FASTDUP_PYTHON=FOLDER/bin/python: a fact of the machine, not of the method, so no
    setting. Without it this interpreter's own fastdup is used. It always runs in another process, on a temporary
    folder of neutrally named copies of the images, with its telemetry (``SENTRY_OPT_OUT``) and its look for a newest
    version (``FASTDUP_PRODUCTION``) turned off.

    It leaves out images of fewer than 10 pixels a side: they and their pairs are -inf, not retrieved.

    Args:
        high_accuracy: Use its larger network.
    """

    needs = Need.IMAGES
    requires = ("fastdup",)
    exempt: ClassVar = {
        "planted_faults": "its network sees texture: in pictures of 48 pixels, a copy's JPEG artefacts",
        "memory_grows_linearly": "it works in a process of its own, whose memory the check does not see, for minutes",
    }

    def __init__(self, high_accuracy: bool = False) -> None:
        self.high_accuracy = flag("high_accuracy", high_accuracy)

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        return () if os.environ.get(INTERPRETER) else super().missing()

    def fit(self, data: View) -> None:
        data.afford(SECONDS * len(data), 3 * 4 * 960.0 * len(data))
        with tempfile.TemporaryDirectory(prefix="cleanbench-") as name:
            images, work = Path(name) / "images", Path(name) / "work"
            data.export(images)
            work.mkdir()
            _run(images, work, data.threads, self.high_accuracy)
            self.features, self.known = read_features(work, len(data))

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        return np.where(self.known[pairs].all(axis=1), cosine(self.features, pairs), -np.inf)

    def retrieve(self, data: View, limit: int) -> Ranking:
        rows = np.flatnonzero(self.known)
        pairs, cosines = top_pairs(self.features[rows], limit)
        return Ranking(Issue.NEAR_DUPLICATE, rows[pairs], cosines)

    def off_topic(self, data: View) -> Floats:
        rows = np.flatnonzero(self.known)
        if len(rows) < 2:
            raise NotApplicable("fewer than two images that fastdup reads: none has a nearest other")
        scores = np.full(len(data), -np.inf)
        scores[rows] = (1 - nearest(self.features[rows], 1)[1][:, 0]) / 2
        return scores


def _run(images: Path, work: Path, threads: int, high_accuracy: bool) -> None:
    python = os.environ.get(INTERPRETER) or sys.executable
    # HOME: it writes there. PYTHONPATH: this environment's packages would hide those that it pins.
    quiet = {"SENTRY_OPT_OUT": "1", "FASTDUP_PRODUCTION": "1", "HOME": str(work)}
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | quiet
    command = [python, "-c", SCRIPT, str(images), str(work), str(threads), str(high_accuracy)]
    try:
        ended = subprocess.run(
            command, cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise UserError(f"{INTERPRETER}={python} is no interpreter that can be started: {error}") from error
    if ended.returncode or not (work / "atrain_features.dat").exists():
        last = ([line for line in (ended.stdout + ended.stderr).splitlines() if line.strip()] or ["it said nothing"])[
            -1
        ]
        raise RuntimeError(f"fastdup ended with code {ended.returncode}: {last.strip()}")


def read_features(work: Path, images: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Read what fastdup left in its folder about images with numbers for names.

    Args:
        work: Its folder, with ``atrain_features.dat`` (float32, row after row) and, beside it, the file of each row.
        images: How many there are.

    Returns:
        Features ``(images, D)``, and which rows it knows, ``(images,)``; the other rows are zero.
    """
    with (work / "atrain_features.dat.csv").open(newline="") as stream:
        rows = [int(Path(line["filename"]).stem) for line in csv.DictReader(stream)]
    found = np.fromfile(work / "atrain_features.dat", dtype=np.float32).reshape(len(rows), -1)
    features = np.zeros((images, found.shape[1]), dtype=np.float32)
    known = np.zeros(images, dtype=np.bool_)
    features[rows], known[rows] = found, True
    return features, known
