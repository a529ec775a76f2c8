"""``conf/dataset``: every file lists all settings of its function, and a plain one their defaults."""

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

FILES = sorted((Path(__file__).parents[1] / "conf" / "dataset").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_settings_are_those_of_the_function(path: Path) -> None:
    settings = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert isinstance(settings, dict)
    target = str(settings.pop("_target_"))
    parameters = inspect.signature(get_object(target)).parameters
    assert set(settings) == set(parameters)
    plain = path.stem == target.rpartition(".")[2]  # the others are known sets, whose settings are filled in
    for name, parameter in parameters.items():
        given = settings[name]
        if parameter.default is parameter.empty:
            assert given is not None
        elif plain and not str(given).startswith("${"):
            assert given == parameter.default
