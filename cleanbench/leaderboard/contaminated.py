"""The contaminated variants of one data set side by side: methods under each protocol, over the seeds of the latter.

A board holds one contamination with one seed. What a method is worth under a protocol shows only over several.
"""

import csv
import io
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from cleanbench.core import Issue
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.entries import chance_of
from cleanbench.leaderboard.markdown import NOTHING, code, markdown, number
from cleanbench.leaderboard.rows import Row, mean, rows_of
from cleanbench.leaderboard.spreadsheet import text_cell
from cleanbench.records import Record
from cleanbench.report import page
from cleanbench.report.page import Html, escaped

STEM = "contaminated"
METRICS = ("AP", "AUROC")
READING = (
    "Each seed of a contamination plants other faults in other images. Shown is the mean over seeds ± their standard "
    "deviation, in which chance planted what it did; intervals over the items stand on the boards.",
    "First the methods that have an AP under every protocol, by the mean of these; then the others, by name. A dash: "
    "no record, or a metric that the sample of judged pairs cannot tell.",
    "AP depends on prevalence, which differs from protocol to protocol: compare down a column, not along a row.",
    "Planted faults do not rank methods for real data.",
)
_WRITTEN = "Written by `python -m cleanbench.leaderboard`; its `--check` computes every number again."


@dataclass(frozen=True, order=True)
class Variant:
    """What a contaminated set is called: ``BASE~PROTOCOL-FRACTION-sSEED``.

    Attributes:
        base: The data set that was contaminated.
        protocol: Protocol and fraction.
        seed: Of the contamination.
    """

    base: str
    protocol: str
    seed: int

    @classmethod
    def of(cls, dataset: str) -> Self | None:
        """Read the name of a data set; None if it is none that a contamination gives.

        Example:
            >>> Variant.of("demo~blur-0.05-s2")
            Variant(base='demo', protocol='blur-0.05', seed=2)
            >>> Variant.of("demo")
        """
        found = re.fullmatch(r"([^~]+)~(.+)-s(\d+)", dataset, re.ASCII)
        return None if found is None else cls(found[1], found[2], int(found[3]))


@dataclass(frozen=True, eq=False)
class Line:
    """A method with one encoder under all protocols.

    Attributes:
        method: Its label.
        encoder: That of the encoder; empty if the method reads no embeddings.
        values: By metric and protocol, one per seed.
    """

    method: str
    encoder: str
    values: Mapping[tuple[str, str], Sequence[float]]

    def average(self, metric: str, protocols: Sequence[str]) -> float | None:
        """Return the mean over protocols of the means over seeds; None if one is missing."""
        found = [self.values.get((metric, protocol), ()) for protocol in protocols]
        return mean([mean(each) for each in found]) if all(found) else None


@dataclass(frozen=True, eq=False)
class Table:
    """One issue of the variants of one data set.

    Attributes:
        base: The data set.
        issue: The issue.
        seeds: Those of each protocol, by name.
        chance: What a random order is expected to reach, by metric and protocol: mean over seeds.
        lines: In their order.
    """

    base: str
    issue: Issue
    seeds: Mapping[str, Sequence[int]]
    chance: Mapping[tuple[str, str], float]
    lines: Sequence[Line]

    @property
    def title(self) -> str:
        """What is ranked, and where."""
        return f"{self.issue.heading} on contaminations of {self.base}"

    @property
    def protocols(self) -> list[str]:
        """Their names, sorted."""
        return sorted(self.seeds)

    @property
    def basis(self) -> str:
        """The seeds, in words."""
        told = [f"{name} (seeds {', '.join(map(str, sorted(set(self.seeds[name]))))})" for name in self.protocols]
        return f"Protocols with the share of faulty images: {', '.join(told)}."


