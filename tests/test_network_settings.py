"""Settings of encoders that run images through a network: told before anything is loaded."""

from typing import Any

import pytest

from cleanbench import UserError
from cleanbench.encoders.checkpoint import Checkpoint
from cleanbench.encoders.torch_hub import TorchHub


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": 0}, "image_size=0 must be a positive number of pixels"),
        ({"image_size": 1.5}, "image_size=1.5 must be a whole number"),
        ({"image_size": True}, "image_size=True must be a whole number"),
        ({"mean": [0.5, 0.5]}, "mean=.* must be three numbers, of red, green and blue"),
        ({"mean": ["a", "b", "c"]}, "mean=.* must be three numbers"),
        ({"mean": 0.5}, "mean=0.5 must be three numbers"),
        ({"std": [1, 0, 1]}, "std=.* must be three positive numbers"),
        ({"std": [1, float("nan"), 1]}, "std=.* must be three positive numbers"),
        ({"crop_pct": 0}, "crop_pct=0 must be a share from 0.1 to 1"),
        ({"crop_pct": 1.5}, "crop_pct=1.5 must be a share from 0.1 to 1"),
        ({"crop_pct": "all"}, "crop_pct='all' must be a number"),
        ({"crop_mode": "cut"}, "crop_mode='cut' is unknown; choose one of center"),
        ({"interpolation": 3}, "interpolation=3 must be a text"),
        ({"threads": 0}, "threads=0 must be at least 1"),
        ({"device": None}, "device=None must be a text"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"encoder.{message}"):
        Checkpoint("weights.pth", **settings)
    with pytest.raises(UserError, match=f"encoder.{message}"):
        TorchHub("here", "network", source="local", trust=True, **settings)


def test_null_is_what_the_network_was_trained_with() -> None:
    Checkpoint("weights.pth", image_size=None, mean=None, crop_pct=None)
    Checkpoint("weights.pth", mean=(0, 0, 0), std=(1, 1, 1), crop_pct=1)
