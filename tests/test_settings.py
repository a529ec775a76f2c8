"""Settings of methods: whatever is no such thing is told by its name, by the constructor."""

import math
from typing import Any, get_type_hints

import numpy as np
import pytest

from cleanbench import UserError, zoo
from cleanbench.settings import LARGEST_SEED, flag, number, seed_number, whole_number

WRONG: dict[type, tuple[Any, ...]] = {
    bool: (0, 1, "no", "", None, math.nan),
    int: (1.5, 2.0, math.nan, math.inf, True, "3", "", None, [3]),
    float: (math.nan, math.inf, -math.inf, True, "0.5", [0.5]),
    str: (3, 0.5, math.nan, True, ["phash"], {}),
}


def constructors() -> list[tuple[type[Any], dict[str, Any]]]:
    """Return each class of methods once, with settings that it takes."""
    found = {}
    for name in zoo.available("method"):
        settings = {key: value for key, value in zoo.config_of(name).items() if not key.startswith("_")}
        found[zoo.load_class(name)] = settings
    return [(made, settings) for made, settings in found.items() if settings]


@pytest.mark.parametrize(("made", "settings"), constructors(), ids=lambda part: getattr(part, "__name__", ""))
def test_a_setting_of_the_wrong_kind_is_told_by_the_constructor(made: type[Any], settings: dict[str, Any]) -> None:
    made(**settings)
    hints = get_type_hints(made.__init__)
    for key in settings:
        kinds = [kind for kind in WRONG if hints[key] in (kind, kind | None)]
        for value in WRONG[kinds[0]] if kinds else (3, "", ["a"]):  # of others: parameters of a model
            with pytest.raises(UserError, match="model" if key == "model" else key):
                made(**settings | {key: value})


@pytest.mark.parametrize(("made", "settings"), constructors(), ids=lambda part: getattr(part, "__name__", ""))
def test_a_seed_is_one_that_every_generator_takes(made: type[Any], settings: dict[str, Any]) -> None:
    if "seed" in settings:
        made(**settings | {"seed": LARGEST_SEED})
        for seed in (-1, LARGEST_SEED + 1):
            with pytest.raises(UserError, match=f"seed={seed} must be at"):
                made(**settings | {"seed": seed})


def test_numbers_of_numpy_are_numbers() -> None:
    assert whole_number("k", np.int64(3)) == 3  # type: ignore[arg-type]
    assert number("b", np.float32(0.5)) == 0.5  # type: ignore[arg-type]
    assert number("b", 10**400 - 10**400 + 2) == 2
    assert seed_number(np.uint32(7)) == 7  # type: ignore[arg-type]
    assert flag("normalise", False) is False


def test_what_is_too_small_is_told() -> None:
    with pytest.raises(UserError, match=r"^k=0 must be at least 1$"):
        whole_number("k", 0)
    with pytest.raises(UserError, match=r"^folds=1 must be at least 2$"):
        whole_number("folds", 1, 2)