def variants(contents: Mapping[Board, Sequence[Record]]) -> dict[tuple[str, str], dict[Board, Sequence[Record]]]:
    """Return the boards of contaminated sets with their records, by base and protocol, seed after seed."""
    found = [(variant, board) for board, records in contents.items() if (variant := _variant(records))]
    groups: dict[tuple[str, str], dict[Board, Sequence[Record]]] = {}
    for variant, board in sorted(found, key=lambda each: (each[0], each[1].name)):
        groups.setdefault((variant.base, variant.protocol), {})[board] = contents[board]
    return groups


def tables(contents: Mapping[Board, Sequence[Record]]) -> list[Table]:
    """Return a table for each base and issue that has a protocol with several seeds, or several protocols."""
    groups = variants(contents)
    made = []
    for base in sorted({base for base, _ in groups}):
        for issue in Issue:
            own = {
                protocol: boards
                for (of, protocol), each in groups.items()
                if of == base and (boards := list(_of_issue(each, issue)))
            }
            if sum(map(len, own.values())) > 1:
                made.append(_table(base, issue, own))
    return made


def as_markdown(made: Sequence[Table]) -> str:
    """Render the tables as a page."""
    lines = ["# Contaminated data sets", "", *(f"- {sentence}" for sentence in READING), ""]
    for table in made:
        lines += [f"## {table.title}", "", table.basis, ""]
        for metric in METRICS:
            head = ["Method", "Encoder", *table.protocols]
            body = [_named(line, [_cell(*each) for each in cells]) for line, cells in _rows(table, metric)]
            expected = [number(table.chance.get((metric, protocol))) for protocol in table.protocols]
            body.append(["*by chance, expected*", "", *(f"*{each}*" for each in expected)])
            lines += [f"{metric}:", "", *markdown(head, body, right=set(table.protocols)), ""]
    return "\n".join([*lines, _WRITTEN]) + "\n"


def as_html(made: Sequence[Table], style: str) -> str:
    """Render the tables as a page of the site, shaded from chance to 1."""
    sections = [
        page.section(table.title, page.paragraph(table.basis), *[_shaded(table, metric) for metric in METRICS])
        for table in made
    ]
    lead = [page.paragraph(page.link("All boards", "index.html")), page.bullets(READING)]
    footer = _WRITTEN.replace("`", "")
    return page.document("Contaminated data sets", sections, lead=lead, footer=footer, style=style)


