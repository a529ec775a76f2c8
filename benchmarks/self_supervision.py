"""What does self-supervision on the data itself gain over its own untrained network, HOG and pixels, at what cost?

    python benchmarks/self_supervision.py [--root FOLDER] [--encoders simclr dino …] [--seeds 0 1 2]

Runs on the demo, or on a folder as `dataset=folder` reads it. One row per encoder and seed: CPU seconds of training,
effective rank of the embeddings, and AUROC (AP) of `knn_disagreement` on label errors and of `selfclean` on every issue
that the data has truth of; then the mean and the spread over seeds. An encoder that trains is followed by its untrained
weights. Trainings are kept in the cache, and resumed there.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Mapping

import numpy as np

from cleanbench import Floats, ImageSet, Issue, View, zoo
from cleanbench.encoders.base import Encoder
from cleanbench.encoders.extraction import embedding_key
from cleanbench.encoders.ssl.encoder import SelfSupervised
from cleanbench.encoders.ssl.rank import effective_rank
from cleanbench.metrics import evaluate
from cleanbench.store import Store

Row = dict[str, float]


def main() -> None:
    """Print a row per encoder and seed, then means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--root")
    parser.add_argument("--encoders", nargs="+", default=["simclr"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    data = zoo.load("folder", "dataset", root=options.root) if options.root else zoo.load("demo", "dataset")
    for name in ("pixels", "hog"):
        show(name, measure(zoo.load(name, "encoder"), data))
    for name in options.encoders:
        variants: Mapping[str, dict[str, int]] = {name: {}, f"{name} untrained": {"epochs": 0}}
        for variant, settings in variants.items():
            rows = []
            for seed in options.seeds:
                rows.append(measure(zoo.load(name, "encoder", seed=seed, **settings), data))
                show(f"{variant} {seed}", rows[-1])
            if len(rows) > 1:
                show(f"{variant} mean", {key: statistics.mean(row[key] for row in rows) for key in rows[0]})
                show(f"{variant} spread", {key: statistics.stdev(row[key] for row in rows) for key in rows[0]})


def measure(encoder: Encoder, data: ImageSet) -> Row:
    """Train (or find) an encoder, embed, and score."""
    folder = Store.default().root / "benchmarks" / embedding_key(encoder, data.pixels_digest)[:32]
    folder.mkdir(parents=True, exist_ok=True)
    before = cpu_seconds()
    fitted = encoder.prepare(data.images, folder)
    row = {"train s": cpu_seconds() - before} if isinstance(encoder, SelfSupervised) else {"train s": 0.0}
    starts = range(0, len(data.images), 256)
    embeddings = np.concatenate([fitted.encode(list(data.images.take(range(start, min(start + 256, len(data.images))))))
                                 for start in starts])  # fmt: skip
    row["rank"] = effective_rank(embeddings)
    view = View.from_arrays(embeddings=embeddings, labels=data.labels)
    neighbours, selfclean = zoo.load("knn_disagreement", k=20), zoo.load("selfclean")
    score(row, "kNN label error", data, Issue.LABEL_ERROR, lambda items: neighbours.label_errors(view)[items])
    score(row, "label error", data, Issue.LABEL_ERROR, lambda items: selfclean.label_errors(view)[items])
    score(row, "near duplicate", data, Issue.NEAR_DUPLICATE, lambda items: selfclean.near_duplicates(view, items))
    score(row, "off topic", data, Issue.OFF_TOPIC, lambda items: selfclean.off_topic(view)[items])
    return row


def score(row: Row, title: str, data: ImageSet, issue: Issue, compute: Callable[..., Floats]) -> None:
    """Add AUROC and AP of one method on one issue, if there is truth."""
    truth = data.truth(issue)
    if truth is not None:
        found = evaluate(truth.labels, np.asarray(compute(truth.items), dtype=np.float64), ["AUROC", "AP"])
        row[f"{title} AUROC"], row[f"{title} AP"] = found["AUROC"].value or 0.0, found["AP"].value or 0.0


def show(name: str, row: Row) -> None:
    """Print a row."""
    values = [
        f"{key} {value:.1f}" if key in ("train s", "rank") else f"{key} {value:.3f}" for key, value in row.items()
    ]
    print(f"{name}: {', '.join(values)}", flush=True)


def cpu_seconds() -> float:
    """Return the CPU time of this process so far."""
    times = os.times()
    return times.user + times.system


if __name__ == "__main__":
    main()
