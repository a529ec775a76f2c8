"""One issue of a comparison: tiers in words, the table, curves, effort, overlap, shares and slices."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

import numpy as np

from cleanbench.audit import tables
from cleanbench.audit.listing import Listing
from cleanbench.audit.reviewer import Reviewer
from cleanbench.audit.slice_tables import JUDGED_BY, slices_by
from cleanbench.audit.tables import heading
from cleanbench.core import Bools, Floats, Ints, Issue
from cleanbench.image_set import ImageSet
from cleanbench.leaderboard.rows import Row, mean
from cleanbench.metrics import METRICS, evaluate
from cleanbench.records import Measured
from cleanbench.report import highlighting, sentences
from cleanbench.report.audits import draw_overlap
from cleanbench.report.charts import Chart, Line
from cleanbench.report.compared import BY, Compared, Comparisons
from cleanbench.report.curves import CURVES
from cleanbench.report.issue_section import AXES, TITLES, captions, references
from cleanbench.report.page import Column, Html, Section, figure, folded, link, note, paragraph, section, table
from cleanbench.report.review_section import telling_facts
from cleanbench.report.values import number
from cleanbench.slices import by_slice
from cleanbench.tops import overlap

BUDGET = 0.1  # of the judged items
MOST_IN_MAP = 40  # rankings whose overlap one drawing can show
SHOWN = ("AP", "AUROC", "P@10", "R@10%")
SEED, DRAWS = 0, 20


def name_of(row: Row) -> str:
    """Name a row where it stands alone."""
    return f"{row.method} on {row.encoder}" if row.encoder else row.method


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
    listings = [
        ("Effort", tables.effort_table(audit, budget)),
        ("Hours of a reviewer", tables.hours_table(audit, Reviewer(), DRAWS, SEED)),
        ("When to stop", tables.stopping_table(audit, 0.05, 0.05, DRAWS, SEED)),
        ("What methods flag by themselves", tables.cuts_table(audit)),
        ("Who finds what: shares of a joint review", tables.shares_table(audit, budget, SEED)),
        *(("How alike the tops are", each) for each in tables.overlap_tables(audit, budget) if each.printed),
    ]
    for title, listing in listings:
        if listing is not None:
            more = [_overlap(compared, budget)] if "alike" in title else []
            parts.append(folded(title, listing_table(listing), *more))
    if image_set is not None:
        for fact in telling_facts(image_set):
            parts += _slices(compared, image_set, fact)
    assert first.issue is compared.issue
    return section(compared.issue.heading, *parts, anchor=compared.issue), style


def findings(compared: Compared) -> list[str]:
    """Say what the comparison found."""
    first = compared.rows[0].records[0]
    said = [sentences.judged(first)]
    if compared.comparison is not None:
        said += [tiers_in_words(compared), chance_in_words(compared)]
    if compared.left_out:
        runs = "1 run is" if compared.left_out == 1 else f"{compared.left_out} runs are"
        said.append(f"{runs} left out: on another state of the data or of the truth.")
    return [text for text in said if text]


def tiers_in_words(compared: Compared) -> str:
    """Name the row with the highest AP and those that it cannot be told apart from, and count the tiers."""
    comparison, rows = compared.comparison, compared.rows
    if comparison is None or len(rows) < 2:
        return ""
    values = [mean(row.values(BY)) for row in rows]
    leader = int(np.argmax(values))
    others = [
        name_of(row) for place, row in enumerate(rows) if place != leader and not comparison.better[leader, place]
    ]
    best = f"{name_of(rows[leader])} has the highest {BY}, {number(values[leader])}"
    if not others:
        found = f"{best}, and is told apart from all {len(rows) - 1} others"
    elif len(others) == len(rows) - 1:
        found = f"{best}, and cannot be told apart from any of the {len(rows) - 1} others"
    else:
        found = f"{best}, and cannot be told apart from {sentences.listed(others)}"
    tiers = int(comparison.tiers.max())
    count = f"{tiers} tiers in all" if tiers > 1 else "a single tier"
    return f"{found} ({BY}, paired replicates, Holm's correction for all pairs, 5%): {count}."


def chance_in_words(compared: Compared) -> str:
    """Name the rows that cannot be told from a random order, or are worse, by the interval of AUROC."""
    unclear, worse = [], []
    for row in compared.rows:
        ends = row.interval("AUROC")
        if ends is None or compared.is_constant(row):
            continue
        if ends.high < 0.5:
            worse.append(name_of(row))
        elif ends.low <= 0.5:
            unclear.append(name_of(row))
    said = []
    if unclear:
        said.append(f"By AUROC, {sentences.listed(unclear)} cannot be told from a random order.")
    if worse:
        said.append(f"By AUROC worse than a random order: {sentences.listed(worse)}.")
    return " ".join(said)


def warnings(compared: Compared) -> list[str]:
    """Return what a reader must know before trusting the table."""
    said = [sentences.few_faulty(compared.rows[0].records[0])]
    tied = [name_of(row) for row in compared.rows if row.decided_by_ties and not compared.is_constant(row)]
    if tied:
        said.append(
            f"Of {sentences.listed(tied)} the order of tied items moves AP more than its interval is wide: many items "
            "share a score."
        )
    return [text for text in said if text]


def remarks(compared: Compared) -> list[str]:
    """Return what else a reader should know of rows."""
    rows = compared.rows
    partly = [name_of(row) for row in rows if any(record.coverage < 1 for record in row.records)]
    foreign = [name_of(row) for row in rows if row.foreign]
    told = [name_of(row) for row in rows if any(record.supervised for record in row.records)]
    said = []
    if partly:
        said.append(f"Not every judged item got a score from {sentences.listed(partly)}; those without rank last.")
    if foreign:
        said.append(f"On another encoder than that of the paper: {sentences.listed(foreign)}.")
    if told:
        said.append(f"Supervised, told labels that are stated to be right: {sentences.listed(told)}.")
    return said


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
        cpu = mean([record.cost.fit_cpu_seconds + record.cost.cpu_seconds for record in row.records])
        peak = max(record.cost.peak_mib for record in row.records)
        cells = [_mean(row, name) for name in SHOWN]
        rows.append(
            [
                rank,
                tier,
                _linked(row, of_all),
                row.encoder or "–",
                *cells,
                len(row.records),
                f"{cpu:.1f}",
                f"{peak:.0f}",
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


def _overlap(compared: Compared, budget: int) -> Html:
    rows = compared.rows
    if not 2 <= len(rows) <= MOST_IN_MAP:
        return Html("")
    scores = [compared.run_of(row).scores for row in rows]
    shared = np.array([[overlap(one, other, budget) for other in scores] for one in scores])
    title = f"{compared.issue.heading}: overlap of the first {budget:,}"
    caption = "Share of the items in either top that is in both; ties are broken at random, in each ranking by itself."
    return figure(draw_overlap([name_of(row) for row in rows], shared, title), caption, title)


def _slices(compared: Compared, image_set: ImageSet, fact: str) -> Iterable[Html]:
    """Return a matrix of rows and slices; nothing where only one slice is judged."""
    audit = compared.audit
    slices = slices_by(audit, image_set, fact)
    found = {
        name_of(row): by_slice(audit.items, audit.labels, compared.run_of(row).scores, slices, _by_slice)
        for row in compared.rows
    }
    told = [place for place, part in enumerate(slices) if 0 < audit.labels[part.members].sum() < part.members.sum()]
    if len(told) < 2:
        return []
    head: list[str | Column] = ["Method", *(Column(slices[place].name) for place in told)]
    counts = [
        f"{int(audit.labels[slices[place].members].sum())} of {int(slices[place].members.sum())}" for place in told
    ]
    rows = [["faulty", *counts]]
    rows += [[name, *(_heat(parts[place].metrics[JUDGED_BY].value) for place in told)] for name, parts in found.items()]
    noun = " A pair counts in the parts of both of its images." if compared.issue is Issue.NEAR_DUPLICATE else ""
    caption = (
        f"{heading(audit)}: {JUDGED_BY} by {fact}, of each part alone; the darker, the further above 0.5. With few "
        f"faulty ones a value says little.{noun}"
    )
    return [folded(f"By {fact}", Html(f'<div class="tables">{table(head, rows, caption)}</div>'))]


def _by_slice(_: Ints, labels: Bools, scores: Floats) -> dict[str, Measured]:
    (found,) = evaluate(labels, scores, [JUDGED_BY]).values()
    return {JUDGED_BY: Measured(value=found.value, reason=found.reason)}


def _heat(found: float | None) -> Html:
    if found is None:
        return Html("–")
    low, high = METRICS[JUDGED_BY].bounds(1, 2)
    strength = max(0.0, (found - (low + high) / 2) / ((high - low) / 2))
    return Html(f'<span class="heat" style="--h: {60 * strength:.0f}%">{found:.3f}</span>')
