"""What several tests need; files that lie beside the checkout are optional."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("CLEANBENCH_SHARED", Path(__file__).parents[2] / "shared"))


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
