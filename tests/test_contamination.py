"""``contamination=…``: exact counts, the same bytes each time, truths that hold, and nothing that gives them away."""

import csv
import inspect
import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.errors import HydraException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cleanbench import ImageSet, Issue, UserError, zoo
from cleanbench.commands.tables import print_outcomes
from cleanbench.contamination import base, edits, negatives
from cleanbench.contamination.base import Planted
from cleanbench.contamination.edits import EDITS, draw_artefacts, draw_augmentation, draw_blur
from cleanbench.contamination.label_noise import read_confusion
from cleanbench.core import GroundTruth, digest_of
from cleanbench.datasets.folder import folder
from cleanbench.image_set import Card
from cleanbench.images import Files
from cleanbench.pairs import encode, pair_count

OFF, DUPLICATE, WRONG = Issue
NOISES = ("lbl", "lblc", "asymmetric", "instance_dependent", "human_confusion")
PLANTED = ("xr", "blur", "aug", "arte", "mixed", *NOISES)
SIZES = ((24, 24), (30, 20), (20, 30), (16, 16))


@cache
def kind_of(name: str) -> Any:
    return zoo.load_class(name, "contamination")


@pytest.fixture(scope="module")
def tidy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 90 images in three classes of 40, 30 and 20, of four sizes, that nobody judged."""
    root = tmp_path_factory.mktemp("tidy") / "tidy"
    rng = np.random.default_rng(0)
    for name, count in (("ape", 40), ("bee", 30), ("cow", 20)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            width, height = SIZES[int(rng.integers(len(SIZES)))]
            noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / name / f"{name}{number:02d}.png")
    return root


@pytest.fixture(scope="module")
def confusion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table: apes are taken for cows, bees for apes or cows, cows for nothing else."""
    path = tmp_path_factory.mktemp("confusion") / "confusion.csv"
    path.write_text("label,cow,ape,bee\nbee,2,1,7\nape,5,5,0\ncow,3,0,0\n")
    return path


@pytest.fixture
def plant(confusion: Path) -> Callable[..., Any]:
    """Return a function that makes a contamination, with what it cannot do without."""

    def make(name: str, /, **options: Any) -> Any:
        needed = {"human_confusion": {"confusion": str(confusion)}}
        needed |= {key: {"source": "drawings"} for key in ("xr", "mixed")}
        return kind_of(name)(**needed.get(name, {}) | options)

    return make


def faulty(images: ImageSet) -> dict[Issue, int]:
    return {issue: truth.faulty for (issue, _), truth in images.truths.items()}


