"""Submissions beside the boards of `finished_runs`, and what a check says of them."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
from finished_runs import IDS, only

from cleanbench.score.incoming import Options, incoming


def submit(
    root: Path, table: pd.DataFrame | None = None, folder: str = "mine", ending: str = "csv", **manifest: object
) -> Path:
    """Lay a submission beside the boards; a key that is set to nothing is left out of its manifest."""
    record = only(root).records()[0]
    assert record.truth is not None
    stated = {
        **{"name": folder, "issue": "off_topic", "dataset": "demo", "who": "A", "licence": "CC0-1.0"},
        **{"fingerprint": record.fingerprint[:12], "truth_revision": record.truth.set_revision[:8]},
        **manifest,
    }
    place = root / "incoming" / folder
    place.mkdir(parents=True)
    table = drawn() if table is None else table
    if ending == "csv":
        table.to_csv(place / "ranking.csv", index=False)
    else:
        table.to_parquet(place / "ranking.parquet")
    (place / "manifest.yaml").write_text("".join(f"{key}: {_yaml(value)}\n" for key, value in stated.items() if value))
    return place


def drawn(seed: int = 5) -> pd.DataFrame:
    return pd.DataFrame({"id": IDS, "score": np.random.default_rng(seed).random(len(IDS))})


def told(root: Path, *, merge: bool = False) -> tuple[int, str]:
    """Check the submissions and return the exit code and what was said."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = incoming(Options(board=root, merge=merge))
    return code, said.getvalue()


def _yaml(value: object) -> str:
    return json.dumps(value) if isinstance(value, str | dict) else str(value)
