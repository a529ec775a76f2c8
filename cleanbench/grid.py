"""The grid method × encoder of one issue, and how much of its variance lies with methods, encoders and their meeting.

A method's score mixes what the method does with what its encoder shows it. Only a grid, where several methods ran on
several encoders, tells the two apart.
"""

import heapq
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from cleanbench.metrics import METRICS
from cleanbench.records import Record, encoder_labels
from cleanbench.sampled import population

# Values that differ by less differ by rounding.
ROUNDING = 1e-12
# The search for the largest complete part follows this many: all there can be of ten encoders.
CANDIDATES = 1024


@dataclass(frozen=True)
class Shares:
    """A variance split into parts that sum to 1.

    Attributes:
        method: Between methods.
        encoder: Between encoders.
        interaction: Of what a method and an encoder do only together; with one value per cell also all noise.
        residual: Between the values of a cell; None if every cell has one value.
    """

    method: float
    encoder: float
    interaction: float
    residual: float | None


@dataclass(frozen=True)
class Grid:
    """The values of a metric by method and encoder, on one data set, truth and issue.

    Attributes:
        metric: Its name.
        methods: Labels; those of the complete part first, then by mean, the best first.
        encoders: Labels in the same order.
        values: One value per seed, by method and encoder; a combination without a value is a hole.
        complete_methods: The methods of the largest part without holes; empty if no such part has two of each.
        complete_encoders: Its encoders.
        beside: One value per seed of the methods that read no embeddings.
        chance: What a random order is expected to reach; None where that has no value.
    """

    metric: str
    methods: tuple[str, ...]
    encoders: tuple[str, ...]
    values: Mapping[tuple[str, str], tuple[float, ...]]
    complete_methods: tuple[str, ...]
    complete_encoders: tuple[str, ...]
    beside: Mapping[str, tuple[float, ...]]
    chance: float | None

    def mean(self, method: str, encoder: str) -> float | None:
        """Return the mean over seeds; None for a hole."""
        values = self.values.get((method, encoder))
        return None if values is None else fmean(values)

    def mean_of_method(self, method: str) -> float | None:
        """Return the mean over the complete part's encoders; None outside, where it could not be compared."""
        if method not in self.complete_methods:
            return None
        return fmean([fmean(self.values[method, encoder]) for encoder in self.complete_encoders])

    def mean_of_encoder(self, encoder: str) -> float | None:
        """Return the mean over the complete part's methods; None outside, where it could not be compared."""
        if encoder not in self.complete_encoders:
            return None
        return fmean([fmean(self.values[method, encoder]) for method in self.complete_methods])

    @property
    def shares(self) -> Shares | None:
        """The shares of variance in the complete part; None where `no_shares` says why there are none."""
        if self.no_shares:
            return None
        return decompose(self._complete_values())

    @property
    def noise(self) -> Shares | None:
        """The shares to expect if neither method nor encoder mattered; None where there are no shares."""
        return None if self.no_shares else by_noise(self._complete_values())

    @property
    def no_shares(self) -> str | None:
        """Why there are no shares of variance; None where there are."""
        if not self.complete_methods:
            return "no two methods ran on the same two encoders"
        values = [value for row in self._complete_values() for cell in row for value in cell]
        if max(values) - min(values) <= ROUNDING:
            return f"all values of {self.metric} are equal"
        return None

    def _complete_values(self) -> list[list[tuple[float, ...]]]:
        return [
            [self.values[method, encoder] for encoder in self.complete_encoders] for method in self.complete_methods
        ]