def as_csv(made: Sequence[Table]) -> str:
    """Return a line per method, protocol and metric, six digits of each number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["base", "issue", "protocol", "method", "encoder", "metric", "mean", "sd", "seeds", "chance"])
    for table in made:
        for metric in METRICS:
            for line in table.lines:
                for protocol in table.protocols:
                    values = line.values.get((metric, protocol), ())
                    if not values:
                        continue
                    spread = f"{statistics.stdev(values):.6f}" if len(values) > 1 else ""
                    chance = table.chance.get((metric, protocol))
                    writer.writerow([
                        text_cell(table.base), table.issue, text_cell(protocol), text_cell(line.method),
                        text_cell(line.encoder), metric, f"{mean(values):.6f}", spread, len(values),
                        "" if chance is None else f"{chance:.6f}",
                    ])  # fmt: skip
    return text.getvalue()


def links(boards: Sequence[Board], issue: Issue, suffix: str) -> list[tuple[str, str]]:
    """Return the name and the address of the page of each seed."""
    return [(_seed_of(board, boards), f"{quote(board.name)}/{issue}{suffix}") for board in boards]


def _seed_of(board: Board, boards: Sequence[Board]) -> str:
    """Return the seed of a board; with its truth revision where another board has the same."""
    twins = [each for each in boards if each.folder.parent == board.folder.parent]
    seed = board.folder.parent.name.rpartition("-s")[2]
    return seed if len(twins) == 1 else f"{seed} ({board.folder.name})"


def _variant(records: Sequence[Record]) -> Variant | None:
    return Variant.of(records[0].dataset) if records and truth_of(records[0]).kind == "synthetic" else None


def _of_issue(boards: Mapping[Board, Sequence[Record]], issue: Issue) -> Iterator[list[Record]]:
    for records in boards.values():
        if own := [record for record in records if record.issue is issue]:
            yield own


def _table(base: str, issue: Issue, protocols: Mapping[str, Sequence[Sequence[Record]]]) -> Table:
    rows: dict[tuple[str, str], dict[tuple[str, str], list[float]]] = {}
    expected: dict[tuple[str, str], list[float]] = {}
    seeds: dict[str, list[int]] = {}
    for protocol, boards in protocols.items():
        for records in boards:
            variant = _variant(records)
            assert variant is not None
            seeds.setdefault(protocol, []).append(variant.seed)
            chance = chance_of(records)
            for metric in METRICS:
                if (level := chance[metric]) is not None:
                    expected.setdefault((metric, protocol), []).append(level)
                for row in rows_of(records):
                    _add(rows.setdefault((row.method, row.encoder), {}), row, metric, protocol)
    lines = [Line(method, encoder, values) for (method, encoder), values in rows.items()]
    names = sorted(protocols)

    def place(line: Line) -> tuple[bool, float, str, str]:
        average = line.average("AP", names)
        return average is None, -(average or 0.0), line.method, line.encoder

    chances = {key: mean(values) for key, values in expected.items()}
    return Table(base, issue, seeds, chances, sorted(lines, key=place))


def _add(values: dict[tuple[str, str], list[float]], row: Row, metric: str, protocol: str) -> None:
    """Add what a line of a board has of a metric: its mean over the seeds of the method."""
    if own := row.values(metric):
        values.setdefault((metric, protocol), []).append(mean(own))


Cells = list[tuple[Sequence[float], int]]


def _rows(table: Table, metric: str) -> list[tuple[Line, Cells]]:
    """Return of each line the values under each protocol, and how many seeds that has; lines without any are absent."""
    found = []
    for line in table.lines:
        cells = [(line.values.get((metric, name), ()), len(table.seeds[name])) for name in table.protocols]
        if any(values for values, _ in cells):
            found.append((line, cells))
    return found


def _cell(values: Sequence[float], seeds: int) -> str:
    """Return mean and deviation; the number of seeds where some are missing."""
    if not values:
        return NOTHING
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}" + (f" ({len(values)} of {seeds} seeds)" if len(values) < seeds else "")


def _named(line: Line, cells: Sequence[str]) -> list[str]:
    return [code(line.method), code(line.encoder) if line.encoder else NOTHING, *cells]


def _shaded(table: Table, metric: str) -> Html:
    head = "".join(f'<th scope="col" class="number">{page.code(name)}</th>' for name in table.protocols)
    body = []
    for line, cells in _rows(table, metric):
        name = f"{line.method} on {line.encoder}" if line.encoder else line.method
        shown = []
        for protocol, (values, seeds) in zip(table.protocols, cells, strict=True):
            chance = table.chance.get((metric, protocol), 0.0)
            share = max(0.0, (mean(values) - chance) / (1 - chance)) if values and chance < 1 else 0.0
            shown.append(f'<td class="number shade" style="--s:{share * 100:.0f}%">{_cell(values, seeds)}</td>')
        body.append(f'<tr><th scope="row">{escaped(name)}</th>{"".join(shown)}</tr>')
    expected = [number(table.chance.get((metric, protocol))) for protocol in table.protocols]
    levels = "".join(f'<td class="number">{each}</td>' for each in expected)
    body.append(f'<tr class="mean"><th scope="row">by chance, expected</th>{levels}</tr>')
    return Html(
        f'<div class="table" role="region" aria-label="{escaped(f"{metric}: {table.title}")}" tabindex="0"><table>'
        f"<caption>{metric}, shaded from chance to 1</caption>"
        f'<thead><tr><th scope="col">Method</th>{head}</tr></thead>\n<tbody>{chr(10).join(body)}</tbody></table></div>'
    )