@pytest.fixture
def small_edits(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edit at a shorter side of 32 instead of 512, which is quick; what is cached of it stays apart."""
    monkeypatch.setenv("CLEANBENCH_CACHE", str(tmp_path_factory.mktemp("small edits")))
    monkeypatch.setattr(edits, "FRAME", 32)


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def traced(contamination: Any, images: ImageSet) -> list[dict[str, str]]:
    return csv_rows(contamination.provenance(images))


def paths(images: ImageSet) -> list[Path]:
    """Return the files of the images, in the order of the ids."""
    source = images.images.source
    assert isinstance(source, Files)
    return [source.paths[images.images._position(index)] for index in range(len(images))]


def expected(name: str, fraction: float, classes: Counter[int]) -> dict[Issue, int]:
    """Count what a protocol plants, by its definition."""
    total = classes.total()
    whole = math.ceil(round(fraction * total, 9))
    if name in ("xr", "blur"):
        return {OFF: whole}
    if name in ("aug", "arte"):
        return {DUPLICATE: whole}
    if name == "lblc":
        return {WRONG: sum(math.ceil(round(fraction * members, 9)) for members in classes.values())}
    return {WRONG: whole}


@pytest.mark.parametrize("fraction", [0.05, 0.1])
def test_counts_on_a_clean_folder(fraction: float, tidy: Path, plant: Callable[..., Any]) -> None:
    images = folder(str(tidy))
    for name in set(PLANTED) - {"mixed"}:
        made = plant(name, fraction=fraction).apply(images)
        assert made.name == f"tidy~{name}-{fraction}-s0"
        assert faulty(made) == expected(name, fraction, Counter(images.labels.tolist())), name
        assert len(made) == 90 + (faulty(made).get(OFF, 0) if name == "xr" else faulty(made).get(DUPLICATE, 0))
        assert {truth.kind for truth in made.truths.values()} == {"synthetic"}
        assert made.truth(next(iter(faulty(made))), "planted") is not None
        judged = {issue: len(truth) for (issue, _), truth in made.truths.items() if not issue.ranks_pairs}
        assert set(judged.values()) <= {len(made)}, "a base that nobody judged is taken to be right"


@pytest.mark.parametrize("fraction", [0.05, 0.1])
def test_counts_on_images_that_people_judged(
    fraction: float, dev_pack: Path, plant: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(base, "render", lambda *_: None)  # what is counted does not depend on pixels
    (tmp_path / "confusion.csv").write_text(
        "\n".join([f"label,{','.join(map(str, range(10)))}", *(f"{one}{',1' * 10}" for one in range(10))])
    )
    images = folder(str(dev_pack))
    bad = {
        row["id"]
        for table in ("off_topic_samples.csv", "label_errors.csv")
        for row in csv_rows(dev_pack / table)
        if row["label"] == "1"
    }
    group: dict[str, set[str]] = {name: {name} for name in images.ids}
    for row in csv_rows(dev_pack / "near_duplicates.csv"):
        if row["label"] == "1":
            one, other = row["id_list"].split(",")
            for name in (joined := group[one] | group[other]):
                group[name] = joined
    kept = {min(group[name] - bad) for name in images.ids if name not in bad}
    assert images.labels is not None
    given_to = dict(zip(images.ids, images.labels.tolist(), strict=True))
    classes = Counter(given_to[name] for name in kept)
    for name in set(PLANTED) - {"mixed"}:
        options = {"confusion": str(tmp_path / "confusion.csv")} if name == "human_confusion" else {}
        contamination = plant(name, fraction=fraction, **options)
        made = contamination.apply(images)
        assert faulty(made) == expected(name, fraction, classes), name
        rows = traced(contamination, images)
        assert {row["source_id"] for row in rows if row["source"] == "base"} == kept
        if name in ("xr", "blur", *NOISES):
            assert len(next(iter(made.truths.values()))) == len(made), "people judged all of these"


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_mixed_plants_the_same_share_of_each_issue(share: float, tidy: Path, plant: Callable[..., Any]) -> None:
    images, contamination = folder(str(tidy)), plant("mixed", fraction=share)
    each = (1 + share) ** (1 / 3) - 1
    assert contamination.share == pytest.approx(each)
    assert plant("mixed", fraction=0.1).share == pytest.approx(0.0323, abs=5e-5)
    made = contamination.apply(images)
    foreign = math.ceil(each * 90)
    copies = math.ceil(each * (90 + foreign))
    assert (faulty(made)[OFF], faulty(made)[DUPLICATE], len(made)) == (foreign, copies, 90 + foreign + copies)
    rows = traced(contamination, images)
    classes = Counter(row["true_label"] for row in rows if row["source"] == "base")
    assert faulty(made)[WRONG] == sum(math.ceil(each * members) for members in classes.values())
    on_topic = made.truths[WRONG, "planted"]
    assert len(on_topic) == 90 + copies, "of the label of an off-topic image nothing is known"


@pytest.mark.usefixtures("small_edits")
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(
    tidy: Path, plant: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = folder(str(tidy))
    for name in PLANTED:
        seen = []
        for place, seed in (("one", 3), ("two", 3), ("one", 4)):
            monkeypatch.setenv("CLEANBENCH_CACHE", str(tmp_path / place))
            made = plant(name, fraction=0.1, seed=seed).apply(images)
            seen.append((made.ids, made.pixels_digest, made.fingerprint, made.truth_revision))
        assert seen[0] == seen[1], name
        assert (seen[0][0] == seen[2][0]) == (name in NOISES), "labels alone leave ids, so that embeddings are found"
        assert (seen[0][1] == seen[2][1]) == (name in NOISES)
        assert seen[0][2] != seen[2][2]
        assert seen[0][3] != seen[2][3]


@pytest.mark.parametrize("name", PLANTED)
def test_truth_and_provenance_say_the_same(name: str, tidy: Path, plant: Callable[..., Any]) -> None:
    images, contamination = folder(str(tidy)), plant(name, fraction=0.1, seed=1)
    made, rows = contamination.apply(images), traced(contamination, images)
    assert tuple(row["id"] for row in rows) == made.ids
    assert not {row["id"] for row in rows} & set(images.ids)
    assert made.labels is not None
    assert [made.classes[label] for label in made.labels] == [row["given_label"] for row in rows]
    place = {row["id"]: number for number, row in enumerate(rows)}
    for (issue, _), truth in made.truths.items():
        if issue.ranks_pairs:
            copies = {tuple(sorted((place[row["copy_of"]], place[row["id"]]))) for row in rows if row["copy_of"]}
            assert set(map(tuple, truth.items[truth.labels].tolist())) == copies
        else:
            wanted = {number for number, row in enumerate(rows) if row[str(issue)] == "1"}
            assert set(truth.items[truth.labels].tolist()) == wanted
    original = dict(zip(images.ids, images.images, strict=True))
    given_to = {key: images.classes[label] for key, label in zip(images.ids, images.labels.tolist(), strict=True)}
    sizes = {key: image.size for key, image in original.items()}
    for row, image in zip(rows, made.images, strict=True):
        if row["source"] == "base":
            assert row["true_label"] == ("" if row["off_topic"] == "1" else given_to[row["source_id"]])
        if row["copy_of"]:
            assert rows[place[row["copy_of"]]]["source_id"] == row["source_id"]
        plain = row["source"] == "base" and not row["edit"]
        assert plain == (row["source"] == "base" and np.array_equal(image, original[row["source_id"]]))
        assert image.size == sizes[row["size_of"] or row["source_id"]]
        assert (row["label_error"] == "1") == (row["off_topic"] == "0" and row["true_label"] != row["given_label"])
        if row["edit"]:
            assert EDITS[row["edit"]]
            assert json.loads(row["parameters"])
        if name == "arte" and row["copy_of"]:
            assert bool(row["beside"]) == json.loads(row["parameters"])["mosaic"]
            assert row["beside"] != row["source_id"]
            assert any(json.loads(row["parameters"]).values())


def leak(sets: list[tuple[Any, Any]]) -> list[float]:
    """Return how well a linear and a boosted classifier find what was planted in a set from what they saw in others.

    Mean AUROC, each set left out in turn. Folds within one set would not do: even where the order is random, the part
    of it that is left out tells what the other part lacks.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    facts, planted = (np.concatenate(parts) for parts in zip(*sets, strict=True))
    groups = np.repeat(np.arange(len(sets)), [len(each) for _, each in sets])
    linear = make_pipeline(StandardScaler(), LogisticRegression())
    boosted = HistGradientBoostingClassifier(max_iter=10, random_state=0)
    options = {"cv": LeaveOneGroupOut(), "groups": groups, "scoring": "roc_auc"}
    return [cross_val_score(model, facts, planted, **options).mean() for model in (linear, boosted)]


@pytest.mark.usefixtures("small_edits")
def test_neither_files_nor_ids_nor_order_give_the_contamination_away(plant: Callable[..., Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for number in range(300):
        width, height = (int(side) for side in rng.integers(6, 13, 2))
        # From flat to noisy, as PNG and as JPEG: files of very different sizes.
        pixels = rng.normal(128, 60 * rng.random(), (height, width, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number:03d}.{'png' if number % 2 else 'jpg'}")
    images = folder(str(tmp_path))
    for name in ("xr", "blur", "aug"):
        by_image, by_pair = [], []
        for seed in range(6):
            contamination = plant(name, fraction=0.2, seed=seed)
            made = contamination.apply(images)
            rows = traced(contamination, images)
            planted = np.array([bool(row["edit"] or row["source"] == "foreign") for row in rows])
            files, sizes = [path.stat().st_size for path in paths(made)], [image.size for image in made.images]
            assert len(set(zip(files, sizes, strict=True))) == len(set(sizes)), "a size in pixels has one in bytes"
            ids = [list(bytes.fromhex(key)) for key in made.ids]
            facts = np.column_stack([files, sizes, np.arange(len(made)), ids])
            by_image.append((facts, planted))
            if name == "aug":
                truth = made.truths[DUPLICATE, "planted"]
                by_pair.append((np.abs(facts[truth.items[:, 0]] - facts[truth.items[:, 1]]), truth.labels))
        for sets in filter(None, (by_image, by_pair)):
            assert leak(sets) == pytest.approx([0.5, 0.5], abs=0.05), name
    told = [(facts + planted[:, None], planted) for facts, planted in by_image]
    assert min(leak(told)) > 0.6, "what is there is found"


def judged_folder(root: Path) -> ImageSet:
    """Return 30 images: 0-1 off-topic, 2-3 mislabelled, 4-5-6 alike, 7 unreadable, 20-29 judged by nobody."""
    rng = np.random.default_rng(2)
    root.mkdir()
    for number in range(30):
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(root / f"i{number:02d}.png")
    (root / "i07.png").write_bytes(b"no picture")
    lines = [f"i{number:02d},{'ab'[number % 2] if number != 8 else ''}" for number in range(30)]
    (root / "metadata.csv").write_text("\n".join(["id,label", *lines]))
    for file, bad in (("off_topic_samples.csv", (0, 1)), ("label_errors.csv", (2, 3))):
        (root / file).write_text("id,label\n" + "\n".join(f"i{at:02d},{int(at in bad)}" for at in range(20) if at != 8))
    (root / "near_duplicates.csv").write_text('id_list,label\n"i04,i05",1\n"i06,i05",1\n"i09,i10",0\n"i00,i11",0\n')
    return folder(str(root))


def test_known_faults_leave_and_what_was_not_judged_stays_so(plant: Callable[..., Any], tmp_path: Path) -> None:
    images = judged_folder(tmp_path / "judged")
    for name in ("xr", "blur", "lbl", "aug", "mixed"):
        contamination = plant(name, fraction=0.2)
        made, rows = contamination.apply(images), traced(contamination, images)
        kept = {row["source_id"] for row in rows if row["source"] == "base"}
        assert kept == set(images.ids) - {"i00", "i01", "i02", "i03", "i05", "i06", "i07"}
        if (OFF, "planted") in made.truths:
            judged = {rows[at]["source_id"] for at in made.truths[OFF, "planted"].items if rows[at]["off_topic"] == "0"}
            assert judged <= {f"i{at:02d}" for at in range(4, 20)} - {"i08"}
        if (WRONG, "planted") in made.truths:
            judged = {rows[at]["source_id"] for at in made.truths[WRONG, "planted"].items}
            assert judged == {f"i{at:02d}" for at in range(4, 20)} - {"i05", "i06", "i07", "i08"}
        if (DUPLICATE, "planted") in made.truths:
            truth = made.truths[DUPLICATE, "planted"]
            names = [{rows[at]["source_id"] for at in pair if not rows[at]["copy_of"]} for pair in truth.items]
            assert {"i09", "i10"} in names, "people judged this pair, and both images are still there"
    assert "23 of the 30 images of 'judged' have no known fault and are used; 1 cannot be read" in made.warnings
    stated = replace(images, calibration=np.array([25]))
    assert len(plant("lbl").apply(stated).truths[WRONG, "planted"]) == 13, "what is stated to be right is known to be"
    assert not len(plant("lbl").apply(stated).calibration)


@pytest.mark.usefixtures("small_edits")
def test_labels_of_off_topic_images(tidy: Path, plant: Callable[..., Any]) -> None:
    images = folder(str(tidy))
    for name in ("xr", "blur"):
        made = plant(name, fraction=0.5, offtopic_label="new_class").apply(images)
        planted = made.truths[OFF, "planted"].labels
        assert made.classes == (*images.classes, "off-topic")
        assert ((made.labels == 3) == planted).all()
        drawn = plant(name, fraction=0.5).apply(images)
        labels = drawn.labels[drawn.truths[OFF, "planted"].labels]
        assert set(labels.tolist()) == {0, 1, 2}
        assert drawn.classes == images.classes
    bare = ImageSet(name="bare", ids=images.ids, images=images.images)
    for name in ("xr", "blur", "aug"):
        assert plant(name).apply(bare).labels is None
    with pytest.raises(UserError, match=r"'bare' has no labels"):
        plant("lbl").apply(bare)


def test_each_noise_makes_its_own_mistakes(tidy: Path, plant: Callable[..., Any], confusion: Path) -> None:
    images = folder(str(tidy))

    def mistakes(name: str, **options: Any) -> set[tuple[str, str]]:
        contamination = plant(name, fraction=0.4, **options)
        rows = traced(contamination, images)
        return {(row["true_label"], row["given_label"]) for row in rows if row["label_error"] == "1"}

    every = {(one, other) for one in images.classes for other in images.classes if one != other}
    assert mistakes("lbl") == mistakes("lblc") == every
    assert mistakes("asymmetric") == {("ape", "bee"), ("bee", "cow"), ("cow", "ape")}
    assert mistakes("asymmetric", classes={"ape": "cow", "cow": "ape"}) == {("ape", "cow"), ("cow", "ape")}
    assert mistakes("human_confusion") == {("ape", "cow"), ("bee", "ape"), ("bee", "cow")}
    shares = read_confusion(confusion, images.classes)
    assert shares == pytest.approx(np.array([[0.5, 0, 0.5], [0.1, 0.7, 0.2], [0, 0, 1]]))


def test_instance_dependent_noise_gives_what_looks_alike_the_same_label(
    plant: Callable[..., Any], tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    looks = rng.integers(0, 256, (2, 32, 32, 3))
    for number in range(120):
        pixels = (looks[number % 2] + rng.normal(0, 2, (32, 32, 3))).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number:03d}.png")
    lines = [f"{number:03d},{number % 6}" for number in range(120)]
    (tmp_path / "metadata.csv").write_text("\n".join(["id,label", *lines]))
    images, contamination = folder(str(tmp_path)), plant("instance_dependent", fraction=0.4)
    made: dict[tuple[str, int], set[str]] = {}
    for row in traced(contamination, images):
        if row["label_error"] == "1":
            made.setdefault((row["true_label"], int(row["source_id"]) % 2), set()).add(row["given_label"])
    assert {len(labels) for labels in made.values()} == {1}
    assert len(set().union(*made.values())) > 1


@given(
    labels=st.lists(st.integers(-1, 3), min_size=2, max_size=14),
    copies=st.integers(1, 4),
    wanted=st.integers(1, 60),
    seed=st.integers(0, 9),
    every=st.sampled_from([0, 20_000]),
)
@settings(deadline=None)
def test_negatives_are_other_pairs_that_weigh_as_all_of_them(
    labels: list[int], copies: int, wanted: int, seed: int, every: int
) -> None:
    rng = np.random.default_rng(seed)
    originals, images = len(labels), len(labels) + copies
    classes = np.array(labels + [labels[at % originals] for at in range(copies)])
    known = np.array([(at % originals, originals + at) for at in range(copies)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(negatives, "EVERY", every)  # sampled, or all of them
        pairs, chances = negatives.negative_pairs(classes, originals, known, wanted, rng)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    codes = encode(pairs, images)
    assert len(set(codes.tolist()) | set(encode(known, images).tolist())) == len(pairs) + len(known)
    assert ((chances > 0) & (chances <= 1)).all()
    strata = {(True, False): 0, (False, True): 0, (False, False): 0}
    for one in range(images):
        for other in range(one + 1, images):
            if [one, other] not in known.tolist():
                strata[other >= originals, other < originals and bool(classes[one] == classes[other])] += 1
    weights = Counter[tuple[bool, bool]]()
    for (one, other), chance in zip(pairs.tolist(), chances.tolist(), strict=True):
        weights[other >= originals, other < originals and bool(classes[one] == classes[other])] += 1 / chance
    for stratum, size in strata.items():
        assert weights[stratum] == pytest.approx(size), "weighted back, the sample counts as many as there are"
    if every:
        assert len(pairs) == pair_count(images) - len(known)
    else:
        assert len(pairs) == sum(min(size, -(-wanted // 3)) for size in strata.values())


def test_triangular_ranks_are_exact_where_roots_are_not() -> None:
    numbers = np.array([0, 1, 2, 5, 6, 2**52 - 1, 2**52, 2**55 + 12345])
    last = np.array([1, 2, 3, 10**5, 10**8])
    edges = last * (last - 1) // 2
    for ranks in (numbers, edges, edges + last - 1, edges - 1):
        ranks = ranks[ranks >= 0]
        first, second = negatives._triangle(ranks).T
        assert ((first >= 0) & (first < second)).all()
        assert (second * (second - 1) // 2 + first == ranks).all()


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 700), (40, 30), (700, 600)])
def test_edits_take_images_of_any_shape(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    image = Image.new("RGB", size, "#a05a20")
    before = image.tobytes()
    for edit, draw in (("blur", draw_blur), ("augmentation", draw_augmentation), ("artefacts", draw_artefacts)):
        for _ in range(3):
            how = draw(rng)
            assert json.loads(json.dumps(how)) == how, "parameters can be written down"
            made = EDITS[edit](image, how, (50, 20), image)
            assert (made.size, made.mode) == ((50, 20), "RGB")
            assert made.tobytes() == EDITS[edit](image, how, (50, 20), image).tobytes()
    assert image.tobytes() == before


def test_edits_do_what_their_parameters_say() -> None:
    image = Image.new("RGB", (512, 512), "#808080")
    nothing = {"rotation": None, "area": 0.9, "aspect": 1.0, "place": [0.5, 0.5], "padded": False, "blur": None}
    nothing |= {"mirrored": False, "flipped": False}
    assert EDITS["augmentation"](image, nothing, (512, 512), None).getcolors() == [(512 * 512, (128, 128, 128))]
    padded = np.asarray(EDITS["augmentation"](image, nothing | {"padded": True}, (224, 224), None))
    assert (padded[:, 100, 0] < 64).sum() in (5, 6, 7), "three black pixels at either end of 224 + 6"
    turned = np.asarray(EDITS["augmentation"](image, nothing | {"rotation": 45.0}, (512, 512), None))
    assert turned[0, 0].tolist() == [0, 0, 0]
    assert turned[256, 256].tolist() == [128, 128, 128]
    none = {"watermark": None, "bar": False, "mosaic": False}
    assert EDITS["artefacts"](image, none, (512, 512), None).tobytes() == image.tobytes()
    marked = np.asarray(EDITS["artefacts"](image, none | {"watermark": [0.0, 0.0, 0.5, 1.0]}, (512, 512), None))
    written = np.flatnonzero((marked[400:] > 200).all(axis=2).any(axis=0))
    assert np.ptp(written) == pytest.approx(0.8 * 512, abs=12), "the text takes .8 of the width"
    beside = np.asarray(EDITS["artefacts"](image, none | {"mosaic": True}, (650, 650), Image.new("RGB", (9, 9), "red")))
    assert beside[600, 60].tolist() == beside[60, 600].tolist() == [255, 0, 0]
    assert beside[600, 600].tolist() == [0, 0, 0]
    barred = np.asarray(EDITS["artefacts"](image, none | {"bar": True}, (563, 512), None))
    assert barred[:, :512].reshape(-1, 3).std() == 0
    assert len(np.unique(barred[:, 540], axis=0)) > 100


def test_large_images_are_reduced_all_alike(plant: Callable[..., Any], tmp_path: Path) -> None:
    for number in range(6):
        Image.new("RGB", (60, 40 + number % 2), (40 * number, 0, 0)).save(tmp_path / f"{number}.png")
    images = folder(str(tmp_path))
    assert {image.size for image in plant("aug", side=20).apply(images).images} == {(30, 20), (29, 20)}
    assert {image.size for image in plant("aug", side=None).apply(images).images} == {(60, 40), (60, 41)}


def test_foreign_images_come_from_folders_and_sets(
    tidy: Path, plant: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, elsewhere = folder(str(tidy)), tmp_path / "elsewhere"
    elsewhere.mkdir()
    for number in range(6):
        Image.new("RGB", (80, 10), (0, 40 * number, 200)).save(elsewhere / f"f{number}.png")
    (elsewhere / "broken.png").write_bytes(b"no")
    contamination = plant("xr", source=str(elsewhere))
    made = contamination.apply(images)
    assert made.card.licence == "not stated; not stated for the off-topic images"
    assert "elsewhere" in made.card.source
    used = [row["source_id"] for row in traced(contamination, images) if row["source"] == "foreign"]
    assert len(set(used)) == 5
    assert set(used) <= {f"f{number}" for number in range(6)}
    with pytest.raises(
        UserError, match=r"holds 6 images that can be read \(1 cannot be read, 'broken': .*9 are wanted"
    ):
        plant("xr", source=str(elsewhere), fraction=0.1).apply(images)
    with pytest.raises(UserError, match="holds 90 images of 'tidy' itself"):
        plant("xr", source=str(tidy)).apply(images)
    with pytest.raises(UserError, match=r"neither a folder nor a data set.*drawings.*demo"):
        plant("xr", source="nowhere").apply(images)
    sets = {("demo", "dataset"): folder(str(elsewhere))}
    monkeypatch.setattr(zoo, "load", lambda *asked: sets[asked])
    assert contamination.apply(images).ids == replace(contamination, source="demo").apply(images).ids


def test_the_card_hands_on_where_images_are_from(tidy: Path, plant: Callable[..., Any]) -> None:
    card = Card(description="Animals.", licence="CC0", source="a zoo", citation="Zoo 2020", redistributable=True)
    images = replace(folder(str(tidy)), card=card)
    made = plant("xr", fraction=0.1).apply(images)
    assert made.card.licence == "CC0; Apache-2.0 for the off-topic images"
    assert (made.card.citation, made.card.redistributable) == ("Zoo 2020", True)
    assert "do not rank methods for real data. Animals." in made.card.description
    assert made.card.truths == {
        "off_topic": "Synthetic: 9 images of 'drawings' were added. All others are taken to be right, because the "
        "base judges none."
    }
    assert not plant("aug").apply(folder(str(tidy))).card.redistributable
    assert plant("aug", name="mine").apply(images).name == "mine"


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("aug", {"fraction": 0}, "contamination.fraction=0 must be a share"),
        ("aug", {"fraction": 1.0}, "contamination.fraction=1.0 must be a share"),
        ("aug", {"fraction": float("nan")}, "contamination.fraction=nan must be a number"),
        ("aug", {"seed": -1}, "contamination.seed=-1"),
        ("aug", {"seed": 1.5}, "contamination.seed=1.5 must be a whole number"),
        ("aug", {"seed": None}, "contamination.seed=None must be a whole number"),
        ("aug", {"fraction": "half"}, "contamination.fraction='half' must be a number"),
        ("aug", {"name": 2024}, "contamination.name=2024 must be a text or null"),
        ("aug", {"negatives": 1.5}, "contamination.negatives=1.5 must be a whole number"),
        ("aug", {"side": 0}, "contamination.side=0"),
        ("aug", {"negatives": 0}, "contamination.negatives=0"),
        ("xr", {"source": None}, "contamination=xr needs images from elsewhere: contamination.source=FOLDER"),
        ("mixed", {"source": None}, "contamination=mixed needs images from elsewhere"),
        ("xr", {"offtopic_label": "own"}, "offtopic_label='own' is unknown; choose one of random, new_class"),
        ("human_confusion", {"confusion": None}, "contamination.confusion=FILE.csv"),
        ("human_confusion", {"confusion": "/nowhere.csv"}, "/nowhere.csv is not a file"),
        ("human_confusion", {"fraction": 0.9}, "70 images of 'tidy' are of a class that is ever mistaken, but 81"),
        ("asymmetric", {"classes": {"ape": "dog"}}, "names 'dog', which is no class of 'tidy'"),
        ("asymmetric", {"classes": {"ape": "ape"}}, "takes no class of 'tidy' for another one"),
        ("lbl", {"fraction": 0.999}, "would make all 90 labels of 'tidy' wrong"),
        ("blur", {"fraction": 0.999}, "would blur all 90 images"),
    ],
)
def test_mistakes_are_told(
    name: str, options: dict[str, Any], told: str, tidy: Path, plant: Callable[..., Any]
) -> None:
    with pytest.raises(UserError, match=told):
        plant(name, **options).apply(folder(str(tidy)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("label,ape,bee\nape,1,1\n", "its columns must be label and then the classes ape, bee, cow"),
        ("label,ape,bee,cow\nape,1,1,1\nbee,1,1,1\n", "no row for cow"),
        ("label,ape,bee,cow\nape,1,1,x\n", "line 2: expected counts"),
        ("label,ape,bee,cow\nape,1,1,-1\n", "line 2: expected counts"),
        ("label,ape,bee,cow\nape,0,0,0\n", "line 2: expected counts"),
        ("label,ape,bee,cow\nape,1,1,1\nape,1,1,1\n", "line 3: 'ape' must be one of the classes, and have one row"),
    ],
)
def test_mistakes_in_a_confusion_are_told(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "confusion.csv").write_text(text)
    with pytest.raises(UserError, match=told):
        read_confusion(tmp_path / "confusion.csv", ("ape", "bee", "cow"))


def test_a_set_with_too_little_in_it_is_refused(plant: Callable[..., Any], tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "one.png")
    with pytest.raises(UserError, match=r"1 of the 1 images of .* can be read and have no known fault"):
        plant("aug").apply(folder(str(tmp_path)))


@pytest.mark.usefixtures("small_edits")
@given(
    labels=st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=2, max_size=9),
    bad=st.sets(st.integers(0, 8), max_size=4),
    name=st.sampled_from([name for name in PLANTED if name != "human_confusion"]),
    fraction=st.sampled_from([0.01, 0.1, 0.5, 0.99]),
    seed=st.integers(0, 3),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_small_set_is_contaminated_or_refused(
    labels: list[str], bad: set[int], name: str, fraction: float, seed: int, plant: Callable[..., Any], tidy: Path
) -> None:
    whole, count = folder(str(tidy)), len(labels)
    classes = tuple(sorted(set(labels) - {""}))
    ids = whole.ids[:count]
    judged = GroundTruth.of(OFF, ids, range(count), [number in bad for number in range(count)])
    images = ImageSet(
        name="small",
        ids=ids,
        images=whole.images.take(range(count)),
        labels=np.array([classes.index(label) if label else -1 for label in labels]) if classes else None,
        classes=classes,
        truths={(OFF, "default"): judged},
    )
    try:
        made = plant(name, fraction=fraction, seed=seed).apply(images)
    except UserError:
        return
    assert made.truths
    assert all(truth.faulty for truth in made.truths.values())
    assert all(image.mode == "RGB" for image in made.images)
    assert digest_of(made.ids) == digest_of(sorted(set(made.ids)))


def test_every_option_lists_its_settings() -> None:
    for name in zoo.available("contamination"):
        kind = zoo.load_class(name, "contamination")
        parameters = inspect.signature(kind).parameters
        config = zoo.config_of(name, "contamination")
        del config["_target_"]
        assert config == {key: parameter.default for key, parameter in parameters.items()}, name
        if name != "none":
            assert issubclass(kind, Planted)
            assert kind.protocol == name
    assert set(zoo.available("contamination")) == {"none", *PLANTED}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["contamination=smudge"], "smudge"),
        (["contamination=xr"], "contamination.source=FOLDER"),
        (["contamination=lbl", "+contamination.side=3"], "no setting called 'side'"),
        (["contamination=aug", "contamination.fraction=2"], "contamination.fraction=2 must be a share"),
    ],
)
def test_mistakes_on_the_command_line_are_told(words: list[str], told: str, rank_with: Callable[..., Any]) -> None:
    # The data set is not there either: what is wrong with the contamination is told before it is read.
    with pytest.raises((UserError, HydraException), match=told):
        rank_with("method=chance", "dataset=folder", "dataset.root=/nowhere", *words)


def test_nothing_is_done_unless_asked_for(tidy: Path) -> None:
    images = folder(str(tidy))
    assert zoo.load("none", "contamination").apply(images) is images


def test_from_the_command_line_to_the_tables(
    rank_with: Callable[..., Any], tidy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("dataset=folder", f'dataset.root="{tidy}"', "method=phash", "contamination=aug")
    outcomes = [rank_with(*words, f"contamination.seed={seed}") for seed in range(2)]
    records = [outcome.run.records[0] for outcome in outcomes]
    assert [record.dataset for record in records] == ["tidy~aug-0.05-s0", "tidy~aug-0.05-s1"]
    assert {(record.items, record.faulty) for record in records} == {(pair_count(95), 5)}
    assert [outcome.folder.parent for outcome in outcomes] == [
        tmp_path / "runs" / f"tidy~aug-0.05-s{seed}" for seed in range(2)
    ]
    print_outcomes(outcomes)
    shown = capsys.readouterr().out
    assert "Near duplicate on tidy~aug-0.05: mean ± standard deviation over the seeds of the contamination" in shown
    values = [record.metrics["AP"].value for record in records]
    assert f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" in shown
    print_outcomes(outcomes[:1])
    assert "mean ±" not in capsys.readouterr().out
    told = rank_with(*words[:3], "contamination=lbl", "truth.calibration=0.5", "method=chance").run.records
    assert [record.items for record in told if record.issue is WRONG] == [90 - round(0.5 * 85)]
