"""What code a result comes from: a class's module and all that it imports of its author's and of cleanbench."""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from cleanbench.core import digest_of
from cleanbench.view import source_digest

OURS = "cleanbench"
INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True)
class Module:
    """A module by the name that imports use, and its file."""

    name: str
    file: Path

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.file.name == "__init__.py" else self.name.rpartition(".")[0]

    @property
    def root(self) -> Path:
        """The folder that absolute imports of the same author start from."""
        above = self.name.count(".") + (self.file.name == "__init__.py")
        return self.file.parents[min(above, len(self.file.parents) - 1)]


def code_digest(things: Iterable[Any]) -> str:
    """Return the SHA-256 of the code that classes, functions or modules run: their modules, and what these import.

    Imports are followed, wherever they stand in a file, into modules of cleanbench and into those beside the
    importing one: in its folder and below, or, of an installed package, in that package. Other packages are known by
    their versions. Of a file counts what Python makes of it: comments, docstrings and layout do not.

    What is imported under a name that is computed, and files that are no modules, are not seen.
    """
    known, unknown = [], []
    for thing in things:
        module = thing if isinstance(thing, ModuleType) else sys.modules.get(getattr(thing, "__module__", ""))
        file = getattr(module, "__file__", None)
        if module is not None and file:
            known.append(Module(module.__name__, Path(file)))
        else:  # typed into a notebook
            unknown.append(source_digest(thing))
    return digest_of([*unknown, *sorted(followed(known).values())])


def followed(modules: Iterable[Module]) -> dict[Path, str]:
    """Return the files of modules and of all that they import, as `code_digest` says, with a digest of each."""
    waiting, found = list(modules), dict[Path, str]()
    while waiting:
        module = waiting.pop()
        if module.file in found:
            continue
        status = module.file.stat()
        found[module.file], imports = _read(module, status.st_mtime_ns, status.st_size)
        waiting.extend(imports)
    return found


@lru_cache(maxsize=1024)
def _read(module: Module, modified: int, size: int) -> tuple[str, tuple[Module, ...]]:  # noqa: ARG001 - the key's part
    """Return the digest of a module's code and what it imports that is followed."""
    content = module.file.read_bytes()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # a compiled module
        return hashlib.sha256(content).hexdigest(), ()
    names = set(_imported(tree, module.package))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                del node.body[0]  # a docstring, or a constant that does nothing
    located = (_located(name, module) for name in sorted(names))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(item for item in located if item is not None)


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield the absolute names of all that may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            named = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in named:  # importing a module runs the packages above it
            parts = name.split(".")
            yield from (".".join(parts[: count + 1]) for count in range(len(parts)))


def _located(name: str, importer: Module) -> Module | None:
    """Return a module that is followed, or None for one of another author, or what is no module."""
    top = name.partition(".")[0]
    if top == OURS:  # our folders are not all laid out as our modules are named
        spec = _spec(name)
        return Module(name, Path(spec)) if spec else None
    if importer.name.partition(".")[0] == OURS:
        return None
    if importer.root.name in INSTALLED and top != importer.name.partition(".")[0]:
        return None
    path = importer.root.joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return Module(name, file)
    return None


@lru_cache(maxsize=1024)
def _spec(name: str) -> str | None:
    """Return the file of a module of ours; None if there is no such module."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # the name of a class, within a module
        return None
    return spec.origin if spec is not None and spec.has_location else None