def grid_of(records: Sequence[Record], metric: str = "AP") -> Grid:
    """Arrange records of one data set, truth and issue.

    Args:
        records: At least one; of several with the same method, encoder and seeds the last counts.
        metric: One of `METRICS`.
    """
    cells: dict[tuple[str, str], dict[str, float]] = {}
    for record, encoder in zip(records, encoder_labels(records), strict=True):
        value = record.metrics[metric].value if metric in record.metrics else None
        if value is not None:
            cells.setdefault((record.label, encoder), {})[record.seeds.model_dump_json()] = value
    found = {cell: tuple(by_seed.values()) for cell, by_seed in cells.items()}
    values = {(method, encoder): seeds for (method, encoder), seeds in found.items() if encoder}
    methods, encoders = complete_part(values)
    means = {cell: fmean(seeds) for cell, seeds in values.items()}
    sign = -1 if METRICS[metric].higher_is_better else 1

    def ordered(axis: int, complete: Collection[str], across: Collection[str]) -> tuple[str, ...]:
        """Sort methods (axis 0) or encoders (axis 1); the complete ones by their mean ``across`` the complete part."""
        levels: dict[str, list[float]] = {}
        for cell, value in means.items():
            if cell[axis] not in complete or cell[1 - axis] in across:
                levels.setdefault(cell[axis], []).append(value)
        # What prints alike is in the order of names, as on the boards.
        return tuple(
            sorted(levels, key=lambda name: (name not in complete, sign * round(fmean(levels[name]), 3), name))
        )

    rows, columns = ordered(0, methods, encoders), ordered(1, encoders, methods)
    first = records[0]
    return Grid(
        metric=metric,
        methods=rows,
        encoders=columns,
        values=values,
        complete_methods=tuple(name for name in rows if name in methods),
        complete_encoders=tuple(name for name in columns if name in encoders),
        beside={method: seeds for (method, encoder), seeds in found.items() if not encoder},
        chance=METRICS[metric].chance(*population(first)),
    )


def decompose(values: Sequence[Sequence[Sequence[float]]]) -> Shares:
    """Split the variance of a complete grid: two-way analysis of variance with fixed effects and interaction.

    With the values y_ijk, means m_ij of cells, m_i. of rows, m_.j of columns and m of all cells, the parts

        method       mean of (m_i. - m)²
        encoder      mean of (m_.j - m)²
        interaction  mean of (m_ij - m_i. - m_.j + m)²
        residual     mean over cells of the mean of (y_ijk - m_ij)² over the values of a cell

    are divided by their sum: the variance in which every cell weighs alike, and in it every value. With equally many
    values per cell these are the sums of squares of the textbook over their total: eta squared (Fisher 1925;
    Richardson, Educational Research Review 2011). With unequally many, cells weigh alike, as in Yates' analysis of
    unweighted means (Journal of the American Statistical Association 1934), so that the parts stay orthogonal.

    The shares describe these methods and these encoders; another choice, such as one encoder that is bad at
    everything, gives others. They are biased: noise adds to each of them what `by_noise` says, and with one value per
    cell all noise counts as interaction. Near the bounds of a metric differences shrink, which reads as interaction.
    They say nothing about the uncertainty from having few items.

    Args:
        values: By row and column the values of a cell, at least one; at least two rows and columns, not all equal.
    """
    cells = [[fmean(cell) for cell in row] for row in values]
    rows, columns = [fmean(row) for row in cells], [fmean(column) for column in zip(*cells, strict=True)]
    middle = fmean(rows)
    parts = [
        fmean([(row - middle) ** 2 for row in rows]),
        fmean([(column - middle) ** 2 for column in columns]),
        fmean([
            (cells[i][j] - row - column + middle) ** 2 for i, row in enumerate(rows) for j, column in enumerate(columns)
        ]),
        fmean([fmean([(value - fmean(cell)) ** 2 for value in cell]) for row in values for cell in row]),
    ]  # fmt: skip
    total = math.fsum(parts)
    method, encoder, interaction, residual = (part / total for part in parts)
    repeated = any(len(cell) > 1 for row in values for cell in row)
    return Shares(method, encoder, interaction, residual if repeated else None)


