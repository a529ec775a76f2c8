"""What can be used by name, from here, from folders and from installed packages."""

import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.version import getbase

from cleanbench import Detector, Issue, UserError, zoo
from cleanbench.plugins import InstalledConfigs, register

MINE = """
from cleanbench import Detector, UserError


class Mine(Detector):
    def __init__(self, k=3, seed=0, weights=(1, 2)):
        if k < 1:
            raise UserError("k must be at least 1")
        if k > 9:
            raise ValueError("k is too large")
        self.k, self.seed, self.weights = k, seed, weights

    def off_topic(self, data):
        return data
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration folder, its path awkward, with a method beside it."""
    conf = tmp_path / "my, own 'conf'"
    (conf / "method").mkdir(parents=True)
    (conf / "method/mine.yaml").write_text(
        "_target_: mine.Mine\nk: 3\nseed: ${seed}\nweights: [1, 2]\nconflict: ${truth.conflict}\n"
    )
    (conf / "method/typo.yaml").write_text("_target_: mine.Nine\n")
    (conf / "method/gone.yaml").write_text("_target_: gone.Gone\n")
    (conf / "method/unset.yaml").write_text("_target_: mine.Mine\nk: ???\n")
    (conf / "method/plain.yaml").write_text("k: 3\n")
    (conf / "method/broken.yaml").write_text("k: [\n")
    (conf / "method/lost.yaml").write_text("_target_: mine.Mine\nk: ${nowhere}\n")
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return conf


def test_own_methods_are_available_and_load() -> None:
    names = zoo.available()
    assert {"chance", "knn", "phash", "selfclean"} <= set(names)
    assert list(names) == sorted(names)
    assert all(isinstance(zoo.load(name), Detector) for name in ("chance", "phash", "selfclean"))
    assert {"pixels", "hog"} <= set(zoo.available("encoder"))
    assert zoo.load("pixels", "encoder", size=8).size == 8


def test_listing_and_loading_import_nothing_heavy() -> None:
    code = (
        "import sys; from cleanbench import zoo; zoo.available(); zoo.config_of('knn'); zoo.load('chance');"
        "heavy = {'sklearn', 'pandas', 'torch', 'pyod', 'scipy', 'skimage', 'cleanlab'} & sys.modules.keys();"
        "methods = {m for m in sys.modules if m.startswith('cleanbench.methods.')};"
        "print(sorted(heavy), sorted(methods))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "[] ['cleanbench.methods.chance']"


def test_folder_is_searched_and_its_references_are_resolved(folder: Path) -> None:
    assert "mine" in zoo.available(search=[folder])
    assert "mine" not in zoo.available()
    assert zoo.config_of("mine", search=[folder]) == {
        "_target_": "mine.Mine",
        "k": 3,
        "seed": 0,
        "weights": [1, 2],
        "conflict": "drop",
    }
    assert zoo.load_class("mine", search=[folder]).issues() == (Issue.OFF_TOPIC,)


def test_settings_replace_defaults(folder: Path) -> None:
    config = zoo.config_of("mine", search=[folder], k=5, seed=7, weights=[9])
    assert (config["k"], config["seed"], config["weights"]) == (5, 7, [9])
    del config["conflict"]
    instance = zoo.make(config)
    assert (instance.k, instance.seed, instance.weights) == (5, 7, [9])
    assert type(instance.weights) is list


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (("selfclen",), {}, r"no method 'selfclen'. Did you mean 'selfclean'\? Available: .*chance.*, phash"),
        (("zzz", "encoder"), {}, r"no encoder 'zzz'. Available: .*hog"),
        (
            ("chance", "methods"),
            {},
            r"no group 'methods'. Did you mean 'method'\? "
            r"Available: augmentations, contamination, dataset, encoder, experiment, method",
        ),
        (
            ("mine",),
            {"weigths": 1},
            r"method 'mine' has no setting 'weigths'. Did you mean 'weights'\? Available: .*k,",
        ),
        (("mine",), {"_target_": "os.remove"}, "has no setting '_target_'"),
        (("unset",), {}, "method 'unset' needs a value for k"),
        (("unset",), {"k": 0}, "^k must be at least 1$"),
        (("unset",), {"k": 10}, "mine.Mine cannot be made: k is too large"),
        (("mine",), {}, "mine.Mine cannot be made: .* unexpected keyword argument 'conflict'"),
        (("typo",), {}, "mine.Nine cannot be made: .* importable from module 'mine'"),
        (("gone",), {}, "gone.Gone cannot be made: .* module 'gone' is installed"),
        (("plain",), {}, "the YAML of method 'plain' lacks _target_"),
        (("broken",), {}, "the YAML of method 'broken' is not usable"),
        (("lost",), {}, "the YAML of method 'lost' refers to nothing: .*'nowhere'"),
    ],
)
def test_mistakes_are_told_with_the_alternatives(
    arguments: tuple[str, ...], settings: dict[str, object], message: str, folder: Path
) -> None:
    with pytest.raises(UserError, match=message):
        zoo.load(*arguments, search=[folder], **settings)


