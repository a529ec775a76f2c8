"""What several tests need; files that lie beside the checkout are optional."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before numpy is imported, which reads it once: tests run side by side, each on one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

SHARED = Path(os.environ.get("CLEANBENCH_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is computed apart from the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def goldens() -> Path:
    """Return the folder of the reference code's recorded outputs."""
    return beside("goldens")


@pytest.fixture(scope="session")
def dev_pack() -> Path:
    """Return a folder of real images with human judgements."""
    return beside("packs/dev")


def beside(folder: str) -> Path:
    """Return a folder beside this checkout, or skip the test that asks for it."""
    path = SHARED / folder
    if not path.is_dir():
        pytest.skip(f"{path} is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a `browser.Browser`; without Chromium the test is skipped, and with ``CI`` set it fails."""
    from browser import CURE, chromium, programs

    if programs() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no Chromium with its driver; {CURE}")
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of 24 small images with all truths; i03 and i05 cannot be read, i07 has no label."""
    root = tmp_path_factory.mktemp("data") / "pictures"
    draw(root, 24)
    (root / "i03.png").write_bytes(b"")
    (root / "i05.png").write_bytes((root / "i05.png").read_bytes()[:60])
    labels = ["" if number == 7 else "ab"[number % 2] for number in range(24)]
    table(root / "metadata.csv", "id,label", [f"i{number:02d},{label}" for number, label in enumerate(labels)])
    table(root / "off_topic_samples.csv", "id,label", [f"i{number:02d},{number % 3 // 2}" for number in range(18)])
    table(root / "label_errors.csv", "id,label", [f"i{number:02d},{number % 4 // 3}" for number in range(8, 24)])
    groups = [f'"i{number:02d},i{number + 1:02d}",{number % 5 // 4}' for number in range(23)]
    table(root / "near_duplicates.csv", "id_list,label", groups)
    return root


@pytest.fixture(scope="session")
def unjudged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 8 small images in two folders, without any truth."""
    root = tmp_path_factory.mktemp("data") / "unjudged"
    draw(root / "cats", 4)
    draw(root / "dogs", 4, first=4)
    return root


@pytest.fixture(scope="session")
def odd_methods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a module of odd methods and, in ``conf``, their configuration."""
    root = tmp_path_factory.mktemp("odd methods")
    shutil.copy(Path(__file__).parent / "odd_methods.py", root)
    settings = {
        "odd": ("Odd", {"do": "nothing", "path": "''", "seed": "${seed}"}),
        "fits_labels": ("FitsLabels", {}),
        "pairs": ("Pairs", {"do": "nothing"}),
        "needs_package": ("NeedsPackage", {}),
        "needs_calibration": ("NeedsCalibration", {}),
        "idle": ("Idle", {}),
        "no_detector": ("NoDetector", {}),
        "required": ("Required", {"k": "???"}),
        "missing_module": ("nowhere.Nobody", {}),
    }
    (root / "conf" / "method").mkdir(parents=True)
    for name, (target, values) in settings.items():
        target = target if "." in target else f"odd_methods.{target}"
        lines = [f"_target_: {target}", *(f"{key}: {value}" for key, value in values.items())]
        (root / "conf" / "method" / f"{name}.yaml").write_text("\n".join(lines) + "\n")
    (root / "conf" / "encoder").mkdir()
    (root / "conf" / "encoder" / "breaks.yaml").write_text("_target_: odd_methods.Breaks\n")
    return root


@pytest.fixture(scope="session")
def rank_into(odd_methods: Path) -> Callable[..., Any]:
    """Return a function that runs one method as the command line would, in this process, into a folder.

    A report is written only where it is asked for: most tests do not look at it.
    """
    from cleanbench.commands import rank

    def run(output: Path, *overrides: str) -> Any:
        rank._image_set.cache_clear()  # the files of a test may have changed
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(odd_methods)
            config, choices = composed(odd_methods, "report=false", *overrides, f'output="{output}"')
            return rank.rank(config, choices, [str(odd_methods / "conf")])

    return run


@pytest.fixture
def rank_with(rank_into: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Return `rank_into` for folders of one test, by default ``runs``."""
    return lambda *overrides, output="runs": rank_into(tmp_path / output, *overrides)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder of four finished runs."""
    import numpy as np
    from finished_runs import make_run

    output = tmp_path / "runs"
    make_run(output, "phash")
    make_run(output, "knn", changed={"n_neighbors": 5}, seed=0)
    make_run(output, "knn", changed={"n_neighbors": 5}, seed=1)
    make_run(output, "chance", scores=np.zeros)
    return output


@pytest.fixture(name="root")
def _root(runs: Path, tmp_path: Path) -> Path:
    """Return the boards that these runs are merged into."""
    from cleanbench.leaderboard.merge import merge

    merged = merge(runs, tmp_path / "boards")
    assert (merged.refused, merged.runs, merged.added, merged.known) == ([], 4, 8, 0)
    return tmp_path / "boards"


def composed(methods: Path, *overrides: str) -> tuple[Any, dict[str, str]]:
    """Compose a configuration as the command line would; return it and the chosen options."""
    from hydra import compose, initialize_config_module
    from omegaconf import open_dict

    search = f'hydra.searchpath=["file://{methods / "conf"}"]'
    with initialize_config_module("cleanbench.conf", version_base="1.3", job_name="cleanbench"):
        config = compose("config", [search, *overrides], return_hydra_config=True)
        choices = {str(group): str(choice) for group, choice in config.hydra.runtime.choices.items()}
        with open_dict(config):
            del config["hydra"]
    return config, choices


def draw(root: Path, count: int, first: int = 0) -> None:
    """Write small images of noise, ``i00.png`` and so on."""
    import numpy as np
    from PIL import Image

    root.mkdir(parents=True)
    for number in range(first, first + count):
        noise = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / f"i{number:02d}.png")


def table(path: Path, header: str, rows: list[str]) -> None:
    """Write a CSV file."""
    path.write_text("\n".join([header, *rows]) + "\n")
