"""Which code a run's key covers."""

import sys
from pathlib import Path

import pytest

from cleanbench import source_code, zoo
from cleanbench.source_code import Module, code_digest, followed


def write(root: Path, **files: str) -> None:
    """Write modules; two underscores stand for a slash."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(root: Path, name: str, file: str) -> list[str]:
    files = followed([Module(name, root / file)])
    return sorted(path.relative_to(root).as_posix() for path in files if path.is_relative_to(root))


def test_modules_beside_the_method_are_followed_wherever_they_are_imported(tmp_path: Path) -> None:
    write(
        tmp_path,
        mine="import json, numpy, nowhere\nimport direct\ndef late():\n    from deep.inner import thing\n",
        direct="import second\n",
        second="import mine\n",
        deep__inner="from .other import thing\n",
        deep__other="thing = 1\n",
        unused="",
    )
    (tmp_path / "deep/__init__.py").touch()
    found = names(tmp_path, "mine", "mine.py")
    assert found == ["deep/__init__.py", "deep/inner.py", "deep/other.py", "direct.py", "mine.py", "second.py"]


def test_of_an_installed_package_only_its_own_modules_are_followed(tmp_path: Path) -> None:
    root = tmp_path / "site-packages"
    write(root, acme__method="import other\nfrom acme import kernel\nfrom . import near\n", acme__kernel="",
          acme__near="", other="")  # fmt: skip
    assert names(root, "acme.method", "acme/method.py") == ["acme/kernel.py", "acme/method.py", "acme/near.py"]


def test_kernels_of_cleanbench_are_followed_and_its_tables_are_not() -> None:
    method = sys.modules[zoo.load_class("selfclean").__module__]
    found = {path.name for path in followed([Module(method.__name__, Path(str(method.__file__)))])}
    assert {"selfclean.py", "neighbours.py", "view.py", "images.py"} <= found
    assert not {"tables.py", "rank.py", "phash.py", "records.py", "extraction.py"} & found


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("def f(x):\n    return x + 1\n", True),
        ('"""Other words."""\n# A remark.\n\ndef f( x ):\n    """Words."""\n    return (x\n        + 1)\n', True),
        ("def f(x):\n    return x + 2\n", False),
        ("def f(x):\n    'words'\n    return x + 1, 'words'\n", False),
        ("def f(x:\n", False),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(text: str, same: bool, tmp_path: Path) -> None:
    write(tmp_path, before='"""Words."""\n\n\ndef f(x):\n    """Add."""\n    return x + 1  # one\n', after=text)
    before, after = (
        next(iter(followed([Module(name, tmp_path / f"{name}.py")]).values())) for name in ("before", "after")
    )
    assert (before == after) is same


def test_what_has_no_file_is_known_by_its_source_or_by_itself() -> None:
    namespace: dict[str, type] = {}
    for name in ("First", "Second"):
        exec(f"class {name}: pass", {"__name__": "typed"}, namespace)
    first, second = namespace.values()
    assert code_digest([first]) == code_digest([first]) != code_digest([second])


def test_a_module_that_changes_is_read_again(tmp_path: Path) -> None:
    module = Module("mine", tmp_path / "mine.py")
    write(tmp_path, mine="x = 1\n")
    before = followed([module])
    write(tmp_path, mine="x = 12\n")
    assert followed([module]) != before
    assert source_code._spec("cleanbench.core.Issue") is None
