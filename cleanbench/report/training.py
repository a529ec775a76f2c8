"""The course of an encoder's training as a figure: does it learn, and do its embeddings keep their dimensions?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

TITLES = {
    "loss": "Loss",
    "effective_rank": "Effective rank of the embeddings",
    "covariance_rank": "Effective rank of their covariance",
    "learning_rate": "Learning rate",
    "seconds": "Seconds per epoch",
    "cpu_seconds": "CPU seconds per epoch",
}


def draw_training(history: Mapping[str, Sequence[float]], path: Path, title: str) -> None:
    """Draw every series of ``history`` over the epochs, one below the other, as a PNG or SVG file.

    A loss that falls while the effective rank does so too is a collapse: the embeddings of all images grow alike.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    series = {name: values for name, values in history.items() if len(values)}
    with mpl.rc_context():
        mpl.rcdefaults()  # not the user's own style
        figure = Figure(figsize=(6, 0.6 + 1.7 * len(series)), layout="constrained")
        figure.suptitle(title)
        axes = figure.subplots(len(series), 1, squeeze=False, sharex=True)[:, 0]
        for axis, (name, values) in zip(axes, series.items(), strict=True):
            axis.plot(range(1, len(values) + 1), values, marker="." if len(values) < 30 else "", color="#1f5f8b")
            axis.set_title(TITLES.get(name, name.replace("_", " ")), loc="left", fontsize=9)
            axis.set_ylim(bottom=min(0.0, *values))
            axis.grid(alpha=0.3)
        axes[-1].set_xlabel("Epoch")
        figure.savefig(path, dpi=120)
