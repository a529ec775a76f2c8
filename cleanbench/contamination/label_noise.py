"""Label errors: ``lbl`` and ``lblc``, ``asymmetric``, ``instance_dependent`` and ``human_confusion``."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from cleanbench.contamination.base import Planted
from cleanbench.contamination.draft import Draft, count
from cleanbench.core import Floats, Ints, Issue, UserError
from cleanbench.datasets.tables import canonical, rows


@dataclass(frozen=True, kw_only=True)
class LabelNoise(Planted):
    """Changes labels of images that are known to be labelled rightly, never to the right one.

    Attributes:
        noise: Its kind in a few words.
    """

    noise: ClassVar[str]

    def plant(self, draft: Draft, rng: np.random.Generator) -> None:
        """Change labels."""
        base = draft.base
        right = np.flatnonzero(draft.right(Issue.LABEL_ERROR))
        if len(base.classes) < 2 or not len(right):
            what = "no image that is known to be labelled rightly" if base.classes else "no labels"
            what = what if len(base.classes) != 1 else "one class only"
            raise UserError(f"{base.name!r} has {what}, so that no label can be made wrong")
        given = np.array(draft.given)
        wrong, labels = self._drawn(draft, right, given[right], rng)
        if len(wrong) >= len(right):
            raise UserError(
                f"contamination.fraction={self.fraction} would make all {len(right)} labels of {base.name!r} wrong; "
                "lower it"
            )
        given[wrong] = labels
        draft.given = given.tolist()
        draft.told[Issue.LABEL_ERROR] = (
            f"Synthetic: {len(wrong):,} labels were changed ({self.noise}). {draft.taken_for_right(Issue.LABEL_ERROR)}"
        )

    @abstractmethod
    def _drawn(self, draft: Draft, right: Ints, labels: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Return the items that get a wrong label, and these labels.

        Args:
            draft: The set.
            right: Items that may be chosen.
            labels: Their labels.
            rng: Source of randomness.
        """


