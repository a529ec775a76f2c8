"""Runs on contaminated sets, through the command line."""

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet

from cleanbench.core import Issue


def test_a_run_keeps_the_provenance_beside_the_truth(tmp_path: Path) -> None:
    words = ["contamination=lbl", "encoder=pixels", "method=knn_disagreement", f"output={tmp_path}"]
    done = subprocess.run([sys.executable, "-m", "cleanbench", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (kept,) = tmp_path.glob("demo~lbl-0.05-s0/truth/*/provenance.csv")
    judged = pyarrow.parquet.read_table(kept.with_name("label_error.parquet")).to_pydict()
    with kept.open(newline="") as stream:
        wrong = {row["id"] for row in csv.DictReader(stream) if row["true_label"] != row["given_label"]}
    assert wrong
    assert {name for name, label in zip(judged["id"], judged["label"], strict=True) if label} == wrong


def test_the_most_suspicious_are_named_by_what_they_are_made_of(pictures: Path, rank_with: Callable[..., Any]) -> None:
    """Their own files are in the cache, called by hashes."""
    given = ("method=luminance", "dataset=folder", f"dataset.root={pictures}")
    outcome = rank_with(*given, "contamination=aug", "contamination.fraction=0.2")
    names = [name for _, items in outcome.top[Issue.OFF_TOPIC] for name in items]
    assert names
    assert all(re.fullmatch(r"[0-9a-f]{16} \(of i\d\d(, augmentation)?\)", name) for name in names)