@pytest.mark.parametrize("name", ["typo", "gone"])
def test_class_that_cannot_be_imported_is_told(name: str, folder: Path) -> None:
    with pytest.raises(UserError, match=rf"method '{name}': \w+\.\w+ cannot be imported"):
        zoo.load_class(name, search=[folder])


def test_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no configuration folder .*nowhere"):
        zoo.available(search=[tmp_path / "nowhere"])


def test_a_running_hydra_goes_on_as_before(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("color: red\n")
    with initialize_config_dir(str(tmp_path), version_base="1.2"):
        running, base = GlobalHydra.instance().hydra, getbase()
        assert zoo.load("chance").issues()
        assert GlobalHydra.instance().hydra is running
        assert getbase() == base
        with pytest.raises(UserError):
            zoo.load("nope")
        assert compose("other") == {"color": "red"}
    assert not GlobalHydra.instance().is_initialized()


def install(root: Path, distribution: str, name: str, package: str) -> None:
    """Write what an installer leaves of a distribution that declares an entry point."""
    info = root / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[cleanbench.conf]\n{name} = {package}\n")


def test_installed_package_brings_methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_clean/conf/method").mkdir(parents=True)
    (tmp_path / "acme_clean/__init__.py").touch()
    (tmp_path / "acme_clean/conf/__init__.py").touch()
    (tmp_path / "acme_clean/conf/method/acme.yaml").write_text("_target_: acme_clean.detector.Acme\n")
    (tmp_path / "acme_clean/conf/method/chance.yaml").write_text("_target_: acme_clean.detector.Acme\n")
    (tmp_path / "acme_clean/detector.py").write_text(MINE.replace("Mine", "Acme"))
    install(tmp_path, "acme-clean", "acme", "acme_clean.conf")
    monkeypatch.syspath_prepend(tmp_path)
    assert "acme" in zoo.available()
    assert type(zoo.load("acme")).__module__ == "acme_clean.detector"
    # A plugin adds methods; it does not replace ours.
    assert type(zoo.load("chance")).__module__ == "cleanbench.methods.chance"


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ("gone_entirely.conf", "No module named 'gone_entirely'"),
        ("half_there.conf", "there is no package half_there.conf"),
        ("breaks.conf", "RuntimeError: old licence"),
    ],
)
def test_broken_plugin_is_left_out_with_a_warning(
    package: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_there").mkdir()
    (tmp_path / "half_there/__init__.py").touch()
    (tmp_path / "breaks.py").write_text("raise RuntimeError('old licence')")
    install(tmp_path, "broken", "broken", package)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(UserWarning, match=f"the plugin 'broken' is left out: .*{reason}"):
        assert "chance" in zoo.available()


def test_registering_twice_adds_once() -> None:
    from hydra.core.plugins import Plugins
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    register()
    register()
    assert Plugins.instance().discover(SearchPathPlugin).count(InstalledConfigs) == 1
