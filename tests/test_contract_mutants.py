"""Methods that break the contract in one way each: every check can fail, and says what is wrong."""

# ruff: noqa: D101, D102, RUF012  (a mutant is as short as a method may be; the base class documents the rest)

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cleanbench import Bools, Detector, Floats, Ints, Issue, Need, NotApplicable, Ranking, View
from cleanbench.checks import CHECKS, Outcome, Status, name_of, run_contract

MEMORY = next(check for check in CHECKS if name_of(check) == "memory_grows_linearly")
CHEAP = tuple(check for check in CHECKS if check is not MEMORY)


class Centroid(Detector):
    """Rank images by their distance to the mean embedding: a correct method that the mutants change."""

    needs = Need.EMBEDDINGS

    def off_topic(self, data: View) -> Floats:
        return np.linalg.norm(data.embeddings - data.embeddings.mean(axis=0), axis=1)


class Cosine(Detector):
    """Score pairs by their cosine: a correct method that the mutants change."""

    needs = Need.EMBEDDINGS

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        unit = data.embeddings / np.linalg.norm(data.embeddings, axis=1, keepdims=True)
        return np.einsum("ij,ij->i", unit[pairs[:, 0]], unit[pairs[:, 1]])


class Undocumented(Centroid):
    needs = Need.EMBEDDINGS


class NothingSolved(Detector):
    """Override no issue."""


class Undeclared(Centroid):
    """Read labels that are not declared."""

    def off_topic(self, data: View) -> Floats:
        return super().off_topic(data) + 0 * data.labels


class Greedy(Centroid):
    """Declare labels that are never read."""

    needs = Need.EMBEDDINGS | Need.LABELS


class UndeclaredFit(Centroid):
    """Read embeddings in the shared work, where one of the two issues does not declare them."""

    needs = {Issue.OFF_TOPIC: Need.EMBEDDINGS, Issue.LABEL_ERROR: Need.LABELS}

    def fit(self, data: View) -> None:
        self.mean = data.embeddings.mean(axis=0)

    def label_errors(self, data: View) -> Floats:
        return data.labels.astype(float)


class NaN(Centroid):
    """Return a NaN."""

    def off_topic(self, data: View) -> Floats:
        return np.where(np.arange(len(data)) == 7, np.nan, super().off_topic(data))


class Integers(Centroid):
    """Return ranks as integers."""

    def off_topic(self, data: View) -> Floats:
        return super().off_topic(data).argsort().argsort()


class TooShort(Centroid):
    """Leave an image out."""

    def off_topic(self, data: View) -> Floats:
        return super().off_topic(data)[1:]


class FlagsOne(Centroid):
    """Decide on one image alone."""

    def flags(self, issue: Issue, data: View, ranking: Ranking) -> Bools:
        return ranking.scores[:1] > 0


class Unseeded(Centroid):
    """Draw numbers that no seed decides."""

    def off_topic(self, data: View) -> Floats:
        return super().off_topic(data) * (1 + 1e-9 * np.random.default_rng().random(len(data)))


class UndeclaredSeed(Centroid):
    """Let the seed decide without saying so."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def off_topic(self, data: View) -> Floats:
        return super().off_topic(data) * (1 + 1e-3 * self.seed)


class FirstImage(Centroid):
    """Measure from the first image instead of the mean."""

    def off_topic(self, data: View) -> Floats:
        return np.linalg.norm(data.embeddings - data.embeddings[0], axis=1)


class StochasticByPosition(Centroid):
    """Add numbers that depend on the position, and call that stochastic."""

    stochastic = True

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def off_topic(self, data: View) -> Floats:
        scores = super().off_topic(data) + 2 * np.random.default_rng(0).random(len(data))
        return scores + 1e-6 * np.random.default_rng(self.seed).random(len(data))


class Ranked(Cosine):
    """Score a pair by its rank among the pairs asked."""

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        return super().near_duplicates(data, pairs).argsort().argsort().astype(float)


class Lopsided(Cosine):
    """Divide by the length of the first image's embedding only."""

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        lengths = np.linalg.norm(data.embeddings, axis=1)
        return super().near_duplicates(data, pairs) / lengths[pairs[:, 0]] ** 0.01


class Flipped(Centroid):
    """Say "higher is cleaner"."""

    def off_topic(self, data: View) -> Floats:
        return -super().off_topic(data)


class InPlace(Centroid):
    """Centre the embeddings in place."""

    def off_topic(self, data: View) -> Floats:
        array = data.embeddings
        array.flags.writeable = True
        array -= array.mean(axis=0)
        return np.linalg.norm(array, axis=1)


class InCache(Detector):
    """Change a derived array that other methods share."""

    needs = Need.IMAGES

    def off_topic(self, data: View) -> Floats:
        shared = data.derived("spread", {}, luminance_spread)
        scores = shared.copy()
        shared.flags.writeable = True
        shared[:2] = shared[:2].mean()
        shared.flags.writeable = False
        return scores


class Litter(Centroid):
    """Leave a file behind."""

    def off_topic(self, data: View) -> Floats:
        Path("log.txt").write_text("done")
        return super().off_topic(data)


class Quadratic(Centroid):
    """Hold all pairwise distances."""

    def off_topic(self, data: View) -> Floats:
        squares = (data.embeddings**2).sum(axis=1)
        distances = squares[:, None] + squares - 2 * data.embeddings @ data.embeddings.T
        return distances.mean(axis=1)


class NeverApplicable(Centroid):
    """Find every data set unsuitable."""

    def off_topic(self, data: View) -> Floats:
        raise NotApplicable("too few images")


class NotInstalled(NeverApplicable):
    """Require what is not there."""

    requires = ("no-such-distribution",)


