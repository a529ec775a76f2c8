"""Methods across the data sets of all boards, as a critical-difference diagram."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from cleanbench.core import Issue, UserError
from cleanbench.leaderboard import drawing
from cleanbench.leaderboard.board import Board
from cleanbench.leaderboard.rows import mean, rows_of
from cleanbench.records import Record
from cleanbench.uncertainty.critical_difference import CriticalDifference, critical_difference

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def diagrams(contents: Mapping[Board, Sequence[Record]]) -> dict[str, str]:
    """Draw the diagram of each issue that has enough independent data sets.

    A method on another encoder counts as another method. Of several revisions of a truth, the values are averaged.

    Args:
        contents: The records of all boards.

    Returns:
        Drawings by the name of their file.
    """
    drawn = {}
    for issue in Issue:
        found: dict[str, dict[str, list[float]]] = {}
        for records in contents.values():
            for row in rows_of([record for record in records if record.issue is issue]):
                if values := row.values("AP"):
                    name = f"{row.method} on {row.encoder}" if row.encoder else row.method
                    found.setdefault(row.records[0].dataset, {}).setdefault(name, []).append(mean(values))
        means = {dataset: {name: mean(each) for name, each in of.items()} for dataset, of in found.items()}
        try:
            drawn[f"{issue}_critical_difference.svg"] = draw(critical_difference(means), issue)
        except UserError:  # too few data sets or methods: no diagram
            continue
    return drawn


def draw(compared: CriticalDifference, issue: Issue) -> str:
    """Draw mean ranks on a line, with a bar over methods that cannot be told apart."""
    sets = len(compared.datasets)
    title = f"{issue.heading}: mean rank by AP over {sets} data sets, Friedman p = {compared.p_value:.2g}"
    size = (7.5, 1.6 + 0.24 * len(compared.ranks) + 0.15 * len(compared.groups))
    return drawing.draw(size, title, json.dumps(asdict(compared)), lambda figure: _fill(figure, compared))


def _fill(figure: "Figure", compared: CriticalDifference) -> None:
    names, ranks = drawing.plain(list(compared.ranks)), list(compared.ranks.values())
    places = dict(zip(compared.ranks, range(len(ranks)), strict=True))
    axes = figure.subplots()
    axes.plot(ranks, range(len(ranks)), "o", color="black")
    for row, rank in enumerate(ranks):
        axes.text(rank, row - 0.28, f"{rank:.2f}", ha="center", size="x-small")
    for number, group in enumerate(compared.groups):
        height = len(ranks) + 0.2 + 0.6 * number
        axes.plot([ranks[places[group[0]]], ranks[places[group[-1]]]], [height, height], lw=4, color="0.5")
    axes.set_yticks(range(len(ranks)), names, parse_math=False)
    axes.set(xlim=(0.7, len(ranks) + 0.3), ylim=(len(ranks) + 0.6 * len(compared.groups) + 0.4, -0.8))
    axes.set_xlabel(
        f"Mean rank, 1 is best; bars join what cannot be told apart (critical difference {compared.difference:.2f})"
    )
    axes.spines[["top", "right"]].set_visible(False)
