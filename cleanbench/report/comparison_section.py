"""One issue of a comparison: tiers in words, the table, curves, effort, overlap, shares and slices."""

from collections.abc import Mapping
from urllib.parse import quote

from cleanbench.audit import tables
from cleanbench.audit.listing import Listing
from cleanbench.audit.reviewer import Reviewer
from cleanbench.audit.stopping import CHANCE, SHARE
from cleanbench.doubt.posterior import Doubted
from cleanbench.image_set import ImageSet
from cleanbench.leaderboard.evidence import read_truth
from cleanbench.leaderboard.rows import Row, mean
from cleanbench.report import highlighting, sentences
from cleanbench.report.charts import Chart, Line
from cleanbench.report.compared import Compared, Comparisons, name_of
from cleanbench.report.comparison_words import findings, remarks, warnings
from cleanbench.report.curves import CURVES
from cleanbench.report.doubted import of_several
from cleanbench.report.issue_section import AXES, TITLES, captions, references
from cleanbench.report.matrices import overlap_matrix, slice_matrix
from cleanbench.report.page import Column, Html, Section, folded, link, note, paragraph, section, table
from cleanbench.report.review_section import reviews_of, telling_facts
from cleanbench.report.values import number

BUDGET = 0.1  # of the judged items
SHOWN = ("AP", "AUROC", "P@10", "R@10%")
SEED = 0


def budget_of(compared: Compared) -> int:
    """Return the number of judged items that tables take for a review."""
    return max(1, round(BUDGET * len(compared.audit.truth)))


def charts(compared: Compared) -> dict[str, Chart]:
    """Return the curves of all rows by name; none where not both faulty and clean items were judged."""
    truth = compared.audit.truth
    if not 0 < truth.faulty < len(truth):
        return {}
    standing = standing_out(compared)
    drawn = {}
    for name, curve_of in CURVES.items():
        lines = [
            Line(
                name_of(row),
                curve_of(compared.audit.levels(compared.run_of(row))),
                "line" if place < standing else "other",
                series=highlighting.series(place),
                key=highlighting.key(place),
            )
            for place, row in enumerate(compared.rows)
        ]
        # The best on top of the others.
        drawn[name] = Chart(TITLES[name], *AXES[name], [*references(name, truth.faulty, len(truth)), *lines[::-1]], 150)
    return drawn


def standing_out(compared: Compared) -> int:
    """Return how many of the first rows stand out in charts: the first tier, as far as there are colours."""
    if compared.comparison is None:
        return min(len(compared.rows), highlighting.STANDING_OUT)
    tiers = compared.comparison.tiers.tolist()
    leading = next((place for place, tier in enumerate(tiers) if tier != 1), len(tiers))
    return min(leading, highlighting.STANDING_OUT)


def comparison_section(
    compared: Compared, of_all: Comparisons, drawn: Mapping[str, Chart], image_set: ImageSet | None
) -> tuple[Section, str]:
    """Return the section of an issue, and the style that it needs."""
    audit, first = compared.audit, compared.rows[0].records[0]
    parts = [Html(f'<div class="findings">{"".join(map(paragraph, findings(compared)))}</div>')]
    parts += [note(text, warning=True) for text in warnings(compared)]
    parts += [note(text) for text in remarks(compared)]
    parts.append(_table(compared, of_all))
    style = ""
    if drawn:
        chooser, style = highlighting.chooser(
            f"curves-{compared.issue}", [name_of(row) for row in compared.rows], standing_out(compared)
        )
        figures = [
            f"<figure>{chart.svg()}<figcaption>{captions(name)}</figcaption></figure>" for name, chart in drawn.items()
        ]
        several = any(len(row.records) > 1 for row in compared.rows)
        seeds = paragraph("Of a row with several seeds the first is drawn.") if several else ""
        group = (
            f'<div class="curves-{compared.issue}"><div class="curves">{"".join(figures)}</div>{chooser}{seeds}</div>'
        )
        parts.append(Html(group))
    budget = budget_of(compared)
    reviews, audit = reviews_of(len(audit.truth)), tables.by_effort(audit)
    listings = [
        ("Effort", tables.effort_table(audit, budget)),
        ("Hours of a reviewer", tables.hours_table(audit, Reviewer(), reviews, SEED)),
        ("When to stop", tables.stopping_table(audit, SHARE, CHANCE, SEED)),
        ("What methods flag by themselves", tables.cuts_table(audit)),
        ("Who finds what: shares of a joint review", tables.shares_table(audit, budget, SEED)),
        *(("How alike the tops are", each) for each in tables.overlap_tables(audit, budget)[1:]),
    ]
    for title, listing in listings:
        if listing is not None:
            more = [overlap_matrix(compared, budget)] if "alike" in title else []
            parts.append(folded(title, listing_table(listing), *more))
    if (uncertain := _doubted(compared, of_all)) is not None:
        parts.append(folded("If labels are in doubt", of_several(uncertain)))
    if image_set is not None:
        for fact in telling_facts(image_set):
            parts += slice_matrix(compared, image_set, fact)
    assert first.issue is compared.issue
    return section(compared.issue.heading, *parts, anchor=compared.issue), style