@dataclass(frozen=True, kw_only=True)
class Uniform(LabelNoise):
    """Changes ``ceil(fraction * N)`` labels to any other class, all equally likely, as the protocol ``LBL``."""

    protocol = "lbl"
    noise = "uniform"

    def _drawn(self, draft: Draft, right: Ints, labels: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        groups = self._groups(labels)
        wrong = np.concatenate([rng.choice(each, count(self.fraction, len(each)), replace=False) for each in groups])
        classes = len(draft.base.classes)
        return right[wrong], (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes

    def _groups(self, labels: Ints) -> list[Ints]:
        """Return the positions of labels that are drawn from together."""
        return [np.arange(len(labels))]


@dataclass(frozen=True, kw_only=True)
class UniformPerClass(Uniform):
    """Changes ``ceil(fraction * n)`` of the n labels of each class, as the protocol ``LBLC``; else as `Uniform`."""

    protocol = "lblc"
    noise = "uniform, the same share of each class"

    def _groups(self, labels: Ints) -> list[Ints]:
        return [np.flatnonzero(labels == label) for label in np.unique(labels)]


@dataclass(frozen=True, kw_only=True)
class Asymmetric(LabelNoise):
    """Changes labels to the one class that theirs is taken for.

    Class-dependent noise as of Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction
    Approach" (CVPR 2017), who take truck for automobile, bird for airplane, deer for horse, and cat and dog for each
    other. ``ceil(fraction * n)`` of the n labels of classes that are taken for another one are changed.

    Attributes:
        classes: The class that each is taken for, by name; None: the next one, and the first for the last.
    """

    protocol = "asymmetric"
    noise = "each class taken for one other"

    classes: Mapping[str, str] | None = None

    def _drawn(self, draft: Draft, right: Ints, labels: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        names = draft.base.classes
        taken_for = np.arange(1, len(names) + 1) % len(names)
        if self.classes is not None:
            taken_for = np.arange(len(names))
            for one, other in self.classes.items():
                for name in (one, other):
                    if str(name) not in names:
                        raise UserError(
                            f"contamination.classes names {str(name)!r}, which is no class of {draft.base.name!r}; "
                            f"its classes are {', '.join(names)}"
                        )
                taken_for[names.index(str(one))] = names.index(str(other))
        members = np.flatnonzero(taken_for[labels] != labels)
        if not len(members):
            raise UserError(f"contamination.classes takes no class of {draft.base.name!r} for another one")
        wrong = rng.choice(members, count(self.fraction, len(members)), replace=False)
        return right[wrong], taken_for[labels[wrong]]


@dataclass(frozen=True, kw_only=True)
class InstanceDependent(LabelNoise):
    """Changes labels to what the image looks like to a random linear classifier.

    Algorithm 2 of Xia et al., "Part-dependent Label Noise: Towards Instance-dependent Label Noise" (NeurIPS 2020): an
    image has a flip rate q from a normal distribution around ``fraction`` (deviation .1) truncated to [0, 1], and the
    wrong label is drawn from softmax(x W_y) over the other classes; x are the pixels, W_y is a standard normal matrix
    per class y. Departs from it: exactly ``ceil(fraction * N)`` labels are changed, drawn by q, instead of each with
    probability q; x are the pixels at 32×32, scaled to [-1, 1]. Such logits are large, so that the softmax nearly
    always takes the largest: images of a class that look alike get the same wrong label.
    """

    protocol = "instance_dependent"
    noise = "dependent on pixels"

    def _drawn(self, draft: Draft, right: Ints, labels: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        rates = _rates(self.fraction, len(right), rng)
        chosen = rng.choice(len(right), count(self.fraction, len(right)), replace=False, p=rates / rates.sum())
        chosen = chosen[np.argsort(labels[chosen], kind="stable")]
        wrong = np.zeros(len(chosen), dtype=np.int64)
        for label in np.unique(labels[chosen]):
            group = labels[chosen] == label
            seen = np.stack([_features(draft.base.images[draft.items[at].origin]) for at in right[chosen[group]]])
            logits = seen @ rng.standard_normal((seen.shape[1], len(draft.base.classes)))
            logits[:, label] = -np.inf
            # The largest of logits with Gumbel noise is a draw from their softmax.
            wrong[group] = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
        return right[chosen], wrong


@dataclass(frozen=True, kw_only=True)
class HumanConfusion(LabelNoise):
    """Changes labels as people confuse classes.

    From a table of how often people gave each label to images of each class, such as can be counted from the votes of
    CIFAR-10H (Peterson et al., "Human Uncertainty Makes Classification More Robust", ICCV 2019) or CIFAR-10N (Wei et
    al., "Learning with Noisy Labels Revisited", ICLR 2022). ``ceil(fraction * N)`` labels are changed: which ones is
    drawn by how often their class is mistaken, and the wrong label by what it is mistaken for.

    Attributes:
        confusion: A CSV file with a row per true class: its name in the column ``label``, and a column per class with
            the count or the share of that answer. Required.
    """

    protocol = "human_confusion"
    noise = "as people confuse the classes"

    confusion: str | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            UserError: If one is unusable.
        """
        super().__post_init__()
        if not self.confusion:
            raise UserError(
                "contamination=human_confusion needs to know how people confuse the classes: "
                "contamination.confusion=FILE.csv, a row per true class and a column per answer"
            )

    def _drawn(self, draft: Draft, right: Ints, labels: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        shares = read_confusion(Path(self.confusion or "").expanduser(), draft.base.classes)
        mistaken = shares.copy()
        np.fill_diagonal(mistaken, 0)
        rates = mistaken.sum(axis=1)[labels]
        wanted = count(self.fraction, len(right))
        if np.count_nonzero(rates) < wanted:
            raise UserError(
                f"{self.confusion}: {np.count_nonzero(rates):,} images of {draft.base.name!r} are of a class that is "
                f"ever mistaken, but {wanted:,} labels are to be changed; lower contamination.fraction"
            )
        chosen = rng.choice(len(right), wanted, replace=False, p=rates / rates.sum())
        steps = np.cumsum(mistaken[labels[chosen]], axis=1)
        wrong = (steps <= rng.random((wanted, 1)) * steps[:, -1:]).sum(axis=1)
        return right[chosen], wrong


def read_confusion(path: Path, classes: tuple[str, ...]) -> Floats:
    """Read how often images of each class get each label.

    Returns:
        Shares of answers, shape ``(C, C)``, a row per true class; each row sums to 1.

    Raises:
        UserError: If the table lacks a class, names another one or holds anything but counts.
    """
    table = rows(path)
    _, header = next(table)
    if header[:1] != ["label"] or set(map(canonical, header[1:])) != set(classes):
        raise UserError(f"{path}: its columns must be label and then the classes {', '.join(classes)}")
    order = [header.index(name) for name in header[1:]]
    position = {canonical(header[index]): index for index in order}
    counts = np.full((len(classes), len(classes)), -1.0)
    for line, fields in table:
        name = canonical(fields[0])
        if name not in classes or (counts[classes.index(name)] >= 0).any():
            raise UserError(f"{path}, line {line}: {name!r} must be one of the classes, and have one row")
        try:
            answers = np.array([float(fields[position[answer]]) for answer in classes])
        except ValueError:
            answers = np.full(len(classes), -1.0)
        if not (np.isfinite(answers) & (answers >= 0)).all() or not answers.any():
            raise UserError(f"{path}, line {line}: expected counts or shares, 0 or more and not all of them 0")
        counts[classes.index(name)] = answers / answers.sum()
    if (counts < 0).any():
        missing = [name for name, row in zip(classes, counts, strict=True) if (row < 0).any()]
        raise UserError(f"{path} has no row for {', '.join(missing)}")
    return counts


def _rates(middle: float, wanted: int, rng: np.random.Generator) -> Floats:
    """Return flip rates: normal around ``middle``, those outside (0, 1) drawn again."""
    rates = np.zeros(0)
    while len(rates) < wanted:
        more = rng.normal(middle, 0.1, 2 * wanted)
        rates = np.concatenate([rates, more[(more > 0) & (more < 1)]])
    return rates[:wanted]


def _features(image: Image.Image) -> Floats:
    """Return the pixels at 32×32, in [-1, 1]."""
    small = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float64)
    return small.ravel() / 127.5 - 1
