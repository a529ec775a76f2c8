"""What users install: wheel, sdist and editable install in use, and methods that other people bring."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import textwrap
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
WHERE = "import cleanbench, cleanbench.conf as conf, cleanbench.methods as methods\n"
WHERE += "print(*(module.__file__ for module in (cleanbench, conf, methods)), sep='\\n')"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder for all processes of a parallel run, so that each thing is built once."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "packaging"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def checkout() -> list[str]:
    """Return the paths of all source files: tracked ones and new ones that git does not ignore."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    ended = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip("this is no git checkout, so what belongs to the source is not known")
    return sorted(path for path in ended.stdout.split("\0") if path and (ROOT / path).is_file())


@pytest.fixture(scope="session")
def built(shared: Path, checkout: list[str]) -> Path:
    """Return a folder with ``sdist/*.tar.gz``, ``sdist/*.whl`` made from it, and ``checkout/*.whl``."""
    with FileLock(shared / "built.lock"):
        if not (shared / "built").exists():
            # Building leaves folders behind; a copy keeps them out of the checkout.
            source = shared / "source"
            shutil.rmtree(source, ignore_errors=True)
            for path in checkout:
                (source / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, source / path)
            said = build(source, shared / "building" / "sdist")
            said += build(source, shared / "building" / "checkout", "--wheel")
            assert "would be ignored" not in said, "[tool.setuptools] of pyproject.toml is not clear"
            (shared / "building").rename(shared / "built")
    return shared / "built"