class NeedlesslyExempt(Centroid):
    """Be exempt from what it passes."""

    exempt = {"planted_faults": "it is hard"}


class Cowardly(Centroid):
    """Be exempt from everything."""

    exempt = {name_of(check): "no time" for check in CHECKS}

    def off_topic(self, data: View) -> Floats:
        raise NotApplicable("too few images")


def luminance_spread(image: Image.Image) -> Floats:
    return np.asarray(image.convert("L")).std()


@pytest.mark.parametrize("method", [Centroid, Cosine])
def test_correct_method_passes_every_check(method: type[Detector]) -> None:
    outcomes = run_contract(method)
    assert [outcome for outcome in outcomes if outcome.status is Status.FAILED] == []
    assert {outcome.check: outcome.reason for outcome in outcomes if outcome.status is Status.SKIPPED} == {
        "yaml_equals_constructor": "made from a class, without a YAML file",
        **({"pairs_are_scored_alone": "it does not rank pairs"} if method is Centroid else {}),
    }


@pytest.mark.parametrize(
    ("mutant", "check", "message"),
    [
        (Undocumented, "yaml_equals_constructor", "has no docstring"),
        (Undeclared, "needs_are_exact", r"reads labels but declares EMBEDDINGS"),
        (UndeclaredFit, "needs_are_exact", "reads embeddings but declares nothing"),
        (NothingSolved, "needs_are_exact", "overrides none of off_topic, near_duplicates, label_errors"),
        (Greedy, "needs_are_exact", "declares LABELS for off_topic but never reads it"),
        (NaN, "scores_are_finite_floats", "1 of 200 scores are NaN"),
        (Integers, "scores_are_finite_floats", "must be floats, not int64"),
        (TooShort, "scores_are_finite_floats", r"\(200,\) items do not fit \(199,\) scores"),
        (FlagsOne, "scores_are_finite_floats", "flags must be one bool for each of the 200 scores"),
        (Unseeded, "same_seed_same_scores", "same seed give different scores"),
        (UndeclaredSeed, "same_seed_same_scores", "declare stochastic = True"),
        (FirstImage, "order_of_images_does_not_matter", "shuffling the images changes scores"),
        (StochasticByPosition, "order_of_images_does_not_matter", "shuffled images keep a rank correlation of"),
        (Ranked, "pairs_are_scored_alone", "depends on the other pairs asked"),
        (Lopsided, "pairs_are_scored_alone", r"\(i, j\) and \(j, i\) have different scores"),
        (Flipped, "planted_faults", "AUROC is 0.000 .* the sign is flipped"),
        (NeedlesslyExempt, "planted_faults", "passes it; remove the exemption"),
        (InPlace, "inputs_are_untouched", "writes into its input"),
        (InCache, "inputs_are_untouched", "writes into its input .derived arrays"),
        (Litter, "inputs_are_untouched", "leaves log.txt in the current folder"),
        (NeverApplicable, "something_was_checked", "every check .* was skipped, .* too few images"),
        (Cowardly, "something_was_checked", "every check .* was skipped"),
    ],
)
def test_mutant_fails_its_check(
    mutant: type[Detector], check: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # for the one that leaves files
    failed = failures(run_contract(mutant, checks=CHEAP))
    assert re.search(message, failed.pop(check))
    # A method that raises ends every check that runs it; otherwise a mutant fails its own check and no other.
    others = {name for name, reason in failed.items() if " raises " not in reason}
    assert others == ({"order_of_images_does_not_matter"} if mutant is Lopsided else set())


def test_mutant_that_holds_all_distances_fails_its_check() -> None:
    failed = failures(run_contract(Quadratic))
    assert failed.keys() == {"memory_grows_linearly"}
    assert re.search("for 3000 images .* work in blocks and hold no N x N array", failed["memory_grows_linearly"])


def test_memory_of_a_class_inside_a_function_is_not_checked() -> None:
    class Local(Centroid):
        """Cannot be imported."""

    (outcome,) = run_contract(Local, checks=[MEMORY])
    assert outcome.status is Status.SKIPPED
    assert "define it in a module" in outcome.reason


def test_what_fails_in_the_child_is_told() -> None:
    (outcome,) = run_contract(TooShort, checks=[MEMORY])
    assert "TooShort.off_topic returned (119,), expected (120,)" in outcome.reason


def test_method_without_its_distribution_is_skipped() -> None:
    assert {(outcome.status, outcome.reason) for outcome in run_contract(NotInstalled)} == {
        (Status.SKIPPED, "not run: no-such-distribution is not installed")
    }


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("power: 2", "lacks offset; list every constructor argument"),
        ("power: 2\noffset: 0\nscale: 1", "has scale, which its constructor does not take"),
        ("power: 3\noffset: 0", "power is 3 in the YAML and 2 in the constructor"),
    ],
)
def test_yaml_that_differs_from_the_constructor_fails(
    yaml: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tuned", raising=False)
    (tmp_path / "tuned.py").write_text(
        "from cleanbench import Detector\n\n"
        "class Tuned(Detector):\n"
        '    """Has settings."""\n\n'
        "    def __init__(self, power: int = 2, offset: int = 0) -> None: ...\n"
    )
    (tmp_path / "method").mkdir()
    (tmp_path / "method/tuned.yaml").write_text(f"_target_: tuned.Tuned\n{yaml}\n")
    (outcome,) = run_contract("tuned", checks=CHECKS[:1], search=[tmp_path])
    assert outcome.status is Status.FAILED
    assert message in outcome.reason


def failures(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.check: outcome.reason for outcome in outcomes if outcome.status is Status.FAILED}
