"""What a method sees: only what it declares, read-only, without names, computed once."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from cleanbench.core import Need
from cleanbench.images import Files, Images, decode
from cleanbench.store import Store
from cleanbench.view import NotApplicable, UndeclaredNeed, View

EVERYTHING = Need.IMAGES | Need.EMBEDDINGS | Need.LABELS | Need.CLASS_NAMES | Need.CALIBRATION


def grays(count: int) -> npt.NDArray[np.uint8]:
    """Flat images, each of its own gray: its position."""
    return np.full((4, 3, 3, 3), np.arange(4)[:, None, None, None], dtype=np.uint8)[:count]


def whole() -> View:
    return View.from_arrays(
        images=grays(4),
        embeddings=np.arange(8.0).reshape(4, 2),
        labels=[0, 1, 1, 0],
        classes=("x", "y"),
        calibration=[3, 1],
    )


def gray(image: Image.Image) -> npt.NDArray[Any]:
    return np.asarray(float(np.asarray(image).mean()))


def scaled(image: Image.Image, factor: int) -> npt.NDArray[Any]:
    return gray(image) * factor


READERS: dict[Need, Callable[[View], Any]] = {
    Need.IMAGES: lambda view: view.image(0),
    Need.EMBEDDINGS: lambda view: view.embeddings,
    Need.LABELS: lambda view: view.labels,
    Need.CLASS_NAMES: lambda view: view.classes,
    Need.CALIBRATION: lambda view: view.calibration,
}


@pytest.mark.parametrize("need", READERS, ids=lambda need: need.name)
def test_what_is_not_declared_is_refused_by_name(need: Need) -> None:
    view = whole()
    READERS[need](view.restricted(need))
    with pytest.raises(UndeclaredNeed, match=rf"declares nothing for this issue; add Need\.{need.name} to its `needs`"):
        READERS[need](view.restricted(Need(0)))
    declared = view.restricted(EVERYTHING & ~need)
    with pytest.raises(UndeclaredNeed, match=f"add Need.{need.name}"):
        READERS[need](declared)
    with pytest.raises(UndeclaredNeed, match=f"add Need.{need.name}"):
        READERS[need](declared.take([0]))


@pytest.mark.parametrize("need", READERS, ids=lambda need: need.name)
def test_what_is_declared_but_not_there_is_not_applicable(need: Need) -> None:
    data: dict[str, Any] = {"embeddings": np.zeros((2, 1))} if need is not Need.EMBEDDINGS else {"labels": [0, 1]}
    view = View.from_arrays(**data, needs=EVERYTHING)
    with pytest.raises(NotApplicable, match="the data set has no "):
        READERS[need](view)


def test_images_derived_and_exported_count_as_images(tmp_path: Path) -> None:
    view = whole().restricted(EVERYTHING & ~Need.IMAGES)
    for reader in (lambda: view.derived("gray", {}, gray), lambda: view.export(tmp_path)):
        with pytest.raises(UndeclaredNeed, match="reads images"):
            reader()


@pytest.mark.parametrize("rows", [None, [2, 0, 3]], ids=["whole", "taken"])
@pytest.mark.parametrize("name", ["embeddings", "labels", "calibration", "derived"])
def test_arrays_cannot_be_written(name: str, rows: list[int] | None) -> None:
    view = whole() if rows is None else whole().take(rows)
    array = view.derived("gray", {}, gray) if name == "derived" else getattr(view, name)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 9


def test_a_subset_in_another_order_is_the_same_everywhere(tmp_path: Path) -> None:
    view = whole().take([3, 0, 2])
    assert len(view) == 3
    assert view.embeddings.tolist() == [[6, 7], [0, 1], [4, 5]]
    assert view.labels.tolist() == [0, 0, 1]
    assert view.classes == ("x", "y")
    assert view.calibration.tolist() == [0], "position 3 comes first now, position 1 is left out"
    assert view.derived("gray", {}, gray).tolist() == [3, 0, 2]
    assert [gray(view.image(index)).item() for index in range(3)] == [3, 0, 2]
    assert [gray(Image.open(path)).item() for path in view.export(tmp_path)] == [3, 0, 2]
    again = view.take([2, 1])
    assert (len(again), again.labels.tolist(), again.calibration.tolist()) == (2, [1, 0], [])
    assert again.derived("gray", {}, gray).tolist() == [2, 0]
    assert len(view.take([])) == 0


@pytest.mark.parametrize("rows", [[True, False, True, False], [0.0, 1.0], [4], [-1], [[0, 1]]])
def test_rows_that_are_no_positions_are_refused(rows: Any) -> None:
    with pytest.raises(ValueError, match="rows must"):
        whole().take(rows)


def test_settings_of_the_machine_are_kept() -> None:
    view = View.from_arrays(labels=[0], device="cuda", threads=3, memory_limit=5).take([0]).restricted(Need.LABELS)
    assert (view.device, view.threads, view.memory_limit) == ("cuda", 3, 5)


def test_neither_file_name_nor_metadata_is_reachable_from_an_image(tmp_path: Path) -> None:
    told = PngInfo()
    told.add_text("label", "cat")
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "a cat"
    Image.new("RGB", (2, 2)).save(tmp_path / "cat_01.png", pnginfo=told, exif=exif, icc_profile=b"profile of a cat")
    Image.new("RGB", (2, 2)).save(tmp_path / "cat_02.jpg", comment="a cat", exif=exif)
    paths = (tmp_path / "cat_01.png", tmp_path / "cat_02.jpg")
    view = replace(View.from_arrays(images=grays(2)), _data={Need.IMAGES: Images(Files(paths))})
    for index in range(2):
        image = view.image(index)
        assert type(image) is Image.Image
        assert image.info == {}
        assert not image.getexif()
        assert getattr(image, "filename", "") == ""
        assert "cat" not in repr(vars(image))


def test_exported_files_have_neutral_names_and_nothing_but_pixels(tmp_path: Path) -> None:
    paths = whole().export(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [f"{index:07d}.png" for index in range(4)]
    assert sorted(paths) == sorted((tmp_path / "new" / "folder").iterdir())
    with Image.open(paths[2]) as image:
        assert (image.mode, image.info, np.asarray(image).tolist()) == ("RGB", {}, grays(4)[2].tolist())


COUNTING = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from cleanbench.view import View
from cleanbench.store import Store

def compute(image, factor=1):
    with Path("calls").open("a") as calls:
        calls.write("x")
    return np.asarray(image).mean() * factor

if __name__ == "__main__":
    import counting_module

    images = np.full((4, 3, 3, 3), np.arange(4)[:, None, None, None], dtype=np.uint8)
    view = replace(View.from_arrays(images=images), _store=Store(Path("store")), _pixels_digest="digest")
    print(view.derived("gray", {"factor": int(sys.argv[1])}, counting_module.compute).tolist())
"""


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module whose function counts its calls."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "counting_module", raising=False)
    (tmp_path / "counting_module.py").write_text(COUNTING)
    return __import__("counting_module")


