"""Is every method of the demo's boards better than chance on what it is made for, and if not, why?

    python benchmarks/above_chance.py [--boards leaderboards] [--check]

Writes `docs/above-chance.md` from the committed boards: per method and issue the AUROC and the lower end
of its 95 % interval, on the encoder that the method takes unless told otherwise. ``--check`` writes nothing and fails
if the page is not what the boards give, or if a method is at chance without a reason in `EXCEPTIONS`.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cleanbench import Issue, zoo
from cleanbench.leaderboard.board import boards
from cleanbench.leaderboard.rows import mean, rows_of
from cleanbench.leaderboard.tables import by_issue

PAGE = Path(__file__).parents[1] / "docs" / "above-chance.md"

# By method and issue: why it is not above chance there.
EXCEPTIONS: Mapping[tuple[str, str], str] = {
    ("chance", "off_topic"): "a constant score, chance by definition",
    ("chance", "near_duplicate"): "a constant score, chance by definition",
    ("chance", "label_error"): "a constant score, chance by definition",
    ("abod", "off_topic"): "angles to five neighbours say little among the 324 columns of `hog`",
    ("gmm", "off_topic"): "one Gaussian for twelve classes, in 324 columns from 932 images",
    ("hbos", "off_topic"): "looks at each column of `hog` by itself, where drawn patterns have ordinary values",
    ("mcd", "off_topic"): "one Gaussian for twelve classes, in 324 columns from half of 932 images",
    ("fine", "label_error"): "rows of `hog` share a large part, so that all classes have nearly one main direction",
}


@dataclass(frozen=True)
class Line:
    """A method on an issue of the demo.

    Attributes:
        method: Its configuration.
        issue: What it ranked.
        encoder: What it ranked with; empty if it reads no embeddings.
        auroc: Mean over seeds.
        lower: Lower end of the board's 95 % interval.
        elsewhere: AUROC on the other encoders of the board, mean over seeds, by encoder.
    """

    method: str
    issue: Issue
    encoder: str
    auroc: float
    lower: float
    elsewhere: Mapping[str, float]

    @property
    def reason(self) -> str:
        """Why it may be at chance; empty if it may not."""
        return EXCEPTIONS.get((self.method, str(self.issue)), "")


def main() -> None:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--boards", type=Path, default=Path(__file__).parents[1] / "leaderboards")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    lines = list(lines_of(options.boards))
    rendered = page(lines)
    failing = [line for line in lines if line.lower <= 0.5 and not line.reason]
    for line in failing:
        print(f"{line.method}, {line.issue}: AUROC {line.auroc:.3f}, lower end {line.lower:.3f}, and no reason given")
    differs = options.check and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != rendered)
    if differs:
        print(f"{PAGE.name} is not what the boards give; run python benchmarks/above_chance.py")
    if not options.check:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(rendered, encoding="utf-8")
        print(rendered)
    sys.exit(1 if failing or differs else 0)


def lines_of(root: Path) -> Iterator[Line]:
    """Yield the methods with their default settings on the newest board of the demo."""
    of_demo = [board for board in boards(root) if board.folder.parent.name == "demo"]
    if len(of_demo) != 1:
        sys.exit(f"expected one board of demo under {root}, found {len(of_demo)}; say where: --boards FOLDER")
    (board,) = of_demo
    for issue, records in by_issue([record for record in board.records() if not record.changed]):
        rows = sorted(rows_of(records), key=lambda row: (row.method, row.encoder))
        for row in rows:
            if row.encoder not in ("", default_encoder(row.method)):
                continue
            interval = row.interval("AUROC")
            if interval is None:
                sys.exit(f"the AUROC of {row.method} on {issue} has no interval; make the boards again")
            others = {each.encoder: mean(each.values("AUROC")) for each in rows if each.method == row.method}
            others.pop(row.encoder)
            yield Line(row.method, issue, row.encoder, mean(row.values("AUROC")), interval.low, others)


@cache
def default_encoder(method: str) -> str:
    """Return the encoder that a method takes unless told otherwise."""
    from hydra import compose, initialize_config_module

    with initialize_config_module("cleanbench.conf", version_base="1.3", job_name="cleanbench"):
        config = compose("config", [f"method={method}"], return_hydra_config=True)
    return str(config.hydra.runtime.choices["encoder"])


def page(lines: list[Line]) -> str:
    """Render the page."""
    excused = [line for line in lines if line.lower <= 0.5]
    never = [name for name in zoo.available("method") if name not in {line.method for line in lines}]
    text = [
        "# Every method on the demo",
        "",
        "AUROC of each method, with its default settings and encoder, on the issues that it solves, and the lower end "
        "of the board's 95 % interval, means over seeds. The demo's faults are planted: the table shows that a "
        "method works, and ranks no methods.",
        "",
        "| Issue | Method | Encoder | AUROC | Lower end |",
        "| :--- | :--- | :--- | ---: | ---: |",
    ]
    text += [
        f"| {line.issue.heading} | `{line.method}` | {f'`{line.encoder}`' if line.encoder else '–'} | {line.auroc:.3f} "
        f"| {line.lower:.3f} |"
        for line in lines
    ]
    text += ["", "## Not above chance", ""]
    text += ["| Issue | Method | AUROC | Lower end | Elsewhere | Why |", "| :--- | :--- | ---: | ---: | :--- | :--- |"]
    text += [
        f"| {line.issue.heading} | `{line.method}` | {line.auroc:.3f} | {line.lower:.3f} "
        f"| {others_of(line)} | {line.reason} |"
        for line in excused
    ]
    text += ["", "Elsewhere: AUROC with other encoders of the board."]
    if never:
        text += ["", "Not on the board, for want of an optional package, of weights or of settings: "]
        text[-1] += ", ".join(f"`{name}`" for name in never) + "."
    text += ["", "Written by `python benchmarks/above_chance.py` from the boards of `demo`; do not edit."]
    return "\n".join(text) + "\n"


def others_of(line: Line) -> str:
    """Return the AUROC with other encoders, as the page shows it."""
    return ", ".join(f"`{name}` {value:.3f}" for name, value in sorted(line.elsewhere.items())) or "–"


if __name__ == "__main__":
    main()
