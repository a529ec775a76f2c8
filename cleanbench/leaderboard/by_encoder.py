"""The equal-representation board: methods on the same encoder among themselves, and the grid of both."""

from collections.abc import Sequence

from cleanbench.grid import Grid, left_out_in_words
from cleanbench.leaderboard.legend import legend
from cleanbench.leaderboard.markdown import NOTHING, code, escaped, markdown, number
from cleanbench.leaderboard.rows import rows_of
from cleanbench.leaderboard.tables import WRITTEN, facts, ranked
from cleanbench.records import Record


def page(records: Sequence[Record], grid: Grid) -> str:
    """Render the grid of one issue of one board and a table for each of its encoders.

    Args:
        records: All records of the issue.
        grid: Their grid, which has a complete part.
    """
    first = records[0]
    rows = rows_of(records)
    lines = [
        f"# {first.issue.heading} on {escaped(first.dataset)}, by encoder",
        "",
        f"The [free board]({first.issue}.md) ranks methods on whatever encoder each was run with. Here methods meet "
        "on the same encoder, so that a better representation is not taken for a better method.",
        "",
        *facts(records),
        "",
        "## Methods × encoders",
        "",
        f"![{escaped(title(grid, records))}; the numbers are in the table below]({first.issue}_grid.svg)",
        "",
        *_table(grid),
        "",
        *_variance(grid),
    ]
    for encoder in grid.encoders:
        lines += ["", f"## On {code(encoder)}", "", *ranked([row for row in rows if row.encoder == encoder], first)]
    if beside := [row for row in rows if not row.encoder]:
        lines += ["", "## Without an encoder", "", *ranked(beside, first)]
    lines += [
        "",
        "## How to read it",
        "",
        *_legend(grid),
        *legend(rows),
        "",
        WRITTEN,
    ]
    return "\n".join(lines) + "\n"


def title(grid: Grid, records: Sequence[Record]) -> str:
    """Return what the heat map shows, in a line."""
    return f"{grid.metric} by method and encoder: {records[0].issue.heading.lower()} on {records[0].dataset}"


def _table(grid: Grid) -> list[str]:
    """Return the grid with the means of its complete part."""
    encoders = [code(encoder) for encoder in grid.encoders]
    cells = [
        [
            code(method),
            *[number(grid.mean(method, encoder)) for encoder in grid.encoders],
            number(grid.mean_of_method(method)),
        ]
        for method in grid.methods
    ]
    cells.append(["*mean*", *[number(grid.mean_of_encoder(encoder)) for encoder in grid.encoders], ""])
    return markdown([grid.metric, *encoders, "mean"], cells, right={*encoders, "mean"})


def _variance(grid: Grid) -> list[str]:
    """Return the shares of variance as a table, and what does not enter them."""
    shares, noise = grid.shares, grid.noise
    if shares is None or noise is None:
        return [f"No shares of variance: {grid.no_shares}."]
    parts = [
        ("between methods", shares.method, noise.method),
        ("between encoders", shares.encoder, noise.encoder),
        ("interaction of method and encoder", shares.interaction, noise.interaction),
    ]
    if shares.residual is not None and noise.residual is not None:
        parts.append(("between seeds", shares.residual, noise.residual))
    size = f"{len(grid.complete_methods)} methods × {len(grid.complete_encoders)} encoders"
    head = [f"Variance of {grid.metric} over {size}", "Share", "By pure noise"]
    rows = [[name, f"{share:.1%}", f"{expected:.1%}"] for name, share, expected in parts]
    left_out = left_out_in_words(grid, code)
    return [*markdown(head, rows, right={"Share", "By pure noise"}), *(["", left_out] if left_out else [])]


def _legend(grid: Grid) -> list[str]:
    described = [
        f"- Methods × encoders: {grid.metric}, mean over seeds; {NOTHING}: no record. Sorted by the means, which are "
        "over the largest part of the grid without holes.",
        "- Share: two-way analysis of variance with fixed effects over that part, every cell weighing alike (eta "
        "squared). It describes these methods and encoders, and another choice of them gives other shares. A large "
        "interaction: what a method is worth depends on the encoder.",
        "- By pure noise: the share to expect if neither method nor encoder mattered. A share that is not far above "
        "it says nothing.",
    ]
    if grid.shares is not None and grid.shares.residual is None:
        described.append("- There is one seed per combination, so that the interaction holds all noise, too.")
    return described