def calls() -> int:
    return len(Path("calls").read_text()) if Path("calls").exists() else 0


def stored(digest: str = "digest") -> View:
    return replace(View.from_arrays(images=grays(4)), _store=Store(Path("store")), _pixels_digest=digest)


def test_derived_is_computed_once_for_all_runs_and_processes(counting: ModuleType) -> None:
    view = stored()
    assert view.derived("gray", {}, counting.compute).tolist() == [0, 1, 2, 3]
    assert view.take([1]).derived("gray", {}, counting.compute).tolist() == [1]
    assert stored().derived("gray", {}, counting.compute).tolist() == [0, 1, 2, 3]
    assert calls() == 4
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(2):
        command = [sys.executable, "counting_module.py", "2"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert answer.stdout == "[0.0, 2.0, 4.0, 6.0]\n"
    assert calls() == 8


def test_what_is_derived_together_is_decoded_once_and_found_one_by_one(
    counting: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    monkeypatch.setattr("cleanbench.images.decode", lambda data: decoded.append(0) or decode(data))
    wanted = {f"times {factor}": ({"factor": factor}, counting.compute) for factor in (1, 2, 3)}
    together = stored().derived_together(wanted)
    assert {name: array.tolist() for name, array in together.items()} == {
        "times 1": [0, 1, 2, 3],
        "times 2": [0, 2, 4, 6],
        "times 3": [0, 3, 6, 9],
    }
    assert (len(decoded), calls()) == (4, 12)
    assert stored().derived("times 2", *wanted["times 2"]).tolist() == [0, 2, 4, 6]
    assert stored().take([2]).derived_together(wanted)["times 3"].tolist() == [6]
    assert (len(decoded), calls()) == (4, 12)
    wanted |= {f"times {factor}": ({"factor": factor}, counting.compute) for factor in (4, 5)}
    assert stored().derived_together(wanted)["times 5"].tolist() == [0, 5, 10, 15]
    assert (len(decoded), calls()) == (8, 20), "what was there is not computed again"
    whole().derived_together(wanted)
    assert (len(decoded), calls()) == (12, 40), "without a store it is one pass as well"


def test_what_is_derived_together_appears_whole_or_not_at_all(counting: ModuleType) -> None:
    wanted = {"good": ({}, counting.compute), "bad": ({}, fails_at_two)}
    with pytest.raises(ZeroDivisionError):
        stored().derived_together(wanted)
    assert not list(Path("store").rglob("*.npy"))
    assert stored().derived("good", {}, counting.compute).tolist() == [0, 1, 2, 3]


def fails_at_two(image: Image.Image) -> npt.NDArray[Any]:
    return np.asarray(1 // int(gray(image) != 2))


def test_processes_that_derive_overlapping_things_wait_for_each_other(counting: ModuleType) -> None:
    def ask(names: str) -> list[list[float]]:
        wanted = {name: ({"factor": ord(name)}, counting.compute) for name in names}
        return [array.tolist() for array in stored().derived_together(wanted).values()]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, ["abc", "cba", "bcd", "dab"], timeout=60))
    assert found[0] == found[1][::-1]
    assert calls() == 16


def test_derived_is_computed_again_for_what_differs(counting: ModuleType) -> None:
    def ask(view: View, factor: int = 1, name: str = "gray") -> int:
        view.derived(name, {"factor": factor}, counting.compute)
        return calls()

    assert [ask(stored()), ask(stored())] == [4, 4]
    assert [ask(stored(), factor=2), ask(stored(), factor=2)] == [8, 8]
    assert [ask(stored("other pixels")), ask(stored(), name="other")] == [12, 16]
    Path("counting_module.py").write_text(COUNTING + "# changed\n")
    assert [ask(stored()), ask(stored())] == [20, 20]


def test_two_functions_of_one_module_do_not_share_their_results() -> None:
    view = whole()
    assert view.derived("same name", {}, gray).tolist() == [0, 1, 2, 3]
    assert view.derived("same name", {}, twice).tolist() == [0, 2, 4, 6]


def twice(image: Image.Image) -> npt.NDArray[Any]:
    return 2 * gray(image)


class Scaler:
    """Holds a factor that no key would know of."""

    factor = 3

    def scale(self, image: Image.Image) -> npt.NDArray[Any]:
        """Return a number that depends on more than the image."""
        return gray(image) * self.factor


def test_a_function_with_hidden_settings_is_refused() -> None:
    from functools import partial

    factor = 3
    for hiding in (lambda image: gray(image) * factor, Scaler().scale, partial(scaled, factor=3)):
        with pytest.raises(ValueError, match="must be a plain function of an image and of its params"):
            whole().derived("scaled", {}, hiding)
    assert whole().derived("scaled", {"factor": 3}, scaled).tolist() == [0, 3, 6, 9]


def test_params_that_cannot_be_written_down_are_refused() -> None:
    # Printed, two long arrays look the same.
    with pytest.raises(TypeError, match="not JSON serializable"):
        whole().derived("scaled", {"factor": np.arange(5000)}, scaled)


@pytest.mark.parametrize("threads", [1, 3])
def test_derived_stacks_in_order_whatever_the_threads(threads: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (150, 5, 4, 3), dtype=np.uint8)
    view = View.from_arrays(images=images, threads=threads)
    assert view.derived("gray", {}, gray) == pytest.approx(images.mean(axis=(1, 2, 3)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "got nothing"),
        ({"classes": ("x",)}, "got nothing"),
        ({"labels": [0, 1], "embeddings": np.zeros((3, 1))}, "all of one length; got .*'embeddings': 3, 'labels': 2"),
        ({"labels": [0, -1]}, "integers from 0"),
        ({"labels": [0.0, 1.0]}, "integers from 0"),
        ({"labels": [[0], [1]]}, "integers from 0"),
        ({"labels": [0, 2], "classes": ("x", "y")}, "a label is 2, but there are 2 classes"),
        ({"labels": [0, 1], "calibration": [2]}, "from 0 to 1"),
        ({"labels": [0, 1], "calibration": [-1]}, "from 0 to 1"),
        ({"embeddings": np.zeros(3)}, r"finite floats of shape \(N, D\), not float64 \(3,\)"),
        ({"embeddings": np.zeros((3, 1), dtype=int)}, "finite floats"),
        ({"embeddings": [[0.0], [np.nan]]}, "finite floats"),
        ({"embeddings": [[0.0], [np.inf]]}, "finite floats"),
        ({"images": np.zeros((2, 3, 3, 3))}, "must be uint8"),
        ({"images": np.zeros((2, 3, 3, 4), dtype=np.uint8)}, "must be uint8 of shape"),
        ({"images": np.zeros((3, 3), dtype=np.uint8)}, "must be uint8 of shape"),
    ],
)
def test_unusable_arrays_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        View.from_arrays(**given)


def test_images_may_be_arrays_or_pictures() -> None:
    colours = [Image.new("RGB", (2, 2), (9, 9, 9)), np.full((2, 2), 8, dtype=np.uint8), Image.new("L", (1, 3), 7)]
    view = View.from_arrays(images=colours)
    assert view.needs == Need.IMAGES
    assert [view.image(index).mode for index in range(3)] == ["RGB"] * 3
    assert view.derived("gray", {}, gray).tolist() == [9, 8, 7]