@pytest.fixture(scope="session")
def installed(shared: Path, built: Path) -> Path:
    """Return a Python that has the wheel, and everything else from the running environment."""
    folder = shared / "environment"
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    with FileLock(shared / "installed.lock"):
        if not folder.exists():
            venv.create(folder, with_pip=False)
            install(only(built.glob("checkout/*.whl")), site)
            # A path in a .pth file brings what lies there, but not the .pth files of editable installs.
            beside = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
            (site / "running.pth").write_text("\n".join(beside))
    return Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)})) / "python"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder to work in: images of two classes beside a decoy ``conf`` and ``methods``."""
    rng = np.random.default_rng(0)
    for number in range(16):
        path = tmp_path / "pictures" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, size=(32, 32, 3), dtype=np.uint8)).save(path)
    decoys = {
        "conf/__init__.py": "raise RuntimeError('the decoy conf is imported')",
        "conf/config.yaml": "decoy: true",
        "conf/method/decoy.yaml": "_target_: methods.pyod.PyOD",
        "conf/method/knn.yaml": "_target_: methods.pyod.PyOD",
        "methods/__init__.py": "raise RuntimeError('the decoy methods are imported')",
        "methods/pyod.py": "",
    }
    for name, text in decoys.items():
        write(tmp_path / name, text)
    return tmp_path


@pytest.mark.parametrize("origin", ["checkout", "sdist"])
def test_wheel_holds_the_package_and_nothing_else(built: Path, checkout: list[str], origin: str) -> None:
    with zipfile.ZipFile(only(built.glob(f"{origin}/*.whl"))) as wheel:
        names = set(wheel.namelist())
    shipped = {path for path in names if ".dist-info/" not in path}
    source = [path for path in checkout if path.startswith(("cleanbench/", "conf/", "methods/"))]
    inside = {path if path.startswith("cleanbench/") else f"cleanbench/{path}" for path in source}
    assert shipped == inside, "a package is missing in [tool.setuptools] of pyproject.toml, or its data"
    assert {"cleanbench/py.typed", "cleanbench/conf/config.yaml", "cleanbench/methods/chance.py"} <= shipped
    assert any(path.endswith(".dist-info/licenses/LICENSE") for path in names)


def test_sdist_holds_the_source_without_tests_and_runs(built: Path, checkout: list[str]) -> None:
    with tarfile.open(only(built.glob("sdist/*.tar.gz"))) as sdist:
        names = {path.partition("/")[2] for path in sdist.getnames()}
    source = {path for path in checkout if path.startswith(("cleanbench/", "conf/", "methods/"))}
    assert source | {"LICENSE", "README.md", "pyproject.toml"} <= names
    assert not {"tests", "runs", "leaderboards", ".venv"} & {path.partition("/")[0] for path in names}


def test_wheel_runs_beside_decoys(installed: Path, folder: Path) -> None:
    for path in python(installed, "-c", WHERE, folder=folder).splitlines():
        assert Path(path).is_relative_to(installed.parents[1]), "another cleanbench shadows the wheel"
    shown = python(installed, "-m", "cleanbench", "--help", folder=folder)
    for name in (path.stem for path in ROOT.glob("conf/method/*.yaml")):
        assert re.search(rf"^method: .*\b{name}\b", shown, re.MULTILINE)
    assert "decoy" not in shown
    run(installed, "method=knn", folder=folder)
    assert record(folder, "knn")["method"] == "knn"
    assert "cleanbench.methods.pyod.PyOD" in only(folder.glob("runs/pictures/knn-*/config.yaml")).read_text()


def test_editable_install_runs_beside_decoys(folder: Path) -> None:
    # The checkout itself may be on the path, with an .egg-info that does not tell how it is installed.
    origins = [found.read_text("direct_url.json") for found in importlib.metadata.distributions(name="cleanbench")]
    if not any(json.loads(origin).get("dir_info", {}).get("editable") for origin in origins if origin):
        pytest.skip("the running environment holds no editable install of cleanbench")
    places = python(Path(sys.executable), "-c", WHERE, folder=folder).splitlines()
    assert [Path(place).parent for place in places] == [ROOT / "cleanbench", ROOT / "conf", ROOT / "methods"]
    run(Path(sys.executable), "method=knn", folder=folder)
    assert record(folder, "knn")["method"] == "knn"


def test_method_of_the_contributing_page_in_a_folder(installed: Path, folder: Path) -> None:
    shutil.rmtree(folder / "conf")
    code, settings = block("Add a method", "python"), block("Add a method", "yaml")
    write(folder / "centroid.py", code)
    write(folder / "conf" / "method" / "centroid.yaml", settings)
    assert len(f"{code}{settings}".splitlines()) < 25
    ranking, checking = re.findall(r"^ *python (-m cleanbench.* conf\b[^#\n]*)", CONTRIBUTING, re.MULTILINE)
    assert ranking.startswith("-m cleanbench ")
    run(installed, *ranking.split()[2:], folder=folder)
    assert record(folder, "centroid")["issue"] == "off_topic"
    lines = python(installed, *checking.split(), folder=folder).splitlines()
    assert len(lines) >= 10
    assert all(re.match(r"centroid +(passed|skipped) ", line) for line in lines)


def test_method_in_a_folder_is_among_all_methods(installed: Path, folder: Path) -> None:
    write(folder / "mine.py", block("Add a method", "python"))
    write(folder / "own" / "method" / "mine.yaml", "_target_: mine.Centroid")
    # All methods take a minute; that the pattern finds ours and theirs does not need them.
    others = [path.stem for path in ROOT.glob("conf/method/*.yaml") if path.stem != "chance"]
    pattern = f"method=glob(*,exclude=[{','.join(others)}])"
    run(installed, "--config-dir", "own", "-m", pattern, folder=folder)
    ran = sorted(path.parent.name.split("-")[0] for path in folder.glob("runs/pictures/*/record.json"))
    assert ran == ["chance", "mine"]
    answer = run(installed, "--config-dir", "own", "method=mime", folder=folder, code=2)
    assert "'mime'" in answer
    assert "'mine'" in answer
    assert "Traceback" not in answer


def test_method_of_an_installed_package(installed: Path, folder: Path) -> None:
    package, site = folder / "package", folder / "site"
    project = "[build-system]\nrequires = ['setuptools>=77']\nbuild-backend = 'setuptools.build_meta'\n"
    project += "[project]\nname = 'acme'\nversion = '1.0'\n"
    project += "[tool.setuptools]\npackages = ['acme_clean', 'acme_clean.conf']\n"
    declared = block("Add a method", "toml")
    assert tomllib.loads(declared)["project"]["entry-points"]["cleanbench.conf"] == {"acme": "acme_clean.conf"}
    write(package / "pyproject.toml", project + declared)
    write(package / "acme_clean" / "__init__.py", "")
    write(package / "acme_clean" / "centroid.py", block("Add a method", "python"))
    write(package / "acme_clean" / "conf" / "__init__.py", "")
    write(package / "acme_clean" / "conf" / "method" / "acme.yaml", "_target_: acme_clean.centroid.Centroid")
    build(package, folder / "dist", "--wheel")
    install(only(folder.glob("dist/*.whl")), site)
    run(installed, "method=acme", folder=folder, PYTHONPATH=str(site))
    assert record(folder, "acme")["method"] == "acme"

    broken = site / "broken-1.0.dist-info"
    write(broken / "METADATA", "Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    write(broken / "entry_points.txt", "[cleanbench.conf]\nbroken = no_such_package.conf\n")
    listing = "import cleanbench; print(*cleanbench.zoo.available())"
    answer = python(installed, "-c", listing, folder=folder, PYTHONPATH=str(site))
    assert "plugin 'broken' is left out: no_such_package.conf cannot be imported" in answer
    assert {"acme", "chance", "selfclean"} <= set(answer.splitlines()[-1].split())
    assert "'broken' is left out" in run(installed, "method=acme", "force=true", folder=folder, PYTHONPATH=str(site))


def build(source: Path, target: Path, *what: str) -> str:
    """Build an sdist and a wheel from it, or only what is asked, and return what was said about it.

    This is done offline if the environment holds setuptools.
    """
    try:
        isolated = int(importlib.metadata.version("setuptools").partition(".")[0]) < 77
    except importlib.metadata.PackageNotFoundError:
        isolated = True
    options = [*what, *([] if isolated else ["--no-isolation"])]
    command = [sys.executable, "-m", "build", *options, "--outdir", str(target), str(source)]
    ended = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    answer = ended.stdout + ended.stderr
    if isolated and "No matching distribution found for setuptools" in answer:
        pytest.skip("building needs setuptools>=77, which is neither installed nor to be had from an index")
    assert ended.returncode == 0, answer
    return answer


def install(wheel: Path, site: Path) -> None:
    """Install a wheel, and nothing that it depends on, into a folder."""
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", str(site), str(wheel)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def run(interpreter: Path, *words: str, folder: Path, code: int = 0, **environment: str) -> str:
    """Run cleanbench on the images in ``folder``."""
    data = ["encoder=pixels", "dataset=folder", "dataset.root=pictures"]
    return python(interpreter, "-m", "cleanbench", *words, *data, folder=folder, code=code, **environment)


def python(interpreter: Path, *words: str, folder: Path, code: int = 0, **environment: str) -> str:
    """Run Python in ``folder`` and return what it prints and, before that, what it complains about."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CLEANBENCH"))}
    kept |= {"CLEANBENCH_CACHE": str(folder / "cache"), **environment}
    ended = subprocess.run([interpreter, *words], cwd=folder, env=kept, capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stderr + ended.stdout


def record(folder: Path, method: str) -> dict[str, str]:
    """Return the first record of the only run of a method."""
    content = json.loads(only(folder.glob(f"runs/pictures/{method}-*/record.json")).read_text(encoding="utf-8"))
    first: dict[str, str] = content["records"][0]
    return first


def block(section: str, language: str) -> str:
    """Return the first code block in a language from a section of CONTRIBUTING.md."""
    text = CONTRIBUTING.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.search(rf"^( *)```{language}\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"CONTRIBUTING.md, {section!r}: no code block in {language}"
    return textwrap.dedent(found[2])


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def only(paths: Iterable[Path]) -> Path:
    (path,) = paths
    return path
