"""What the repository says about itself is true: commands, tables, links, versions and configuration."""

import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

import cleanbench
from cleanbench import zoo
from cleanbench.commands.methods_table import methods_table

ROOT = Path(__file__).parents[1]
COMPONENTS = sorted(path for group in ("dataset", "encoder", "method") for path in ROOT.glob(f"conf/{group}/*.yaml"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
# Spelled so that this file does not contain what it looks for.
FOREIGN = re.compile(r"/(?:home|root|work|opt|mnt|Users)/\w+|[A-Z]:\\Users|\b(?:TO[D]O|FIX[M]E)\b")


def test_ci_runs_the_test_command_of_the_readme() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    (extraction,) = (line for line in lines if line.startswith("test_command="))
    script = f'{extraction}\nprintf %s "$test_command"'
    extracted = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert extracted == command("test")
    assert "-m pytest" in extracted


def test_main_command_of_the_readme_is_understood(tmp_path: Path) -> None:
    setup, _, words = command("main").partition(" -m cleanbench")
    assert "pip install" in setup
    composing = [sys.executable, "-m", "cleanbench", *shlex.split(words), "--cfg", "job"]
    ended = subprocess.run(composing, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_table_of_methods_is_up_to_date() -> None:
    found = re.search(r"^<!-- methods -->\n(.*)^<!-- /methods -->$", README, re.MULTILINE | re.DOTALL)
    assert found, "README.md lacks the lines <!-- methods --> and <!-- /methods -->"
    expected = methods_table()
    assert found[1].strip() == expected.strip(), (
        "put what `python -m cleanbench.commands.methods_table` prints between the two lines in README.md"
    )
    assert all(f"| `{path.stem}` |" in expected for path in ROOT.glob("conf/method/*.yaml"))


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", ".github/CONTRIBUTING.md"])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]: (\S+)", text, re.MULTILINE)
    local = [inline or reference for inline, reference in targets if ":" not in (inline or reference)]
    files = [link.partition("#")[0] for link in local if not link.startswith("#")]
    assert [link for link in files if not (path.parent / link).exists()] == []


def test_version_is_the_same_everywhere() -> None:
    assert cleanbench.__version__ == VERSION
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[(?:Unreleased|{re.escape(VERSION)})\]", changelog, re.MULTILINE)


def test_nothing_is_left_over_in_the_source() -> None:
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    ended = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip("this is no git checkout, so what belongs to the source is not known")
    found = []
    for path in filter(Path.is_file, (ROOT / name for name in ended.stdout.split("\0") if name)):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # rankings are binary
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in FOREIGN.finditer(text)]
    assert not found, "paths of one machine, or work left undone"


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_configuration_fits_what_it_names(path: Path) -> None:
    written = OmegaConf.load(path)
    assert isinstance(written, DictConfig)
    settings = {str(key) for key in written if key not in ("_target_", "defaults")}
    given = {name: "given" for name in settings if OmegaConf.is_missing(written, name)}
    # A file may start from another one and state only what differs, or nest what its defaults name.
    composed = zoo.config_of(path.stem, path.parent.name, **given)
    target = composed.pop("_target_")
    assert target == written.get("_target_", target)
    assert settings <= composed.keys() == inspect.signature(get_object(target)).parameters.keys()


def command(name: str) -> str:
    """Return the code block after the line ``<!-- NAME command -->`` of the README."""
    found = re.search(rf"^<!-- {name} command -->\n```\w*\n(.+?)\n```$", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md: no code block right after the line <!-- {name} command -->"
    return found[1]
