"""Runs on contaminated sets, through the command line."""

import csv
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet


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