def by_noise(values: Sequence[Sequence[Sequence[float]]]) -> Shares:
    """Return the expected parts of `decompose`, over their sum, for independent values of one law.

    A factor with many levels, and the interaction more so, gets a large share of pure noise: of ``I`` rows and ``J``
    columns with ``n`` values per cell the rows get ``(I - 1) / (I J n - 1)``.
    """
    rows, columns = len(values), len(values[0])
    # With unequally many values per cell 1 / n becomes its mean: the variance of a cell's mean.
    spread = fmean([1 / len(cell) for row in values for cell in row])
    total = rows * columns - spread
    repeated = any(len(cell) > 1 for row in values for cell in row)
    return Shares(
        method=spread * (rows - 1) / total,
        encoder=spread * (columns - 1) / total,
        interaction=spread * (rows - 1) * (columns - 1) / total,
        residual=rows * columns * (1 - spread) / total if repeated else None,
    )


def complete_part(filled: Collection[tuple[str, str]]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the methods and encoders of the largest part without holes, of at least two of each, or nothing.

    Of equally large ones the part with more encoders is taken, then the one whose encoders come first by name. With
    more than ten encoders and methods a larger part may be missed: only the best `CANDIDATES` are followed.
    """
    encoders_of: dict[str, set[str]] = {}
    for method, encoder in filled:
        encoders_of.setdefault(method, set()).add(encoder)

    def methods_on(encoders: frozenset[str]) -> frozenset[str]:
        return frozenset(method for method, own in encoders_of.items() if own >= encoders)

    def place(encoders: frozenset[str]) -> tuple[bool, int, int, list[str]]:
        width, height = len(encoders), len(methods_on(encoders))
        return width < 2 or height < 2, -width * height, -width, sorted(encoders)

    # The encoders of a largest part are all those that its methods have in common.
    common: set[frozenset[str]] = set()
    for own in sorted({frozenset(own) for own in encoders_of.values()}, key=sorted):
        common |= {own} | {own & other for other in common}
        common = set(heapq.nsmallest(CANDIDATES, common, key=place))
    best = min(common, key=place, default=frozenset())
    too_small, *_ = place(best)
    return (frozenset(), frozenset()) if too_small else (methods_on(best), best)


def shares_in_words(grid: Grid) -> str:
    """Say in a sentence where the variance lies, or why that cannot be said."""
    shares, noise = grid.shares, grid.noise
    if shares is None or noise is None:
        return f"No shares of variance: {grid.no_shares}."
    size = f"{len(grid.complete_methods)} methods × {len(grid.complete_encoders)} encoders"
    if shares.residual is None or noise.residual is None:
        seeds, usual, caution = "", "", "; with one seed the interaction holds all noise, too"
    else:
        seeds, usual, caution = f", {shares.residual:.0%} between seeds", f", {noise.residual:.0%}", ""
    return (
        f"Of the variance of {grid.metric} over {size}, {shares.method:.0%} lies between methods, {shares.encoder:.0%} "
        f"between encoders, {shares.interaction:.0%} in their interaction{seeds} (pure noise: {noise.method:.0%}, "
        f"{noise.encoder:.0%}, {noise.interaction:.0%}{usual}{caution})."
    )


def left_out_in_words(grid: Grid, name: Callable[[str], str] = str) -> str | None:
    """Say in a sentence what does not enter the shares; None if all does, or if there are no shares.

    Args:
        grid: The grid.
        name: How a name is set.
    """
    if grid.shares is None:
        return None
    parts = [
        f"{noun}{'s' if len(missing) > 1 else ''} {', '.join(map(name, missing))}"
        for noun, everything, complete in (
            ("method", grid.methods, grid.complete_methods),
            ("encoder", grid.encoders, grid.complete_encoders),
        )
        if (missing := [each for each in everything if each not in complete])
    ]
    return f"Left out of means and shares, for want of combinations: {'; '.join(parts)}." if parts else None