def _doubted(compared: Compared, of_all: Comparisons) -> Doubted | None:
    """Return the rows and the probabilities of their truth; None if it has none."""
    audit, first = compared.audit, compared.rows[0].records[0]
    if first.truth is None or not 0 < audit.truth.faulty < len(audit.truth):
        return None
    runs = of_all.folder_of(first).parent
    truth = read_truth(runs / "truth" / first.truth.set_revision[:8] / f"{audit.issue}.parquet", audit.issue)
    if truth.probability is None:
        return None
    # Both are in the order of the ids.
    scores = {name_of(row): compared.run_of(row).scores for row in compared.rows}
    return Doubted(truth.probability, audit.labels, scores)


def listing_table(listing: Listing) -> Html:
    """Return a table of an audit."""
    kept = [place for place, column in enumerate(listing.columns) if column.printed]
    head = [
        column.name if column.digits is None else Column(column.name)
        for column in (listing.columns[place] for place in kept)
    ]
    rows = [[listing.columns[place].shown(row[place]) for place in kept] for row in listing.rows]
    notes = "".join(f'<p class="small">{paragraph(text)[3:]}' for text in listing.notes)
    return Html(f'<div class="tables">{table(head, rows, listing.title)}{notes}</div>')


def _table(compared: Compared, of_all: Comparisons) -> Html:
    """Return the table of all rows, with a random order as the last."""
    comparison, first = compared.comparison, compared.rows[0].records[0]
    head: list[str | Column] = [Column("Rank"), Column("Tier"), "Method", "Encoder"]
    head += [Column(name) for name in (*SHOWN, "Seeds", "CPU s", "MiB")]
    rows: list[list[str | int]] = []
    for place, row in enumerate(compared.rows):
        rank, tier = "–", "–"
        if comparison is not None:
            low, high = int(comparison.lowest[place]), int(comparison.highest[place])
            rank, tier = (f"{low}" if low == high else f"{low}–{high}"), str(comparison.tiers[place])
        costs = [record.cost for record in row.records if record.cost is not None]
        cpu = f"{mean([cost.total_cpu_seconds for cost in costs]):.1f}" if costs else "–"
        peak = f"{max(cost.peak_mib for cost in costs):.0f}" if costs else "–"
        cells = [_mean(row, name) for name in SHOWN]
        rows.append(
            [
                rank,
                tier,
                _linked(row, of_all),
                row.encoder or "–",
                *cells,
                len(row.records),
                cpu,
                peak,
            ]
        )
    by_chance = [number(sentences.chance_of(first, name)) for name in SHOWN]
    rows.append(["", "", "by chance", "", *by_chance, "", "", ""])
    caption = (
        "Brackets: 95% intervals. Rank: those that a row may have, jointly for all rows at 95%. Tier: the best one and "
        "all that cannot be told apart from it, then the same among the others. Of several seeds the mean; CPU seconds "
        "without the embeddings."
    )
    return Html(f'<div class="tables">{table(head, rows, caption)}</div>')


def _mean(row: Row, name: str) -> str:
    values = row.values(name)
    if not values:
        return "–"
    ends = row.interval(name) if name in ("AP", "AUROC") else None
    return number(mean(values)) + (f" [{ends.low:.3f}, {ends.high:.3f}]" if ends else "")


def _linked(row: Row, of_all: Comparisons) -> str:
    """Return the name of a method, linked to the report of its run if that is there."""
    folder = of_all.folder_of(row.records[0])
    if not (folder / "report.html").exists():
        return row.method
    return link(row.method, f"{quote(folder.name)}/report.html")
