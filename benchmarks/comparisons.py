"""What is compared with what: our methods, by name, and the straightforward way to the same scores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import straightforward as plain
from inputs import Input

from cleanbench import Detector, Floats, Issue, UserError, zoo

SIZES = (500, 1000, 2000, 4000, 8000, 16_577)
FEW = (50, 100, 200, 400, 800)  # pictures, of which all pairs are asked
ASKED, TOP = 20, 1000  # pairs asked per image; pairs retrieved

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One comparison.

    Attributes:
        title: What is compared.
        methods: Names with settings; the first that there is stands for us.
        issue: What is asked of it.
        other: The straightforward way.
        how: That way, in words.
        retrieves: Whether the top pairs are retrieved instead of given ones scored.
        sizes: Numbers of images.
    """

    title: str
    methods: tuple[tuple[str, Settings], ...]
    issue: Issue
    other: Callable[[Input], Floats]
    how: str
    retrieves: bool = False
    sizes: tuple[int, ...] = SIZES

    @property
    def pixels(self) -> bool:
        """Whether pictures are compared."""
        return self.sizes is FEW

    def method(self) -> tuple[str, Detector] | None:
        """Return the name and an instance of the first of its methods that there is."""
        for name, settings in self.methods:
            try:
                return name, zoo.load(name, **settings)
            except UserError:
                continue
        return None


BOOSTED: Settings = {"classifier": "adaboost", "folds": 10, "seed": 0}
EMBEDDED = (("embedding_distance", {}), ("selfclean", {}))
OFF, NEAR, LABEL = Issue.OFF_TOPIC, Issue.NEAR_DUPLICATE, Issue.LABEL_ERROR
TASKS: dict[str, Task] = {
    "asked_pairs": Task(
        f"Cosines of {ASKED} N pairs", EMBEDDED, NEAR, plain.cosines_of_asked_pairs, "N x N matrix, looked up"
    ),
    "top_pairs": Task(f"Top {TOP:,} pairs", EMBEDDED, NEAR, plain.top_pairs, "N x N matrix, sorted", retrieves=True),
    "lad": Task(
        "Leaf-area distances",
        (("lad", {}), ("selfclean", {})),
        OFF,
        plain.leaf_area_distances,
        "SciPy's single linkage, areas summed anew at each leaf",
    ),
    "intra_extra": Task(
        "Intra/extra-class ratio",
        (("intra_extra", {}), ("selfclean", {})),
        LABEL,
        plain.label_ratios,
        "N x N matrix, a mask per row",
    ),
    "noiserank": Task(
        "NoiseRank", (("noiserank", {"compat": "reference"}),), LABEL, plain.noise_ranks, "N x P x D differences"
    ),
    "adaboost": Task(
        "Confident learning, AdaBoost",
        (("confident_learning_adaboost", BOOSTED), ("confident_learning", BOOSTED)),
        LABEL,
        plain.boosted_confidences,
        "scikit-learn, fold by fold",
    ),
    "nearest": Task(
        "Labels of 20 neighbours",
        (("knn_disagreement", {"k": 20}),),
        LABEL,
        plain.neighbours_disagree,
        "N x N matrix, rows sorted",
    ),
    **{
        model: Task(f"PyOD {model}", ((model, {}),), OFF, partial(plain.outliers, model=model), "PyOD itself")
        for model in ("ecod", "hbos", "iforest", "knn")
    },
    "phash": Task("pHash", (("phash", {}),), NEAR, plain.hashed_pair_by_pair, "imagehash, pair by pair", sizes=FEW),
    "phash_reference": Task(
        "pHash of 9 x 8 thumbnails",
        (("phash_reference", {}),),
        NEAR,
        plain.hashed_thumbnails_pair_by_pair,
        "imagehash, pair by pair",
        sizes=FEW,
    ),
    "ssim": Task(
        "SSIM", (("ssim", {}),), NEAR, plain.structure_pair_by_pair, "SciPy's filters, pair by pair", sizes=FEW
    ),
    "ssim_reference": Task(
        "SSIM of 9 x 8 thumbnails",
        (("ssim_reference", {}),),
        NEAR,
        plain.structure_of_thumbnails_pair_by_pair,
        "scikit-image, pair by pair",
        sizes=FEW,
    ),
}
