"""The settings of data sets: what is no setting is told by its name, before anything is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cleanbench import zoo
from cleanbench.core import UserError
from cleanbench.datasets.checked import MOST_NEGATIVES, checked

LOADERS = tuple(name for name in zoo.available("dataset") if not name.startswith("_"))
NEEDED = {
    "root": "nowhere",
    "path": "nowhere",
    "id": "id",
    "lists": "nowhere",
    "annotations": "nowhere",
    "of": "CIFAR10",
}


def refusal(dataset: str, /, **settings: Any) -> str:
    """Return why a data set is refused whose other settings are texts."""
    needed = {"of": "CIFAR10"} if dataset == "torchvision" else {}
    needed |= {key: value for key, value in NEEDED.items() if key in settings_of(dataset)}
    with pytest.raises(UserError) as told:
        zoo.load(dataset, "dataset", **{**needed, **settings})
    return str(told.value)


def settings_of(dataset: str) -> set[str]:
    return {str(key) for key in zoo._composed(dataset, "dataset", ())}


@pytest.mark.parametrize("name", LOADERS)
def test_every_loader_checks_its_settings(name: str) -> None:
    settings = settings_of(name)
    assert "dataset.name=1.5 must be a text" in refusal(name, name=1.5)
    if "negatives" in settings:
        assert "dataset.negatives='abc' must be a whole number" in refusal(name, negatives="abc")
        assert f"at most {MOST_NEGATIVES:,}" in refusal(name, negatives=10**15)
    if "seed" in settings:
        assert "dataset.seed must be 0 or more" in refusal(name, seed=-1)
    if "conflict" in settings:
        assert "choose one of drop, last, error" in refusal(name, conflict=5)
    for key in {"root", "path"} & settings:
        if name not in ("cifar10_human", "metadata", "ham10000"):
            assert refusal(name, **{key: None}) == f"dataset.{key} has no value; give one: dataset.{key}=…"


@checked
def loader(path: str, parts: str | Sequence[str] | None = None, share: float = 0.5, rows: int | None = None) -> Any:
    return path, parts, share, rows


def test_what_is_let_through() -> None:
    assert loader("a") == ("a", None, 0.5, None)
    assert loader(2024, ["b"], 1, rows=3) == ("2024", ["b"], 1, 3)  # type: ignore[arg-type]
    assert loader(Path("a"), "b") == (Path("a"), "b", 0.5, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": True}, "dataset.path=True must be a text"),
        ({"path": "a", "share": "half"}, "dataset.share='half' must be a number"),
        ({"path": "a", "share": float("nan")}, "dataset.share=nan must be a number"),
        ({"path": "a", "rows": 1e12}, "dataset.rows=1000000000000.0 must be a whole number or null"),
        ({"path": "a", "parts": {"a": 1}}, "dataset.parts={'a': 1} must be a text or a list or null"),
        ({"path": ["x" * 200]}, f"dataset.path=['{'x' * 77}… must be a text"),
    ],
)
def test_what_is_not(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as told:
        loader(**settings)
    assert str(told.value) == message
